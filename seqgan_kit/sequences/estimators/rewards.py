"""Rewards of sequences: D's score, a null reward that does not depend on the sequence, or an objective.

An objective is any function of whole rows, such as BLEU with the references of a row's source. A
:class:`Reward` mixes it with D's score.

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
from dataclasses import dataclass

import torch
from torch import Tensor

from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.discriminator import Discriminator, evaluating
from seqgan_kit.core.estimators import RewardKind, check_reward
from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.sampling.inverse_cdf import draw_uniforms
from seqgan_kit.sequences.sampling.rollout import CompletionReward, RowReward
from seqgan_kit.sequences.sampling.stepper import CHUNK_ROWS


@dataclass(frozen=True)
class Reward:
    """What a generator is rewarded for: D's score, an objective, or a mixture.

        R(Y) = lambda (D(Y) - b) + (1 - lambda) objective(Y)

    D(Y) is what the estimator calls D's score: the objective's probability or logit for REINFORCE, the log
    ratio log D/(1-D) for importance weights. Completions in rollouts are scored by the same mixture.

    Args:
        objective: function from whole rows [M,S+T] to values [M], which reads the row's condition in its
            first S tokens. It is called without gradients. None: D's score alone.
        weight: lambda, D's share, from 0 (D is not run) to 1.
        bias: b, subtracted from D's score.
    """

    objective: RowReward | None = None
    weight: float = 1.0
    bias: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.weight <= 1:
            raise UsageError(
                f"the discriminator's share of the reward is {self.weight}; it must be 0 to 1."
            )
        if self.objective is None and self.weight != 1:
            raise UsageError(
                f"D's share of the reward is {self.weight}, but there is no objective for the rest: give one "
                "(--objective), or a share of 1."
            )

    @property
    def reads_rows(self) -> bool:
        """Whether an objective has a share in the reward."""
        return self.objective is not None and self.weight < 1

    def mixed(self, verdicts: Tensor, rows: Tensor) -> Tensor:
        """Return R [M] of rows [M,S+T] from D's scores [M]."""
        shifted = verdicts.float() - self.bias
        if not self.reads_rows:
            return shifted
        return self.weight * shifted + (1 - self.weight) * self.values(rows)

    @torch.no_grad()
    def values(self, rows: Tensor) -> Tensor:
        """Return the objective's values [M] of rows [M,S+T], in float32 on their device."""
        assert self.objective is not None
        values = self.objective(rows)
        if not isinstance(values, Tensor) or values.shape != (len(rows),):
            what = f"a tensor {list(values.shape)}" if isinstance(values, Tensor) else repr(values)
            raise UsageError(
                f"the objective returned {what[:60]} for {len(rows)} rows: it must return a tensor "
                f"[{len(rows)}]."
            )
        values = values.detach().to(rows.device, torch.float32)
        wrong = (~values.isfinite()).nonzero().flatten().tolist()
        if wrong:
            raise UsageError(
                f"the objective returned {values[wrong[0]].item()} for row {wrong[0] + 1} of {len(rows)}, "
                f"tokens {rows[wrong[0]].tolist()}: return a finite number for every row."
            )
        return values


D_ALONE = Reward()
"""The reward that is D's score."""


@dataclass(frozen=True)
class MixedReward:
    """A :class:`Reward` of rows, given the function that scores them for D."""

    verdict: RowReward
    reward: Reward

    def __call__(self, tokens: Tensor) -> Tensor:
        """Return rewards [M] of whole rows [M,S+T]."""
        if not self.reward.weight:
            return self.reward.values(tokens)
        return self.reward.mixed(self.verdict(tokens), tokens)

    def for_originals(self, originals: Tensor) -> Callable[[Tensor, Tensor, int], Tensor]:
        """See :class:`~seqgan_kit.sequences.sampling.rollout.CompletionReward`."""
        if not self.reward.weight or not isinstance(self.verdict, CompletionReward):
            return lambda completions, owner, kept: self(completions.flatten(0, 1)).view(
                completions.shape[:2]
            )
        score = self.verdict.for_originals(originals)

        def mixed(completions: Tensor, owner: Tensor, kept: int) -> Tensor:
            verdicts = score(completions, owner, kept).flatten()
            return self.reward.mixed(verdicts, completions.flatten(0, 1)).view(
                completions.shape[:2]
            )

        return mixed


def verdict_reward(game: AdversarialGame) -> RowReward:
    """Return the reward function tokens [M,T] -> rewards [M]: minus the objective's generator loss on D's
    score.

    The caller must use evaluation mode and turn gradients off.
    """
    discriminator = game.discriminator

    def reward(rows: Tensor) -> Tensor:
        return -game.objective.generator(discriminator(rows).score, None)

    return reward


def completion_reward(game: AdversarialGame) -> RowReward:
    """Return the same reward; if D's trunk allows it, completions of one prefix share computations."""
    discriminator = game.discriminator
    return scored_completions(discriminator, lambda scores: -game.objective.generator(scores, None))


def scored_completions(
    discriminator: Discriminator, worth: Callable[[Tensor], Tensor]
) -> RowReward:
    """Return ``worth`` (scores [M] -> rewards [M]) of D's score; if D's trunk allows it, completions of one
    prefix share computations."""
    prefix_scorer = getattr(discriminator.trunk, "prefix_scorer", None)
    if prefix_scorer is None:
        return lambda rows: worth(discriminator(rows).score)
    scorer: RowReward = prefix_scorer(lambda features: worth(discriminator.verdict(features)))
    return scorer


def null_rewards(
    reward: RewardKind, shape: tuple[int, ...], rng: torch.Generator, device: torch.device
) -> Tensor:
    """Return a float32 tensor of ones, or of uniform numbers, of the given shape."""
    if reward == "random":
        return draw_uniforms(shape, rng, device).float()
    return torch.ones(shape, device=device)


def null_reward(reward: RewardKind, rng: torch.Generator) -> RowReward:
    """Return a null reward as a function of rows, which it does not read."""
    return lambda rows: null_rewards(reward, (len(rows),), rng, rows.device)


@torch.no_grad()
def sequence_rewards(
    game: AdversarialGame,
    tokens: Tensor,
    reward: RewardKind,
    rng: torch.Generator,
    chunk_rows: int = CHUNK_ROWS,
    mix: Reward = D_ALONE,
) -> Tensor:
    """Return rewards [M] of whole sequences [M,T]; only ``verdict`` runs D, in evaluation mode.

    ``mix`` adds an objective and a bias (default: neither).
    """
    check_reward(reward)
    if reward != "verdict" and not mix.reads_rows:
        return null_rewards(reward, (len(tokens),), rng, tokens.device) - mix.bias
    judge = verdict_reward(game) if reward == "verdict" else null_reward(reward, rng)
    score = MixedReward(judge, mix)
    with evaluating(game.discriminator):
        return torch.cat([score(rows).float() for rows in tokens.split(chunk_rows)])
