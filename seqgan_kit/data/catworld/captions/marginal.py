"""The distribution of captions with the scene summed out, as an acyclic network of weighted arcs.

The construction follows all choices of every slot. Instead of a scene it keeps the *belief*: the posterior
over scenes given what the caption has said and what it has left out. A belief holds only the facts that
later slots still ask for, so most histories merge into one node.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqgan_kit.data.catworld.captions.grammar import Context, Pairs, Slot
from seqgan_kit.data.catworld.captions.programs import PROGRAMS, start_context
from seqgan_kit.data.catworld.scenes import scene as scenes
from seqgan_kit.data.catworld.scenes.beliefs import FACT_VALUES, Belief, prior_beliefs
from seqgan_kit.data.catworld.scenes.scene import SceneLaw


class Arc(NamedTuple):
    """One choice at a node."""

    weight: float
    tokens: tuple[str, ...]
    target: int
    names: Pairs


@dataclass(frozen=True)
class Network:
    """Nodes with their arcs; weights at a node sum to one; node 0 starts, one node ends."""

    arcs: list[list[Arc]]
    final: int


class Outcome(NamedTuple):
    """What a choice says, sets and names, whatever its probability."""

    text: str
    sets: Pairs
    names: Pairs


class _Answer(NamedTuple):
    """Outcomes of a slot that lead to the same context and belief, with their probabilities."""

    sets: Pairs
    posterior: Belief | None
    outcomes: list[tuple[Outcome, float]]


class _Point(NamedTuple):
    """A position in a program, with everything that the rest of the caption depends on."""

    program: str
    slot: int
    context: Pairs
    beliefs: tuple[Belief, ...]


class _Later(NamedTuple):
    """The information that the slots from one position on need."""

    slots: tuple[Slot, ...]
    read: frozenset[str]
    asked: frozenset[str]
    """Facts that are needed in every context."""
    at_times: tuple[Slot, ...]
    """Slots whose questions depend on the context."""


def _later(program: str, slot: int) -> _Later:
    slots = PROGRAMS[program][slot:]
    read = frozenset(key for s in slots for key in s.reads)
    asked = frozenset(fact for s in slots if not s.silent_if for fact in s.asks)
    return _Later(slots, read, asked, tuple(s for s in slots if s.silent_if))


class _Walk:
    """The points that captions pass through; equal beliefs are shared, so each is processed once."""

    def __init__(self) -> None:
        self._laters: dict[tuple[str, int], _Later] = {}
        self._beliefs: dict[tuple[object, ...], Belief] = {}
        self._marginals: dict[tuple[Belief, frozenset[str]], Belief] = {}
        self._answers: dict[tuple[Slot, Pairs, Belief | None], list[_Answer]] = {}

    def start(self, law: SceneLaw, count: int) -> _Point:
        program = "one" if count == 1 else "many"
        return self._forgetting(program, 0, start_context(count), prior_beliefs(law, count))

    def steps(self, point: _Point) -> Iterator[tuple[_Point, list[tuple[Outcome, float]]]]:
        """Yield the next points, each with the outcomes of the slot that lead to it."""
        slot, context = PROGRAMS[point.program][point.slot], dict(point.context)
        about = next((b for b in point.beliefs if set(slot.asks) & set(b.facts)), None)
        for answer in self._answered(slot, context, about):
            beliefs = [answer.posterior if b is about else b for b in point.beliefs]
            later = context | dict(answer.sets)
            known = [belief for belief in beliefs if belief is not None]
            yield self._forgetting(point.program, point.slot + 1, later, known), answer.outcomes

    def _forgetting(
        self, program: str, slot: int, context: Context, beliefs: list[Belief]
    ) -> _Point:
        """Return the point without context and facts that no later slot uses."""
        if (program, slot) not in self._laters:
            self._laters[program, slot] = _later(program, slot)
        later = self._laters[program, slot]
        if not later.slots:
            return _Point("", 0, (), ())
        asked = later.asked.union(*(s.asks for s in later.at_times if s.wants(context)))
        kept = tuple([(key, value) for key, value in context.items() if key in later.read])
        marginals = (self._onto(b, asked) for b in beliefs if not asked.isdisjoint(b.facts))
        return _Point(program, slot, kept, tuple(marginals))

    def _onto(self, belief: Belief, asked: frozenset[str]) -> Belief:
        key = (belief, asked)
        if key not in self._marginals:
            self._marginals[key] = self._same(belief.onto(asked))
        return self._marginals[key]

    def _same(self, belief: Belief) -> Belief:
        """Return the one object that stands for all beliefs equal to this one."""
        key = (belief.facts, np.round(belief.table, 12).tobytes())
        return self._beliefs.setdefault(key, belief)

    def _answered(self, slot: Slot, context: Context, about: Belief | None) -> list[_Answer]:
        key = (slot, tuple((name, context[name]) for name in slot.reads), about)
        if key not in self._answers:
            self._answers[key] = [
                a._replace(posterior=a.posterior and self._same(a.posterior))
                for a in _answers(slot, context, about)
            ]
        return self._answers[key]


def build_network(law: SceneLaw) -> Network:
    """Return the network of all captions of the world with their exact weights."""
    walk = _Walk()
    arcs: list[list[Arc]] = [[]]
    numbers: dict[_Point, int] = {}
    waiting: list[_Point] = []

    def number_of(point: _Point) -> int:
        if point not in numbers:
            numbers[point] = len(arcs)
            arcs.append([])
            waiting.append(point)
        return numbers[point]

    for count, weight in enumerate(law.cats, start=1):
        if weight > 0:
            names = (("cats", scenes.CAT_COUNTS[count - 1]),)
            arcs[0].append(Arc(weight, (), number_of(walk.start(law, count)), names))
    while waiting:
        point = waiting.pop()
        if point == _END:
            continue
        for after, outcomes in walk.steps(point):
            target = number_of(after)
            arcs[numbers[point]] += [
                Arc(weight, tuple(outcome.text.split()), target, outcome.names)
                for outcome, weight in outcomes
            ]
    return Network(arcs, numbers[_END])


_END = _Point("", 0, (), ())


def _answers(slot: Slot, context: Context, about: Belief | None) -> list[_Answer]:
    tables = likelihoods(slot, context)
    # Without a belief the slot does not depend on the facts (Slot.silent_if).
    any_facts = np.full(shape := next(iter(tables.values())).shape, 1 / math.prod(shape))
    prior = any_facts if about is None else about.over(slot.asks)
    groups: dict[tuple[Pairs, bytes], _Answer] = {}
    for outcome, likelihood in tables.items():
        weight = float((prior * likelihood).sum())
        if weight <= 0:
            continue
        # Synonyms carry the same information: their likelihoods differ by a constant factor.
        key = (outcome.sets, np.round(likelihood / likelihood.max(), 12).tobytes())
        if key not in groups:
            posterior = about.given(slot.asks, likelihood) if about is not None else None
            groups[key] = _Answer(outcome.sets, posterior, [])
        groups[key].outcomes.append((outcome, weight))
    return list(groups.values())


def likelihoods(slot: Slot, context: Context) -> dict[Outcome, NDArray[np.float64]]:
    """Return P(outcome | asked facts) for every outcome, with one axis per asked fact."""
    values = [FACT_VALUES[fact] for fact in slot.asks]
    found: dict[Outcome, NDArray[np.float64]] = {}
    for where in itertools.product(*(range(len(v)) for v in values)):
        facts = {f: v[i] for f, v, i in zip(slot.asks, values, where, strict=True)}
        for choice in slot.choices(context, facts):
            outcome = Outcome(choice.text, choice.sets, choice.names)
            table = found.setdefault(outcome, np.zeros([len(v) for v in values]))
            table[where] += choice.probability
    return found
