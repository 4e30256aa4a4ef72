"""Games whose G makes a target of a source: a sample is both, the source's channels before the target's.

So D, penalties and buffers see a translation together with what it was made of, and need no second argument.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from image_gans.distances import DISTANCES
from seqgan_kit.core.adversarial import AdversarialGame, Pathwise
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Batch, Loss, Move
from seqgan_kit.core.objectives import Objective


def source_of(laid: Tensor) -> Tensor:
    """Return the sources [N,C,H,W] of samples [N,2C,H,W]."""
    return laid.chunk(2, 1)[0]


def target_of(laid: Tensor) -> Tensor:
    """Return the targets [N,C,H,W] of samples [N,2C,H,W]."""
    return laid.chunk(2, 1)[1]


@dataclass(frozen=True)
class PairPathwise(Pathwise):
    """The gradient through the translation, of D's verdict and of its distance to the truth."""

    distance: str
    """One of DISTANCES."""
    distance_weight: float
    adversarial_weight: float = 1.0

    def generator_loss(self, game: AdversarialGame, batch: Batch, move: Move) -> Loss:
        """Return the objective's G half plus the distance, weighted."""
        real = batch["real"]
        laid = game.draw(len(real), batch, move.rng)
        scores = game.discriminate(laid).score
        adversarial = game.objective.generator(scores, None).mean()
        distance = DISTANCES[self.distance](target_of(laid), target_of(real)).mean()
        total = self.adversarial_weight * adversarial + self.distance_weight * distance
        return Loss(total, {"generator_loss": adversarial, "distance": distance})


class PairGame(AdversarialGame):
    """Generator, discriminator, and the same generator trained by the distance alone (``baseline``)."""

    def __init__(
        self,
        generator: nn.Module,
        baseline: nn.Module,
        discriminator: Discriminator,
        objective: Objective,
        estimator: PairPathwise,
        others: Mapping[str, nn.Module] | None = None,
    ):
        players: dict[str, Any] = {"baseline": baseline, **(others or {})}
        super().__init__(generator, discriminator, objective, estimator, (), players)
        self.distance = estimator.distance

    def draw(self, n: int, batch: Batch, rng: torch.Generator) -> Tensor:
        """Return [n,2C,H,W]: the batch's sources, and what G makes of them."""
        source = source_of(batch["real"])[:n]
        return torch.cat([source, self.players["generator"](source)], 1)

    def baseline_loss(self, batch: Batch, move: Move) -> Loss:
        """Return the distance of the baseline's translations to the truth."""
        output = self.players["baseline"](source_of(batch["real"]))
        distance = DISTANCES[self.distance](output, target_of(batch["real"])).mean()
        return Loss(distance, {"baseline_distance": distance})
