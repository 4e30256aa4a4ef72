"""The grammar of captions: a list of slots, filled from left to right.

A slot reads a few facts of the scene and the caption so far (the context), and draws a wording, often
the empty one. Its choice constrains later slots: number, pronouns, shut eyes without a colour, a coat
named again, the number of clauses left. The slots are used in two ways: ``telling`` generates a caption
of a scene, and ``marginal`` sums the scene out to get the distribution of captions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from seqgan_kit.data.catworld.captions.lexicon import Wordings
from seqgan_kit.data.catworld.scenes.scene import Scene

Context = Mapping[str, str]
Facts = Mapping[str, str]
Pairs = tuple[tuple[str, str], ...]


class Choice(NamedTuple):
    """One way to fill a slot."""

    probability: float
    text: str
    """Words separated by spaces; ``lexicon.ARTICLE`` stands for a or an; may be empty."""
    sets: Pairs = ()
    """What later slots should know."""
    names: Pairs = ()
    """The attributes of the scene that the text reveals."""


@dataclass(frozen=True, eq=False)  # slots are compared and hashed by identity, which is fast
class Slot:
    """A position in the caption and the conditional distribution that fills it."""

    name: str
    asks: tuple[str, ...]
    """Facts of the scene that the law reads."""
    reads: tuple[str, ...]
    """Context keys that the law reads."""
    law: Callable[[Context, Facts], list[Choice]]
    """Choices whose probabilities sum to one."""
    silent_if: Pairs = ()
    """If the context has one of these values, the slot is empty for every scene. No slot in between
    may change such a value, so the facts that this slot asks for can be dropped as soon as it is set."""

    def wants(self, context: Context) -> bool:
        """Return whether the scene may still matter to this slot."""
        return not any(context.get(key) == value for key, value in self.silent_if)

    def choices(self, context: Context, facts: Facts) -> list[Choice]:
        """Return the law's choices; the law sees only the keys that it declares in ``reads`` and ``asks``."""
        return _choices(
            self,
            tuple((key, context[key]) for key in self.reads),
            tuple((fact, facts[fact]) for fact in self.asks),
        )


@lru_cache(maxsize=100_000)  # a pure function of few distinct arguments, called for every slot
def _choices(slot: Slot, context: Pairs, facts: Pairs) -> list[Choice]:
    return [choice for choice in slot.law(dict(context), dict(facts)) if choice.probability > 0]


def facts_of(scene: Scene) -> dict[str, str]:
    """Return the facts that slots may ask for: the first cat, the scene, and the second cat, if any."""
    facts = vars(scene.cats[0]) | vars(scene)
    facts["cats"] = str(len(scene.cats))
    facts["all_shut"] = "yes" if all(cat.eyes == "shut" for cat in scene.cats) else "no"
    if len(scene.cats) > 1:
        facts["expression2"] = scene.cats[1].expression
    return facts


def spread(wordings: Wordings, probability: float = 1.0) -> Iterable[tuple[str, float]]:
    """Return the wordings with their weights scaled to sum to ``probability``."""
    total = sum(wordings.values())
    return [(text, probability * weight / total) for text, weight in wordings.items()]


def silent(probability: float = 1.0, **sets: str) -> Choice:
    """Return the choice to say nothing."""
    return Choice(probability, "", tuple(sets.items()))


def optional(
    probability: float,
    wordings: Wordings,
    frame: str = "{}",
    sets: Pairs = (),
    names: Pairs = (),
) -> list[Choice]:
    """Return choices that say one of the wordings with the given probability, else nothing."""
    said = [
        Choice(p, frame.format(text), sets, names)
        for text, p in spread(wordings, probability)
        if p > 0
    ]
    return said if probability >= 1 else [*said, silent(1 - probability)]


def full(context: Context) -> bool:
    """Return whether the caption has all the clauses that it may have."""
    return context["room"] == "0"


# How one more clause reduces the number of clauses left.
CLAUSE_SAID: dict[str, Pairs] = {"2": (("room", "1"),), "1": (("room", "0"),)}
NO_MORE: Pairs = (("room", "0"),)
