"""Rewards of sequences: D's score, or a null reward that does not depend on the sequence.

Null rewards are controls. A gain with them does not come from D, but from something else: teacher forcing,
smaller steps, or chance.

- ``constant``: every sequence gets 1. The expected gradient, grad sum_y G(y) = grad 1, is 0, but that of a
sample
  is not: the drawn tokens become more likely, and G does a random walk. With a baseline the gradient is
  exactly 0 if there is another reward to compare with, and G does not change (a critic must learn the value 1
  first).
- ``random``: every scored sequence or completion gets an independent uniform number in [0, 1). The expected
  gradient is 0 with and without a baseline; that of a sample is not.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.discriminator import Discriminator, evaluating
from seqgan_kit.core.estimators import RewardKind, check_reward
from seqgan_kit.sequences.sampling.inverse_cdf import draw_uniforms
from seqgan_kit.sequences.sampling.rollout import Reward
from seqgan_kit.sequences.sampling.stepper import CHUNK_ROWS


def verdict_reward(game: AdversarialGame) -> Reward:
    """Return the reward function tokens [M,T] -> rewards [M]: minus the objective's generator loss on D's
    score.

    The caller must use evaluation mode and turn gradients off.
    """
    discriminator = game.discriminator

    def reward(rows: Tensor) -> Tensor:
        return -game.objective.generator(discriminator(rows).score, None)

    return reward


def completion_reward(game: AdversarialGame) -> Reward:
    """Return the same reward; if D's trunk allows it, completions of one prefix share computations."""
    discriminator = game.discriminator
    return scored_completions(discriminator, lambda scores: -game.objective.generator(scores, None))


def scored_completions(discriminator: Discriminator, worth: Callable[[Tensor], Tensor]) -> Reward:
    """Return ``worth`` (scores [M] -> rewards [M]) of D's score; if D's trunk allows it, completions of one
    prefix share computations."""
    prefix_scorer = getattr(discriminator.trunk, "prefix_scorer", None)
    if prefix_scorer is None:
        return lambda rows: worth(discriminator(rows).score)
    scorer: Reward = prefix_scorer(lambda features: worth(discriminator.verdict(features)))
    return scorer


def null_rewards(
    reward: RewardKind, shape: tuple[int, ...], rng: torch.Generator, device: torch.device
) -> Tensor:
    """Return a float32 tensor of ones, or of uniform numbers, of the given shape."""
    if reward == "random":
        return draw_uniforms(shape, rng, device).float()
    return torch.ones(shape, device=device)


@torch.no_grad()
def sequence_rewards(
    game: AdversarialGame,
    tokens: Tensor,
    reward: RewardKind,
    rng: torch.Generator,
    chunk_rows: int = CHUNK_ROWS,
    own: Reward | None = None,
) -> Tensor:
    """Return rewards [M] of whole sequences [M,T]; only ``verdict`` runs D, in evaluation mode.

    A user's function ``own`` replaces D's score.
    """
    check_reward(reward)
    if reward != "verdict":
        return null_rewards(reward, (len(tokens),), rng, tokens.device)
    verdict = verdict_reward(game) if own is None else own
    with evaluating(game.discriminator):
        return torch.cat([verdict(rows).float() for rows in tokens.split(chunk_rows)])
