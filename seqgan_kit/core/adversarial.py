"""The game of most methods: generator against discriminator, made from four choices.

An :class:`Estimator` defines how D's output becomes G's gradient. Images are differentiable, so the gradient
flows back through the sample (:class:`Pathwise`, the default).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, cast

import torch
from torch import Tensor, nn

from seqgan_kit.core.discriminator import Critique, Discriminator
from seqgan_kit.core.game import Batch, Game, GeneratorKind, Loss, Move
from seqgan_kit.core.judging import judged_scores, scores_of_both
from seqgan_kit.core.objectives import Objective
from seqgan_kit.core.penalties import Penalty


class Estimator(Protocol):
    """The methods that an adversarial game calls on its estimator.

    One that can use a discriminator of several scores a sample says so by ``takes_many_scores = True``, one
    that draws for given conditions by ``takes_conditions = True``.
    """

    def fakes(self, game: AdversarialGame, batch: Batch, n: int, move: Move) -> Tensor:
        """Return ``n`` samples for D's update, without gradients."""

    def generator_loss(self, game: AdversarialGame, batch: Batch, move: Move) -> Loss:
        """Return a loss whose gradient estimates the gradient of the generator's objective."""


class Pathwise:
    """The gradient through the sample: x = G(z), so d loss / d G = d loss / d x * d x / d G."""

    def fakes(self, game: AdversarialGame, batch: Batch, n: int, move: Move) -> Tensor:
        with torch.no_grad():
            return game.draw(n, batch, move.rng)

    def generator_loss(self, game: AdversarialGame, batch: Batch, move: Move) -> Loss:
        real = batch["real"]
        fake_scores = game.discriminate(game.draw(len(real), batch, move.rng)).score
        real_scores = game.discriminate(real).score if game.objective.needs_real else None
        loss = game.objective.generator(fake_scores, real_scores).mean()
        return Loss(loss, {"generator_loss": loss})


class GroupGenerator(Protocol):
    """A generator that can be asked for several samples of one condition."""

    def draw_groups(
        self, groups: int, per_group: int, rng: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """``groups`` conditions z, ``per_group`` samples of each: samples [G,M,...] without and their
        log-probabilities log g(x|z) [G,M] with a gradient."""


class Judging(Protocol):
    """A rule by which D judges real samples and fakes, in place of the objective on both as they are."""

    def __call__(self, game: AdversarialGame, real: Tensor, fake: Tensor, /) -> Loss:
        """Return D's loss, without penalties."""


class AdversarialGame(Game[GeneratorKind]):
    """Generator + discriminator + objective + estimator (+ penalties).

    A batch holds the real samples under ``"real"``. D reads reals and fakes in two separate passes, because
    with batch norm one mixed pass would leak which samples are fake. A trunk whose output for a row does not
    depend on the other rows can set ``rows_are_independent = True``; D then uses one pass, which is cheaper.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: Discriminator,
        objective: Objective,
        estimator: Estimator | None = None,
        penalties: Sequence[Penalty] = (),
        others: Mapping[str, nn.Module] | None = None,
    ):
        super().__init__({"generator": generator, "discriminator": discriminator, **(others or {})})
        self.objective, self.penalties = objective, tuple(penalties)
        self.estimator: Estimator = estimator if estimator is not None else Pathwise()
        self.judging: Judging | None = None
        for penalty in self.penalties:
            penalty.check(discriminator)

    def draw_groups(
        self, groups: int, per_group: int, batch: Batch, rng: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Draw M samples [G,M,...] of each of G conditions; log-probabilities [G,M] with a gradient.

        A generator without conditions draws its own (a noise each); conditional games read the batch's.
        """
        generator = cast(GroupGenerator, self.generator)
        return generator.draw_groups(groups, per_group, rng)

    @property
    def discriminator(self) -> Discriminator:
        """The player ``discriminator``."""
        return cast(Discriminator, self.players["discriminator"])

    def discriminate(self, x: Tensor) -> Critique:
        """Return D's output on a batch."""
        return cast(Critique, self.discriminator(x))

    def discriminator_loss(self, batch: Batch, move: Move) -> Loss:
        """Return D's loss plus penalties; the estimator supplies the fakes, at least as many as reals."""
        return self.judge(batch, self.estimator.fakes(self, batch, len(batch["real"]), move), move)

    def judge(self, batch: Batch, fake: Tensor, move: Move) -> Loss:
        """Return D's loss on the batch's real samples and the given fakes."""
        real = batch["real"]
        if self.judging is not None:
            loss = self.judging(self, real, fake)
        else:
            loss = judged_scores(self.objective, *self.scores(real, fake))
        # Penalties between reals and fakes pair them, so they need equally many.
        return self.penalised(loss, real, fake[: len(real)], move)

    def penalised(self, loss: Loss, real: Tensor, fake: Tensor, move: Move) -> Loss:
        """Return D's loss with all penalties added; each is logged under its name."""
        discriminator = self.discriminator
        terms = [(p.name, p(discriminator, real, fake, move.rng)) for p in self.penalties]
        total = sum((term for _, term in terms), loss.total)
        return Loss(total, {**loss.logs, **dict(terms)})

    def scores(self, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        """Return D's scores of reals and fakes, in one pass if rows are independent.

        A game that notes what D says of its turn's samples overrides it.
        """
        return scores_of_both(self.discriminator, real, fake)

    def generator_loss(self, batch: Batch, move: Move) -> Loss:
        """Return G's loss from the estimator."""
        return self.estimator.generator_loss(self, batch, move)
