"""Probabilities of sentences when the scene is not known, but a belief about it is.

A program's slots are filled from left to right. Each choice multiplies the probability and turns the belief
into its posterior, so the scene is summed out exactly:

    P(sentence | beliefs) = sum over scenes of P(scene | beliefs) P(sentence | scene)
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqgan_kit.data.catworld.captions.grammar import Context, Pairs, Slot
from seqgan_kit.data.catworld.captions.lexicon import ARTICLE
from seqgan_kit.data.catworld.captions.marginal import Outcome, likelihoods
from seqgan_kit.data.catworld.captions.telling import article_before, spell
from seqgan_kit.data.catworld.scenes.beliefs import Belief

Beliefs = tuple[Belief, ...]


class Start(NamedTuple):
    """One way in which a sentence may begin: a program, its context, and beliefs about the scene."""

    weight: float
    program: tuple[Slot, ...]
    context: Context
    beliefs: Beliefs


class Step(NamedTuple):
    """One choice of a slot under a belief."""

    outcome: Outcome
    tokens: tuple[str, ...]
    weight: float
    likelihood: NDArray[np.float64]
    """P(choice | asked facts), one axis per asked fact."""


class Reading(NamedTuple):
    """One derivation of a sentence."""

    probability: float
    context: dict[str, str]
    names: dict[str, str]
    beliefs: Beliefs
    """The posterior over scenes."""


@dataclass
class Reader:
    """Finds all derivations of a sentence, and how far its words can be derived."""

    words: Sequence[str]
    furthest: int = 0
    """Number of words that some derivation explains."""
    found: list[Reading] = field(default_factory=list)

    def follow(self, start: Start) -> None:
        """Add the derivations from one start; their probabilities include its weight."""
        self._follow(start, 0, 0, Reading(start.weight, dict(start.context), {}, start.beliefs))

    def _follow(self, start: Start, slot: int, at: int, now: Reading) -> None:
        if slot == len(start.program):
            if at == len(self.words):
                self.found.append(now)
            return
        law = start.program[slot]
        for step in steps(law, now.context, now.beliefs, lambda tokens: self._matches(at, tokens)):
            later = Reading(
                now.probability * step.weight,
                now.context | dict(step.outcome.sets),
                now.names | dict(step.outcome.names),
                posterior(law, step, now.beliefs),
            )
            self._follow(start, slot + 1, at + len(step.tokens), later)

    def _matches(self, at: int, tokens: tuple[str, ...]) -> bool:
        for place, token in enumerate(tokens, start=at):
            if place == len(self.words) or self.words[place] != self._spelled(place, token):
                return False
            self.furthest = max(self.furthest, place + 1)
        return True

    def _spelled(self, place: int, token: str) -> str:
        """Return the word of a token; an article depends on the next word, which must be there."""
        if token != ARTICLE:
            return token
        return article_before(self.words[place + 1]) if place + 1 < len(self.words) else ""


def steps(
    slot: Slot,
    context: Context,
    beliefs: Beliefs,
    wanted: Callable[[tuple[str, ...]], bool] = lambda tokens: True,
) -> Iterator[Step]:
    """Yield the choices of a slot that the beliefs allow and whose tokens are wanted."""
    outcomes, tables = _outcomes(slot, tuple((key, context[key]) for key in slot.reads))
    chosen = [i for i, (_, tokens) in enumerate(outcomes) if wanted(tokens)]
    if not chosen:
        return
    about = _about(slot, beliefs)
    prior = np.ones(()) if about is None else about.over(slot.asks)
    weights = (tables[chosen] * prior).reshape(len(chosen), -1).sum(1).tolist()
    for place, weight in zip(chosen, weights, strict=True):
        if weight > 0:
            yield Step(*outcomes[place], weight, tables[place])


def posterior(slot: Slot, step: Step, beliefs: Beliefs) -> Beliefs:
    """Return the beliefs after a choice of the slot."""
    about = _about(slot, beliefs)
    if about is None:
        return beliefs
    after = about.given(slot.asks, step.likelihood)
    return tuple(after if belief is about else belief for belief in beliefs)


def _about(slot: Slot, beliefs: Beliefs) -> Belief | None:
    return next((b for b in beliefs if not set(slot.asks).isdisjoint(b.facts)), None)


@lru_cache(maxsize=20_000)
def _outcomes(
    slot: Slot, context: Pairs
) -> tuple[list[tuple[Outcome, tuple[str, ...]]], NDArray[np.float64]]:
    """Return a slot's outcomes with their tokens, and P(outcome | asked facts) [outcomes, *facts]."""
    tables = likelihoods(slot, dict(context))
    return [(outcome, tuple(outcome.text.split())) for outcome in tables], np.stack(
        list(tables.values())
    )


def read(sentence: str, starts: Sequence[Start]) -> Reader:
    """Return all derivations of a sentence from the given starts."""
    reader = Reader(sentence.split(" "))
    for start in starts:
        reader.follow(start)
    return reader


def log_prob(sentence: str, starts: Sequence[Start]) -> float:
    """Return log P(sentence) in nats; -inf without a derivation."""
    total = math.fsum(reading.probability for reading in read(sentence, starts).found)
    return math.log(total) if total > 0 else -math.inf


def drawn(
    starts: Sequence[Start],
    rng: np.random.Generator,
    allowed: Callable[[Slot, Step, Beliefs], bool] = lambda slot, step, beliefs: True,
) -> str:
    """Draw a sentence, of the choices that are allowed where they come up."""
    _, program, start, beliefs = starts[_picked([start.weight for start in starts], rng)]
    context = dict(start)
    tokens: list[str] = []
    for slot in program:
        possible = [s for s in steps(slot, context, beliefs) if allowed(slot, s, beliefs)]
        step = possible[_picked([step.weight for step in possible], rng)]
        beliefs = posterior(slot, step, beliefs)
        context.update(step.outcome.sets)
        tokens += step.tokens
    return " ".join(spell(tokens))


def is_certain(slot: Slot, step: Step, beliefs: Beliefs) -> bool:
    """Return whether the choice is possible in every scene that the beliefs allow."""
    about = _about(slot, beliefs)
    return about is None or not about.over(slot.asks)[step.likelihood == 0].any()


def _picked(weights: Sequence[float], rng: np.random.Generator) -> int:
    totals = np.cumsum(weights)
    return min(int(np.searchsorted(totals, rng.random() * totals[-1], "right")), len(weights) - 1)


def every_sentence(starts: Sequence[Start]) -> dict[str, float]:
    """Return all sentences with their exact probabilities; for sources that leave little open."""
    found: dict[str, float] = defaultdict(float)

    def grow(
        program: tuple[Slot, ...],
        p: float,
        said: tuple[str, ...],
        context: Context,
        beliefs: Beliefs,
    ) -> None:
        if not program:
            found[" ".join(spell(said))] += p
            return
        for step in steps(program[0], context, beliefs):
            later = posterior(program[0], step, beliefs)
            sets = {**context, **dict(step.outcome.sets)}
            grow(program[1:], p * step.weight, said + step.tokens, sets, later)

    for start in starts:
        grow(start.program, start.weight, (), start.context, start.beliefs)
    return dict(found)
