"""Augmentation of all that D sees, real and fake, in the turns of D and of G.

    L_D = E[f(-D(T(x)))] + E[f(D(T(G(z))))],   L_G = E[g(-D(T(G(z))))]      (Zhao et al. 2020, eq. 5 to 7)

T is a random, differentiable transformation. The fakes that G learns from are transformed too, so the
augmentation does not leak into the samples. Adaptive augmentation (Karras et al. 2020, section 3) moves the
probability of T by how much D overfits:

    r_t = E[sign(D(T(x)) - d)] of real samples, d the score at which D is undecided, over 4 batches
    p <- clip(p + sign(r_t - target) * samples / length, 0, 1)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import cast

import torch
from torch import Tensor, nn

from seqgan_kit.core.adversarial import AdversarialGame, Estimator
from seqgan_kit.core.game import Batch, Loss, Move
from seqgan_kit.core.objectives import Objective
from seqgan_kit.errors import UsageError

Transform = Callable[[Tensor, torch.Generator | None], Tensor]
Probability = Callable[[Move], "float | Tensor | None"]
_BATCHES = 4  # batches of a measurement of r_t, as in the authors' code


class AugmentedInput(nn.Module):
    """A trunk that transforms its input in training mode, and not in evaluation mode.

    Args:
        trunk: the network to extend.
        transform: a function of a batch and a random generator.
        always: False: only inside :meth:`shown`.
    """

    def __init__(self, trunk: nn.Module, transform: Transform, *, always: bool = True):
        super().__init__()
        self.trunk, self.transform, self.active = trunk, transform, always
        self.rng = cast(torch.Generator | None, None)
        self.rows_are_independent = getattr(trunk, "rows_are_independent", False)
        self.features = getattr(trunk, "features", None)

    def forward(self, x: Tensor) -> Tensor:
        if self.training and self.active:
            x = self.transform(x, self.rng)
        return cast(Tensor, self.trunk(x))

    @contextmanager
    def shown(self, rng: torch.Generator) -> Iterator[None]:
        """Transform the inputs with these random numbers until the context ends."""
        before = self.active, self.rng
        self.active, self.rng = True, rng
        try:
            yield
        finally:
            self.active, self.rng = before


class WithAugmentation:
    """An estimator that supplies the layer's random numbers, and logs the probability.

    Args:
        estimator: the estimator to extend.
        layer: the layer in front of D's trunk.
        probability: the probability of an update, called before it; None: there is none to log.
    """

    def __init__(
        self, estimator: Estimator, layer: AugmentedInput, probability: Probability | None = None
    ):
        self.estimator, self.layer, self.probability = estimator, layer, probability

    def fakes(self, game: AdversarialGame, batch: Batch, n: int, move: Move) -> Tensor:
        """Return the fakes of the inner estimator."""
        self._set(move)
        return self.estimator.fakes(game, batch, n, move)

    def generator_loss(self, game: AdversarialGame, batch: Batch, move: Move) -> Loss:
        """Return the loss of the inner estimator."""
        probability = self._set(move)
        loss = self.estimator.generator_loss(game, batch, move)
        if probability is None:
            return loss
        return Loss(loss.total, {**loss.logs, "augmentation": probability})

    def _set(self, move: Move) -> float | Tensor | None:
        self.layer.rng = move.rng
        return self.probability(move) if self.probability is not None else None


class AdaptiveProbability(nn.Module):
    """The probability of a transformation, moved by D's overfitting. It is a player without parameters.

    Args:
        target: r_t at which the probability stays (0.6 in the paper).
        length: samples after which the probability can have moved from 0 to 1 (500,000 in the paper).
    """

    probability: Tensor
    signs: Tensor
    samples: Tensor
    batches: Tensor

    def __init__(self, target: float = 0.6, length: int = 500_000):
        super().__init__()
        self.target, self.length = target, length
        for name in ("probability", "signs", "samples", "batches"):
            self.register_buffer(name, torch.zeros(()))

    @torch.no_grad()
    def note(self, margins: Tensor) -> None:
        """Add the scores of a batch of reals, less d, and move the probability after each fourth batch."""
        self.signs += margins.sign().sum()
        self.samples += margins.numel()
        self.batches += 1
        due = self.batches >= _BATCHES
        step = (self.signs / self.samples - self.target).sign() * self.samples / self.length
        self.probability.add_(step * due).clamp_(0, 1)
        for counter in (self.signs, self.samples, self.batches):
            counter.mul_(~due)

    def watching(self, objective: Objective) -> Objective:
        """Return the objective; D's half also notes the scores of the reals."""
        decision = objective.decision
        if decision is None or objective.needs_real:
            raise UsageError(
                "adaptive augmentation asks for how many real samples D is right, and "
                f"{objective.name!r} has no score at which D is undecided. Use a "
                "classifying objective (non_saturating, hinge, least_squares), or another augmentation."
            )

        def discriminator(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
            self.note(real.detach() - decision)
            return objective.discriminator(real, fake)

        return replace(objective, discriminator=discriminator)


class ScheduledProbability:
    """A probability that rises from 0 to its end along half a cosine over the phase."""

    def __init__(self, end: float):
        self.end, self.value = end, 0.0

    def __call__(self, move: Move) -> float:
        """Set and return the probability of an update."""
        self.value = self.end * 0.5 * (1 - math.cos(math.pi * move.progress))
        return self.value
