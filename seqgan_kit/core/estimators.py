"""How D's verdict reaches G through a discrete sample of any kind, and what such estimators share.

:class:`BoundarySeeking` weights samples by D's verdict. Estimators for token sequences alone (rollouts,
weights of prefixes, Gumbel-softmax) live with the sequences. All have the two methods of
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
from seqgan_kit.core.discriminator import Discriminator, evaluating
from seqgan_kit.core.game import Batch, Loss, Move
from seqgan_kit.core.pools import Pool
from seqgan_kit.errors import UsageError, unknown

RewardKind = Literal["verdict", "constant", "random"]
"""What weighs a sample: D's verdict, or, as controls, what knows nothing of it."""
REWARDS: tuple[RewardKind, ...] = ("verdict", "constant", "random")


def check_reward(reward: str) -> None:
    """Raise UsageError if the reward name is unknown."""
    if reward not in REWARDS:
        raise unknown("reward", reward, REWARDS)


def importance_weights(log_ratios: Tensor, dim: int = -1) -> Tensor:
    """r / sum r along ``dim``, from log r [..., M]: weights [..., M] that sum to 1, in float32 or wider.

    With r = D/(1-D) = exp(logit D) and the best D, r = p_data/g, and the weights turn samples of g into
    samples of p_data.
    """
    wide = torch.promote_types(log_ratios.dtype, torch.float32)
    return log_ratios.to(wide).softmax(dim)


def effective_sample_size(weights: Tensor, dim: int = -1) -> Tensor:
    """1 / sum w^2 of weights that sum to 1 along ``dim``: M where all are alike, 1 where one has all."""
    return 1 / weights.square().sum(dim)


@contextmanager
def without_dropout(module: nn.Module) -> Iterator[None]:
    """Turn dropout off while gradients flow: the policy that is improved is the one that sampled.

    Not eval mode, in which cuDNN's recurrent layers refuse a backward pass.
    """
    drops = [m for m in module.modules() if isinstance(m, nn.Dropout) and m.training]
    recurrent = [(m, m.dropout) for m in module.modules() if isinstance(m, nn.RNNBase)]
    for drop in drops:
        drop.training = False
    for layer, _ in recurrent:
        layer.dropout = 0.0
    try:
        yield
    finally:
        for drop in drops:
            drop.training = True
        for layer, share in recurrent:
            layer.dropout = share


def pool_of_negatives(game: AdversarialGame) -> Pool | None:
    """Return the player that keeps fakes for D, if the game has one."""
    return cast(Pool, game.players["negatives"]) if "negatives" in game.players else None


@dataclass(frozen=True)
class BoundarySeeking:
    """L_G = -E_z sum_m w_m log g(x_m | z), w = softmax over the M samples of one z of D's logit, held fixed.

    (Hjelm et al. 2018, "Boundary-seeking generative adversarial networks".) For M without bound it descends
    KL(q(x|z) || g(x|z)) for every z, with q(x|z) = r(x) g(x|z) / E[r|z] and r = D/(1-D). Where there is one z
    alone and D is the best, q is the data's distribution. The objective's D half has to be a cross-entropy,
    whose best logit is log p_data/g; its G half is not used.
    """

    takes_conditions: ClassVar[bool] = True
    samples: int = 20
    """M: samples of each z (the paper's 20)."""
    reward: RewardKind = "verdict"
    """verdict: weights from D. Controls that ask no D: constant (all weights 1/M) and random (weights in
    proportion to uniform numbers); the expected gradient of both is 0."""
    judged: int = 0
    """Samples of each z that D learns from, up to M; 0: all M, as in the authors' code."""

    def __post_init__(self) -> None:
        check_reward(self.reward)
        if self.samples < 2:
            raise UsageError(
                f"boundary seeking with {self.samples} samples of each z has nothing to compare; "
                "use at least 2."
            )
        if not 0 <= self.judged <= self.samples:
            raise UsageError(
                f"judged is {self.judged}: D learns from 1 to {self.samples} samples of each z, or from all "
                "with 0."
            )

    def fakes(self, game: AdversarialGame, batch: Batch, n: int, move: Move) -> Tensor:
        """Samples of ``n`` conditions, the first of each before the second of each; or ``n`` of the pool."""
        pool = pool_of_negatives(game)
        if pool is not None:
            return pool.next(n)
        with torch.no_grad():
            samples, _ = game.draw_groups(n, self.judged or self.samples, batch, move.rng)
        return samples.transpose(0, 1).flatten(0, 1)

    def generator_loss(self, game: AdversarialGame, batch: Batch, move: Move) -> Loss:
        """M samples of as many conditions as the batch has reals, weighted by D."""
        generator = game.players["generator"]
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
        """log r [G,M] of samples [G,M,...]: D's logits, or those of a control."""
        groups, per_group = samples.shape[:2]
        if self.reward == "constant":
            return torch.zeros(groups, per_group, device=samples.device)
        if self.reward == "random":
            numbers = torch.rand(groups, per_group, generator=rng, device=rng.device)
            return numbers.clamp_(min=torch.finfo(numbers.dtype).tiny).log_().to(samples.device)
        discriminator = cast(Discriminator, game.players["discriminator"])
        with evaluating(discriminator):
            return discriminator(samples.flatten(0, 1)).score.view(groups, per_group)
