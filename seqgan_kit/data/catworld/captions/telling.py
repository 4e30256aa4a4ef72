"""Generate a caption of a scene, and compute the exact probability of a caption given its scene."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from seqgan_kit.data.catworld.captions.grammar import Context, Facts, Slot, facts_of
from seqgan_kit.data.catworld.captions.lexicon import ARTICLE
from seqgan_kit.data.catworld.captions.programs import PROGRAMS, start_context
from seqgan_kit.data.catworld.scenes.scene import Scene


def article_before(word: str) -> str:
    """Return ``a`` or ``an`` by the first letter, which is correct for every word of this world."""
    return "an" if word[0] in "aeiou" else "a"


def spell(tokens: Iterable[str]) -> list[str]:
    """Replace article placeholders by ``a`` or ``an``, depending on the next word."""
    words = list(tokens)
    for i, word in enumerate(words):
        if word == ARTICLE:
            words[i] = article_before(words[i + 1])
    return words


class Told(NamedTuple):
    """What was said of a scene."""

    words: list[str]
    context: dict[str, str]
    """The context after the last slot."""
    names: dict[str, str]
    """The attributes of the scene that the words name."""


def told(program: Iterable[Slot], start: Context, facts: Facts, rng: np.random.Generator) -> Told:
    """Fill the slots of a program from left to right, each by a draw from its law."""
    context = dict(start)
    names: dict[str, str] = {}
    tokens: list[str] = []
    for slot in program:
        choices = slot.choices(context, facts)
        at = rng.random()
        for choice in choices:
            at -= choice.probability
            if at < 0:
                break
        tokens += choice.text.split()
        context.update(choice.sets)
        names.update(choice.names)
    return Told(spell(tokens), context, names)


def told_caption(scene: Scene, rng: np.random.Generator) -> Told:
    """Draw a caption of the scene."""
    program = PROGRAMS["one" if len(scene.cats) == 1 else "many"]
    return told(program, start_context(len(scene.cats)), facts_of(scene), rng)


def tell(scene: Scene, rng: np.random.Generator) -> str:
    """Draw a caption of the scene, as text."""
    return " ".join(told_caption(scene, rng).words)


def probability_given(caption: str, scene: Scene) -> float:
    """Return P(caption | scene): the sum over all derivations in ``tell``."""
    facts = facts_of(scene)
    program = PROGRAMS["one" if facts["cats"] == "1" else "many"]
    target = caption.split()

    def follow(slot: int, said: tuple[str, ...], context: dict[str, str]) -> float:
        if slot == len(program):
            return float(spell(said) == target)
        total = 0.0
        for choice in program[slot].choices(context, facts):
            now = (*said, *choice.text.split())
            if _begins(now, target):
                later = context | dict(choice.sets)
                total += choice.probability * follow(slot + 1, now, later)
        return total

    return follow(0, (), start_context(len(scene.cats)))


def _begins(said: tuple[str, ...], target: list[str]) -> bool:
    # A final article waits for its noun: compare it once the next word is there.
    settled = said[:-1] if said and said[-1] == ARTICLE else said
    return spell(settled) == target[: len(settled)]
