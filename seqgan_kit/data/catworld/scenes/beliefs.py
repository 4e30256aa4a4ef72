"""Posterior beliefs about a scene: small probability tables over dependent facts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqgan_kit.data.catworld.scenes import scene as scenes
from seqgan_kit.data.catworld.scenes.scene import SceneLaw

FACT_VALUES: dict[str, tuple[str, ...]] = scenes.LABEL_NAMES | {
    "expression2": scenes.EXPRESSIONS,
    "all_shut": ("no", "yes"),
}


@dataclass(frozen=True, eq=False)
class Belief:
    """A distribution over some facts that depend on each other."""

    facts: tuple[str, ...]
    table: NDArray[np.float64]
    """One axis per fact, in FACT_VALUES' order; sums to one."""

    def onto(self, facts: frozenset[str]) -> Belief:
        """Return the marginal over the named facts."""
        gone = tuple(axis for axis, fact in enumerate(self.facts) if fact not in facts)
        return Belief(tuple(f for f in self.facts if f in facts), self.table.sum(axis=gone))

    def over(self, facts: tuple[str, ...]) -> NDArray[np.float64]:
        """Return the marginal table over ``facts``, axes in their order."""
        narrow = self.onto(frozenset(facts))
        return narrow.table.transpose([narrow.facts.index(fact) for fact in facts])

    def given(self, facts: tuple[str, ...], likelihood: NDArray[np.float64]) -> Belief:
        """Return the posterior; ``likelihood`` has one axis for each of ``facts``."""
        order = [self.facts.index(fact) for fact in facts]
        shape = [n if axis in order else 1 for axis, n in enumerate(self.table.shape)]
        # The likelihood's axes come in the slot's order: sort them into the table's.
        sorted_likelihood = likelihood.transpose(np.argsort(order)).reshape(shape)
        table = self.table * sorted_likelihood
        return Belief(self.facts, table / table.sum())


def prior_beliefs(law: SceneLaw, count: int) -> list[Belief]:
    """Return the prior beliefs about a scene with ``count`` cats, as independent tables."""
    singles = {
        "ears": law.ears,
        "accessory": law.accessory,
        "background": law.background,
        "tilt": law.tilt,
        "size": law.size,
    }
    beliefs = [Belief((fact,), np.array(weights)) for fact, weights in singles.items()]
    moods = np.array(law.eyes)[:, None] * np.array(law.expression_given_eyes)  # [eyes, expression]
    coats = np.array(law.coat)[:, None] * np.array(law.pattern_given_coat)  # [coat, pattern]
    if count == 1:
        face = np.einsum("cp,clr,em->cplrem", coats, _eye_colours(law), moods)
        facts = ("coat", "pattern", "left_eye", "right_eye", "eyes", "expression")
        return [*beliefs, Belief(facts, face)]
    return [*beliefs, Belief(("coat", "pattern"), coats), _moods_of_many(moods, count)]


def _eye_colours(law: SceneLaw) -> NDArray[np.float64]:
    """Return P(left, right | coat), ``[coat, left, right]``."""
    right = [
        [law.right_eye_given(coat, left) for left in range(len(scenes.EYE_COLOURS))]
        for coat in range(len(scenes.COATS))
    ]
    return np.array(law.eye_given_coat)[:, :, None] * np.array(right)


def _moods_of_many(moods: NDArray[np.float64], count: int) -> Belief:
    """Return P(all eyes shut, the second cat's expression), from the law of one cat's mood."""
    shut = scenes.EYE_STATES.index("shut")
    others = moods[shut].sum() ** (count - 1)
    yes = moods[shut] * others
    return Belief(("all_shut", "expression2"), np.stack([moods.sum(axis=0) - yes, yes]))
