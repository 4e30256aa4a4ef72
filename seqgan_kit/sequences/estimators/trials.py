"""Monte-Carlo rewards of prefixes by completion (Yu et al. 2017, eq. 4), per completion and on average."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from seqgan_kit.core.discriminator import evaluating
from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.sampling.rollout import RowReward, complete_prefixes, score_completions
from seqgan_kit.sequences.sampling.stepper import CHUNK_ROWS, Stepper


@dataclass(frozen=True)
class Trials:
    """N actions after every prefix of B sequences; entry [b,s-1] belongs to the prefix of s tokens.

    ``actions`` [B,T-1,N] are the next tokens, and ``rewards`` [B,T-1,N] those of the completions that begin
    with them (both are undefined where the prefix has ended). ``whole`` [B] are the rewards of the sequences
    themselves.
    """

    actions: Tensor
    rewards: Tensor
    whole: Tensor


def try_actions(
    policy: SequenceGenerator,
    tokens: Tensor,
    reward: RowReward,
    rollouts: int,
    *,
    rng: torch.Generator,
    chunk_rows: int = CHUNK_ROWS,
    shortest: int = 1,
    every: int = 1,
) -> Trials:
    """Complete every open prefix of sampled sequences N times, and keep the reward of each completion.

    ``chunk_rows`` limits memory and does not change results: every sequence has its own random numbers,
    whatever chunk it is in (except for float32 rounding exactly at a border). At most ``chunk_rows`` rows of
    logits and 64 times as many completions are held at once.

    Args:
        policy: the generator that completes prefixes; its modes, buffers and gradients do not change.
        tokens: whole rows [B,S+T], as ``policy`` samples them.
        reward: function that scores whole rows; called without gradients on at most ``chunk_rows`` rows. The
        caller
            must use evaluation mode.
        rollouts: N.
        rng: random generator.
        chunk_rows: see above.
        shortest: prefixes with fewer tokens are left out, and their entries are undefined.
        every: prefixes whose number of written tokens is not a multiple of it are left out too.
    """
    if rollouts < 1 or chunk_rows < 1:
        raise UsageError(
            f"rollouts is {rollouts} and chunk_rows is {chunk_rows}; both must be at least 1."
        )
    places = tokens.shape[1] - policy.given - 1
    group = max(1, 64 * chunk_rows // (rollouts * max(1, places)))
    with torch.no_grad(), evaluating(policy):
        stepper = policy.stepper()
        tried = [
            _try_group(stepper, part, reward, rollouts, rng, chunk_rows, shortest, every)
            for part in tokens.split(group)
        ]
        whole = torch.cat([reward(rows).float() for rows in tokens.split(chunk_rows)])
    return Trials(torch.cat([a for a, _ in tried]), torch.cat([r for _, r in tried]), whole)


def rollout_rewards(
    policy: SequenceGenerator,
    tokens: Tensor,
    reward: RowReward,
    rollouts: int,
    *,
    rng: torch.Generator,
    chunk_rows: int = CHUNK_ROWS,
    every: int = 1,
) -> Tensor:
    """Return the action values [B,T] of sampled rows [B,S+T], estimated by completing their prefixes.

    Cell [b,t] is the mean reward of N completions of ``tokens[b, :S+t+1]``. Where the sequence is complete
    (at EOS, and in the last column) it is the sequence's own reward. Cells after EOS, on PAD, are 0.
    With ``every`` above 1, only prefixes of so many tokens and their multiples are completed, and a cell has
    the value of the next of these. Other arguments as those of :func:`try_actions`.
    """
    trials = try_actions(
        policy, tokens, reward, rollouts, rng=rng, chunk_rows=chunk_rows, every=every
    )
    mask = policy.token_mask(tokens)
    values = mean_values(trials.rewards, trials.whole, mask)
    return values if every == 1 else values_of_blocks(values, mask, every)


def values_of_blocks(values: Tensor, mask: Tensor, size: int) -> Tensor:
    """Return values [B,T] in which every token has that of the last token of its block of ``size``; 0 on
    PAD."""
    places = torch.arange(values.shape[1], device=values.device)
    ends = torch.minimum(places - places % size + size - 1, mask.sum(1, keepdim=True) - 1)
    return values.gather(1, ends) * mask


def mean_values(rewards: Tensor, whole: Tensor, mask: Tensor) -> Tensor:
    """Return action values [B,T]: the mean of the N rewards after the prefix that ends with the token; at the
    last token the sequence's own reward; 0 on PAD.

    Args:
        rewards: [B,T-1,N].
        whole: [B].
        mask: [B,T], True on tokens.
    """
    is_open = mask[:, 1:]
    values = rewards.new_zeros(mask.shape)
    values[:, :-1][is_open] = rewards[is_open].mean(1)
    return values.scatter_(1, mask.sum(1, keepdim=True) - 1, whole.unsqueeze(1))


def _try_group(
    stepper: Stepper,
    tokens: Tensor,
    reward: RowReward,
    rollouts: int,
    rng: torch.Generator,
    chunk_rows: int,
    shortest: int,
    every: int,
) -> tuple[Tensor, Tensor]:
    """Return actions and rewards, each [G,T-1,N], of a few rows [G,S+T]."""
    completions = complete_prefixes(stepper, tokens, rollouts, rng, chunk_rows, shortest, every)
    is_open = stepper.generator.token_mask(tokens)[:, 1:].t().clone()  # [T-1,G]
    written = torch.arange(1, len(is_open) + 1, device=tokens.device)
    is_open[(written < shortest) | (written % every != 0)] = False
    rewards = torch.zeros(completions.shape[:3], device=tokens.device)
    rewards[is_open] = score_completions(reward, tokens, completions, is_open, chunk_rows)
    places = torch.arange(stepper.generator.given + 1, tokens.shape[1], device=tokens.device)
    next_place = places.view(-1, 1, 1, 1)
    actions = completions.gather(3, next_place.expand(*completions.shape[:3], 1)).squeeze(3)
    return actions.transpose(0, 1), rewards.transpose(0, 1)
