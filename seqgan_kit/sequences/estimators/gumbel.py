"""Gumbel-softmax: relaxed tokens, through which D's gradient reaches G.

A token drawn from logits l is argmax(l + n) with Gumbel noise n. Its relaxation softmax((l + n) / tau) is
differentiable in l and approaches the one-hot of that token as the temperature tau goes to 0 (Kusner and
Hernandez-Lobato 2016; Jang et al. 2017; Maddison et al. 2017).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.estimators import without_dropout
from seqgan_kit.core.game import Batch, Loss, Move
from seqgan_kit.errors import UsageError, unknown
from seqgan_kit.sequences.estimators.temperatures import Course, temperature_at
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.generators.given_tokens import conditions_of

Feed = Literal["sample", "argmax"]


def gumbel_noise(
    shape: tuple[int, ...], rng: torch.Generator, device: torch.device | str = "cpu"
) -> Tensor:
    """Draw standard Gumbel noise in float32 on the device of ``rng``, and move it to ``device``."""
    uniforms = torch.rand(shape, generator=rng, device=rng.device).to(device)
    # rand() may be 0 but never 1, so only the inner logarithm needs a lower bound.
    return uniforms.clamp_(min=torch.finfo(torch.float32).tiny).log_().neg_().log_().neg_()


def relaxed_one_hot(logits: Tensor, noise: Tensor, temperature: float, hard: bool) -> Tensor:
    """Return softmax((logits + noise) / temperature) [...,V], whose rows sum to 1.

    ``hard``: straight-through. The value is exactly the one-hot of the most likely token; the gradient is
    that of the softmax.
    """
    soft = ((logits + noise) / temperature).softmax(-1)
    if not hard:
        return soft
    one_hot = F.one_hot(soft.argmax(-1), soft.shape[-1]).to(soft.dtype)
    # With this order of operations, the added term is exactly 0.
    return one_hot + (soft - soft.detach())


def sample_relaxed(
    generator: SequenceGenerator,
    n: int,
    temperature: float,
    *,
    rng: torch.Generator,
    hard: bool = False,
    feed: Feed = "sample",
    given: Tensor | None = None,
) -> Tensor:
    """Draw relaxed rows [n,S+T,R], with gradients if they are enabled; given tokens are one-hots.
    R is V and the ids that only given tokens have.

    A row ends where EOS is its most likely token. After that it is exactly the one-hot of PAD, as real rows
    are, without gradient: the end of a row is not relaxed. With ``hard`` or ``feed="argmax"``, the most
    likely tokens have exactly the distribution of the generator's samples.

    Args:
        generator: the generator, which makes T steps.
        n: number of rows.
        temperature: tau.
        rng: random generator of the noise.
        hard: see :func:`relaxed_one_hot`.
        feed: the generator's next input: the relaxed token, or the most likely token without gradient.
        given: conditions [n,S].
    """
    device = generator.output.weight.device
    given = generator.conditions(n, given)
    state = generator.start(given)
    inputs = torch.full((n,), generator.bos, device=device)
    ended = torch.zeros(n, dtype=torch.bool, device=device)
    rows = list(F.one_hot(given, generator.readable).to(generator.output.weight.dtype).unbind(1))
    of_sources = generator.readable - generator.vocabulary
    for _ in range(generator.length):
        logits, state = generator.step(inputs, state)
        noise = gumbel_noise((n, generator.vocabulary), rng, device)
        row = relaxed_one_hot(logits, noise, temperature, hard)
        if generator.eos is not None:
            row = torch.where(ended.unsqueeze(1), _only(generator.pad or 0, row), row)
            ended = ended | (row.argmax(1) == generator.eos)
        rows.append(F.pad(row, (0, of_sources)) if of_sources else row)
        inputs = row if feed == "sample" else row.detach().argmax(1)
    return torch.stack(rows, dim=1)


@dataclass(frozen=True)
class GumbelSoftmax:
    """The gradient through relaxed samples y = softmax((l + n) / tau): d loss / d y * d y / d G.

    D is trained on the same kind of samples. RelGAN's inverse temperature beta = beta_max^(n/N) (Nie et al.
    2019) is the geometric course from 1 to 1 / beta_max. The end is reached in the last round of the phase
    or, with ``rounds``, in round N.
    """

    takes_conditions: ClassVar[bool] = True
    takes_many_scores: ClassVar[bool] = True
    start: float = 1.0
    """Temperature in the first round."""
    end: float = 0.1
    """Temperature in the last round."""
    course: Course = "geometric"
    """How the temperature falls; see :func:`temperature_at`."""
    hard: bool = False
    """Straight-through: D reads exact one-hots, and G gets the gradient of the soft tokens."""
    feed: Feed = "sample"
    """G's next input. sample: the relaxed token. argmax: the most likely token, without gradient, as in
    RelGAN."""
    rounds: int = 0
    """N: round in which the final temperature is reached, even if the phase is shorter; 0: the last round."""

    def __post_init__(self) -> None:
        if self.rounds < 0:
            raise UsageError(f"the number of annealing rounds is {self.rounds}; use 0 or more.")
        for name in ("start", "end"):
            value = getattr(self, name)
            if not (value > 0 and math.isfinite(value)):
                raise UsageError(f"the {name} temperature is {value}; give a number above 0.")
        for given, kind in ((self.course, Course), (self.feed, Feed)):
            if given not in get_args(kind):
                raise unknown("setting of Gumbel-softmax", given, get_args(kind))

    def temperature(self, move: Move) -> float:
        """Return the temperature in the update's round."""
        progress = min(1.0, move.round / self.rounds) if self.rounds else move.progress
        rounds = self.rounds or move.rounds
        return temperature_at(progress, self.start, self.end, self.course, rounds)

    def draw(
        self,
        game: AdversarialGame[SequenceGenerator],
        n: int,
        move: Move,
        batch: Batch | None = None,
    ) -> Tensor:
        """Draw relaxed rows [n,S+T,R] at the current temperature, with the batch's conditions."""
        generator = game.generator
        temperature = self.temperature(move)
        given = (
            conditions_of(batch["real"], n, generator.given) if batch and generator.given else None
        )
        options: dict[str, Any] = {"hard": self.hard, "feed": self.feed, "given": given}
        with without_dropout(generator):
            return sample_relaxed(generator, n, temperature, rng=move.rng, **options)

    def fakes(
        self, game: AdversarialGame[SequenceGenerator], batch: Batch, n: int, move: Move
    ) -> Tensor:
        """Return the same kind of samples for D's update, so that D cannot tell them by their softness."""
        with torch.no_grad():
            return self.draw(game, n, move, batch)

    def generator_loss(
        self, game: AdversarialGame[SequenceGenerator], batch: Batch, move: Move
    ) -> Loss:
        """Return G's loss on D's scores of new relaxed samples."""
        real = batch["real"]
        samples = self.draw(game, len(real), move, batch)
        real_scores = game.discriminate(real).score if game.objective.needs_real else None
        loss = game.objective.generator(game.discriminate(samples).score, real_scores).mean()
        logs: dict[str, Tensor | float] = {"generator_loss": loss}
        logs["temperature"] = self.temperature(move)
        logs["largest_share"] = samples.detach().amax(2).mean()
        return Loss(loss, logs)


def _only(token: int, like: Tensor) -> Tensor:
    """Return the one-hot [V] of a token."""
    one_hot = torch.zeros_like(like[0])
    one_hot[token] = 1
    return one_hot
