"""Generate a caption of a scene, and compute the exact probability of a caption given its scene."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from seqgan_kit.data.catworld.captions.grammar import facts_of
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


def tell(scene: Scene, rng: np.random.Generator) -> str:
    """Draw a caption of the scene."""
    facts = facts_of(scene)
    program = PROGRAMS["one" if facts["cats"] == "1" else "many"]
    context = start_context(len(scene.cats))
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
    return " ".join(spell(tokens))


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
