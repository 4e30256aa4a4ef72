"""Estimators of G's gradient for discrete samples of any kind.

:class:`BoundarySeeking` weights samples by D's output. Estimators for token sequences only (rollouts,
prefix weights, Gumbel-softmax) are in ``sequences/estimators``. All have the two methods of
:class:`~seqgan_kit.core.adversarial.Estimator`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar, Literal, cast

import torch
from torch import Tensor, nn

from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.discriminator import evaluating
from seqgan_kit.core.game import Batch, Loss, Move
from seqgan_kit.core.pools import Pool
from seqgan_kit.errors import UsageError, unknown

RewardKind = Literal["verdict", "constant", "random"]
"""Source of a sample's weight: D's output, or a control that ignores D."""
REWARDS: tuple[RewardKind, ...] = ("verdict", "constant", "random")


def check_reward(reward: str) -> None:
    """Raise UsageError if the reward name is unknown."""
    if reward not in REWARDS:
        raise unknown("reward", reward, REWARDS)


def importance_weights(log_ratios: Tensor, dim: int = -1) -> Tensor:
    """Return the weights r / sum r [..., M] along ``dim`` from log r [..., M], in float32 or wider.

    With r = D/(1-D) = exp(logit D) and the optimal D, r = p_data/g, and weighted samples of g are distributed
    as p_data.
    """
    wide = torch.promote_types(log_ratios.dtype, torch.float32)
    return log_ratios.to(wide).softmax(dim)


def effective_sample_size(weights: Tensor, dim: int = -1) -> Tensor:
    """Return 1 / sum w^2 along ``dim`` for weights that sum to 1: M if all are equal, 1 if one is 1."""
    return 1 / weights.square().sum(dim)


@contextmanager
def without_dropout(module: nn.Module) -> Iterator[None]:
    """Turn dropout off but keep gradients, so that the updated policy is the one that sampled.

    Eval mode would not do: in it, cuDNN's recurrent layers refuse a backward pass.
    """
    drops = [(m, m.p) for m in module.modules() if isinstance(m, nn.Dropout) and m.training]
    recurrent = [(m, m.dropout) for m in module.modules() if isinstance(m, nn.RNNBase)]
    for drop, _ in drops:
        # Attention layers of the transformers library read the rate and their own mode.
        drop.training, drop.p = False, 0.0
    for layer, _ in recurrent:
        layer.dropout = 0.0
    try:
        yield
    finally:
        for drop, share in drops:
            drop.training, drop.p = True, share
        for layer, share in recurrent:
            layer.dropout = share


def pool_of_negatives(game: AdversarialGame) -> Pool | None:
    """Return the game's pool of fakes for D, or None if it has none."""
    return cast(Pool, game.players["negatives"]) if "negatives" in game.players else None


@dataclass(frozen=True)
class BoundarySeeking:
    """Boundary-seeking estimator (Hjelm et al. 2018, "Boundary-seeking generative adversarial networks").

    L_G = -E_z sum_m w_m log g(x_m | z), where w is the softmax of D's logits over the M samples of one z,
    without gradient. As M grows, it minimises KL(q(x|z) || g(x|z)) for every z, with q(x|z) = r(x) g(x|z) /
    E[r|z] and r = D/(1-D). With a single z and the optimal D, q is the data distribution. D's half of the
    objective must be a cross-entropy, whose optimal logit is log p_data/g; G's half is not used.
    """

    takes_conditions: ClassVar[bool] = True
    samples: int = 20
    """M: samples per z (20 in the paper)."""
    reward: RewardKind = "verdict"
    """verdict: weights from D. constant (all weights 1/M) and random (weights proportional to uniform
    numbers) ignore D; they are controls, whose expected gradient is 0."""
    judged: int = 0
    """Samples per z that D trains on, up to M; 0: all M, as in the authors' code."""

    def __post_init__(self) -> None:
        check_reward(self.reward)
        if self.samples < 2:
            raise UsageError(
                f"boundary seeking compares the samples of each z: {self.samples} is too few; use at least "
                "2."
            )
        if not 0 <= self.judged <= self.samples:
            raise UsageError(
                f"judged is {self.judged}; it must be 0 (D trains on all samples of each z) or 1 to "
                f"{self.samples}."
            )

    def fakes(self, game: AdversarialGame, batch: Batch, n: int, move: Move) -> Tensor:
        """Return ``n`` samples of the pool, or else samples of ``n`` conditions, ordered by sample, then
        condition."""
        pool = pool_of_negatives(game)
        if pool is not None:
            return pool.next(n)
        with torch.no_grad():
            samples, _ = game.draw_groups(n, self.judged or self.samples, batch, move.rng)
        return samples.transpose(0, 1).flatten(0, 1)

    def generator_loss(self, game: AdversarialGame, batch: Batch, move: Move) -> Loss:
        """Return the weighted loss on M samples for each of B conditions, B being the number of reals."""
        generator = game.generator
        with without_dropout(generator):
            samples, log_probs = game.draw_groups(len(batch["real"]), self.samples, batch, move.rng)
        weights = importance_weights(self._log_ratios(game, samples, move.rng))
        loss = -(weights * log_probs).sum(1).mean()
        logs = {
            "generator_loss": loss,
            "effective_sample_size": effective_sample_size(weights).mean(),
        }
        return Loss(loss, logs)

    @torch.no_grad()
    def _log_ratios(self, game: AdversarialGame, samples: Tensor, rng: torch.Generator) -> Tensor:
        """Return log r [G,M] of samples [G,M,...]: D's logits, or those of a control."""
        groups, per_group = samples.shape[:2]
        if self.reward == "constant":
            return torch.zeros(groups, per_group, device=samples.device)
        if self.reward == "random":
            numbers = torch.rand(groups, per_group, generator=rng, device=rng.device)
            return numbers.clamp_(min=torch.finfo(numbers.dtype).tiny).log_().to(samples.device)
        discriminator = game.discriminator
        with evaluating(discriminator):
            return discriminator(samples.flatten(0, 1)).score.view(groups, per_group)
