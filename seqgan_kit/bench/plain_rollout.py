"""Plain implementation of sampling and rollout rewards, the reference of ``seqgan-kit bench``.

It is simple, but not deliberately slow.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from seqgan_kit.sequences.discriminators.highway import Highway
from seqgan_kit.sequences.discriminators.textcnn import TextCNN
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.sampling.rollout import RowReward
from seqgan_kit.sequences.sampling.rows_in_progress import State


@torch.no_grad()
def plain_rollout_rewards(
    policy: SequenceGenerator,
    tokens: Tensor,
    reward: RowReward,
    rollouts: int,
    *,
    rng: torch.Generator,
) -> Tensor:
    """Return rewards [B,T] of ``tokens`` [B,T] by a loop over rollouts and prefix lengths that replays
    prefixes.

    The result has the same expectation as ``rollout_rewards``, cell by cell, with other random numbers.
    Tokens of a prefix are read without projection to the vocabulary.
    """
    length = tokens.shape[1] - policy.given
    rewards = torch.zeros(len(tokens), length, device=tokens.device)
    for _ in range(rollouts):
        for kept in range(1, length):
            rewards[:, kept - 1] += reward(_complete(policy, tokens, kept, rng)) / rollouts
    rewards[:, -1] = reward(tokens)
    if policy.eos is None:
        return rewards
    return torch.where(policy.token_mask(tokens), rewards, 0.0)


def _complete(policy: SequenceGenerator, tokens: Tensor, kept: int, rng: torch.Generator) -> Tensor:
    """One completion [B,S+T] of the first ``kept`` written tokens of every row."""
    completed = tokens.clone()
    state = policy.start(tokens[:, : policy.given])
    inputs = torch.full_like(tokens[:, 0], policy.bos)
    for position in range(kept):
        _, state = policy.advance(inputs, state)
        inputs = tokens[:, policy.given + position]
    for position in range(policy.given + kept, tokens.shape[1]):
        logits, state = _step(policy, inputs, state)
        inputs = torch.multinomial(logits.softmax(1), 1, generator=rng).squeeze(1)
        completed[:, position] = inputs
    return completed


def _step(policy: SequenceGenerator, inputs: Tensor, state: State) -> tuple[Tensor, State]:
    """Compute ``policy.step`` with torch's linear layer for the logits."""
    hidden, state = policy.advance(inputs, state)
    logits = F.linear(hidden, policy.output.weight, policy.output.bias + policy.impossible)
    if policy.eos is None:
        return logits, state
    return policy.force_pad(logits, (inputs == policy.eos) | (inputs == policy.pad)), state


@torch.no_grad()
def plain_samples(
    policy: SequenceGenerator, n: int, *, rng: torch.Generator, given: Tensor | None = None
) -> Tensor:
    """Sample ``n`` rows [n,S+T], after conditions [n,S], with softmax and multinomial for every token."""
    conditions = policy.conditions(n, given)
    return _complete(policy, F.pad(conditions, (0, policy.length)), 0, rng)


def plain_features(trunk: TextCNN, tokens: Tensor) -> Tensor:
    """Return the features [M,F] of ``trunk`` in eval mode for ids [M,T], with one convolution per width."""
    embedded = trunk.embedding(tokens).transpose(1, 2)
    weights = [tuple(convolution.parameters()) for convolution in trunk.convolutions]
    pooled = [F.conv1d(embedded, weight, bias).amax(2) for weight, bias in weights]
    features = torch.cat(pooled, dim=1).relu()
    if not isinstance(trunk.highway, Highway):
        return features
    value, gate = F.linear(features, *trunk.highway.both.parameters()).chunk(2, dim=1)
    return torch.lerp(features, value.relu(), gate.sigmoid())
