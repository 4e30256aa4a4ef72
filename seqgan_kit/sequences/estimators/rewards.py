"""What a sequence is worth to the generator: D's verdict, or a null reward that knows nothing.

Null rewards are controls. Whatever a method gains with them it owes to something else than D: to teacher
forcing, to smaller steps, to luck.

- ``constant``: every sequence gets 1. The expected gradient, grad sum_y G(y) = grad 1, is 0; the gradient of
  a sample is not: whatever was drawn is pushed up, and G walks at random. With a baseline that has another
  reward to compare with it is exactly 0, and G does not move (a learned critic has to learn the 1 first).
- ``random``: every scored sequence or completion gets its own uniform number in [0, 1), independent of
  everything. The expected gradient is 0 with and without a baseline; the sample's never is.
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
    """Minus the objective's generator loss on D's score: tokens [M,T] -> rewards [M].

    The caller sees to evaluation mode and to having no gradients.
    """
    discriminator = game.discriminator

    def reward(rows: Tensor) -> Tensor:
        return -game.objective.generator(discriminator(rows).score, None)

    return reward


def completion_reward(game: AdversarialGame) -> Reward:
    """Return the same reward, from what completions of one prefix share where D's trunk allows it."""
    discriminator = game.discriminator
    return scored_completions(discriminator, lambda scores: -game.objective.generator(scores, None))


def scored_completions(discriminator: Discriminator, worth: Callable[[Tensor], Tensor]) -> Reward:
    """``worth`` (scores [M] -> rewards [M]) of D's score, from what completions of one prefix share where
    D's trunk allows it."""
    prefix_scorer = getattr(discriminator.trunk, "prefix_scorer", None)
    if prefix_scorer is None:
        return lambda rows: worth(discriminator(rows).score)
    scorer: Reward = prefix_scorer(lambda features: worth(discriminator.verdict(features)))
    return scorer


def null_rewards(
    reward: RewardKind, shape: tuple[int, ...], rng: torch.Generator, device: torch.device
) -> Tensor:
    """Ones, or a uniform number for each: a float32 tensor of that shape."""
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
    """Rewards [M] of whole sequences [M,T]; D runs, in evaluation mode, for its verdict alone.

    A function of the user's ``own`` takes the place of D's verdict.
    """
    check_reward(reward)
    if reward != "verdict":
        return null_rewards(reward, (len(tokens),), rng, tokens.device)
    verdict = verdict_reward(game) if own is None else own
    with evaluating(game.discriminator):
        return torch.cat([verdict(rows).float() for rows in tokens.split(chunk_rows)])
