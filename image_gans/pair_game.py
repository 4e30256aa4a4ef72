"""Games whose G makes a target of a source: a sample is both, the source's channels before the target's.

So D, penalties and buffers see a translation together with what it was made of, and need no second argument.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from image_gans.distances import Distance
from seqgan_kit.core.adversarial import AdversarialGame, Pathwise
from seqgan_kit.core.discriminator import Critique, Discriminator
from seqgan_kit.core.game import Batch, Loss, Move
from seqgan_kit.core.judging import scores_of_both
from seqgan_kit.core.objectives import Objective


def source_of(laid: Tensor) -> Tensor:
    """Return the sources [N,C,H,W] of samples [N,2C,H,W]."""
    return laid.chunk(2, 1)[0]


def target_of(laid: Tensor) -> Tensor:
    """Return the targets [N,C,H,W] of samples [N,2C,H,W]."""
    return laid.chunk(2, 1)[1]


@dataclass(frozen=True)
class Term:
    """A distance between a translation and its target, and its weight in G's loss."""

    distance: Distance
    weight: float
    name: str = "distance"
    """Name in the log; ``baseline_`` before it for the baseline."""


def weighed(terms: Sequence[Term], output: Tensor, target: Tensor, prefix: str = "") -> Loss:
    """Return the weighted sum of distances; log each without its weight."""
    values = {term.name: term.distance(output, target).mean() for term in terms}
    total = sum((term.weight * values[term.name] for term in terms), output.new_zeros(()))
    return Loss(total, {f"{prefix}{name}": value for name, value in values.items()})


@dataclass(frozen=True)
class PairPathwise(Pathwise):
    """The gradient through the translation, of D's verdict and of its distances to the truth."""

    terms: tuple[Term, ...]
    adversarial_weight: float = 1.0

    def generator_loss(self, game: AdversarialGame, batch: Batch, move: Move) -> Loss:
        """Return the objective's G half plus the distances, weighted."""
        real = batch["real"]
        laid = game.draw(len(real), batch, move.rng)
        adversarial = game.objective.generator(game.discriminate(laid).score, None).mean()
        distances = weighed(self.terms, target_of(laid), target_of(real))
        total = self.adversarial_weight * adversarial + distances.total
        return Loss(total, {"generator_loss": adversarial, **distances.logs})


class PairGame(AdversarialGame):
    """Generator, discriminator, and the same generator trained by the distances alone (``baseline``).

    Args:
        generator, baseline: networks from sources to targets.
        discriminator: D.
        objective: the losses of D and G.
        estimator: G's distances and weights.
        others: further players.
        baseline_terms: the baseline's distances, if they are not the generator's.
        targets_alone: whether D sees the target without its source.
        fixed: a network that the distances use; it moves to the game's device and is not trained.
    """

    def __init__(
        self,
        generator: nn.Module,
        baseline: nn.Module,
        discriminator: Discriminator,
        objective: Objective,
        estimator: PairPathwise,
        others: Mapping[str, nn.Module] | None = None,
        *,
        baseline_terms: tuple[Term, ...] | None = None,
        targets_alone: bool = False,
        fixed: nn.Module | None = None,
    ):
        players: dict[str, Any] = {"baseline": baseline, **(others or {})}
        super().__init__(generator, discriminator, objective, estimator, (), players)
        self.terms = estimator.terms
        self.baseline_terms = baseline_terms or estimator.terms
        if not any(term.weight for term in self.baseline_terms):
            self.baseline_terms = tuple(replace(term, weight=1.0) for term in self.baseline_terms)
        self.targets_alone, self.fixed = targets_alone, fixed
        self.train()

    def train(self, mode: bool = True) -> PairGame:
        """Set the mode of the players; a fixed network always evaluates, so that its batch norm stays."""
        super().train(mode)
        if self.fixed is not None:
            self.fixed.eval()
        return self

    def draw(self, n: int, batch: Batch, rng: torch.Generator) -> Tensor:
        """Return [n,2C,H,W]: the batch's sources, and what G makes of them."""
        source = source_of(batch["real"])[:n]
        return torch.cat([source, self.players["generator"](source)], 1)

    def discriminate(self, x: Tensor) -> Critique:
        """Return D's output on samples [N,2C,H,W]."""
        return super().discriminate(self._judged(x))

    def scores(self, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        """Return D's scores of real and translated samples."""
        return scores_of_both(self.discriminator, self._judged(real), self._judged(fake))

    def baseline_loss(self, batch: Batch, move: Move) -> Loss:
        """Return the distances of the baseline's translations to the truth; their weights sum to 1."""
        real = batch["real"]
        output = self.players["baseline"](source_of(real))
        loss = weighed(self.baseline_terms, output, target_of(real), "baseline_")
        return Loss(loss.total / sum(term.weight for term in self.baseline_terms), loss.logs)

    def _judged(self, laid: Tensor) -> Tensor:
        return target_of(laid) if self.targets_alone else laid
