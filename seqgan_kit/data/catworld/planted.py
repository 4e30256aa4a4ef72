"""Captions with planted errors, which the world makes with probability 0, among captions without.

    word     one word is replaced by another of the vocabulary
    swap     two neighbouring words change places
    drop     one word is left out
    double   one word stands twice in a row
    coat     a coat that the caption names twice is another one the second time

An error is drawn again until the exact log-probability of the whole caption is -inf. Captions without errors
are drawn from the same distribution as those that get one: for ``coat``, captions that name the coat twice.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from seqgan_kit.data.catworld.captions.caption import CatWorld
from seqgan_kit.data.catworld.captions.lexicon import COAT_WORDS, CODAS
from seqgan_kit.errors import UsageError, unknown

_TRIES = 1_000


class PlantedLine(NamedTuple):
    """A caption and where its error is."""

    text: str
    place: int
    """Number, from 1, of the word that is wrong: the new word, the first of two swapped ones, the second
    copy, or the word after a dropped one (the end of the line counts as a word). 0: no error."""

    @property
    def label(self) -> str:
        """The label of the line: 0, or 1 and the place after a tab."""
        return f"1\t{self.place}" if self.place else "0"


Edited = tuple[list[str], int]
Words = Sequence[str]
Draw = Callable[[int], int]
"""Draw a whole number below another."""


def _replaced(words: Words, at: int, new: str) -> Edited:
    return [*words[:at], new, *words[at + 1 :]], at + 1


def _word(words: Words, draw: Draw, vocabulary: Words) -> Edited:
    return _replaced(words, draw(len(words)), vocabulary[draw(len(vocabulary))])


def _swap(words: Words, draw: Draw, vocabulary: Words) -> Edited:
    at = draw(len(words) - 1)
    return [*words[:at], words[at + 1], words[at], *words[at + 2 :]], at + 1


def _drop(words: Words, draw: Draw, vocabulary: Words) -> Edited:
    at = draw(len(words))
    return [*words[:at], *words[at + 1 :]], at + 1


def _double(words: Words, draw: Draw, vocabulary: Words) -> Edited:
    at = draw(len(words))
    return [*words[: at + 1], *words[at:]], at + 2


def _coat(words: Words, draw: Draw, vocabulary: Words) -> Edited:
    """Replace the coat in the last clause, as in ``, licking its black paw .``"""
    others = [coat for coat in COAT_WORDS if coat != words[_SECOND_COAT]]
    edited, _ = _replaced(words, len(words) + _SECOND_COAT, others[draw(len(others))])
    return edited, len(words) + _SECOND_COAT + 1


_SECOND_COAT = -3
_CODA_VERBS = {phrase.split()[0] for phrases in CODAS.values() for phrase in phrases}

KINDS: dict[str, Callable[[Words, Draw, Words], Edited]] = {
    "word": _word,
    "swap": _swap,
    "drop": _drop,
    "double": _double,
    "coat": _coat,
}
"""Name of an error -> function that makes it in the words of a caption."""


def planted_lines(
    kind: str, n: int, rng: np.random.Generator, world: CatWorld | None = None
) -> list[PlantedLine]:
    """Draw ``n`` captions in random order, half of which have an error.

    Args:
        kind: a name in ``KINDS``.
        n: number of captions; of an odd number, one more has no error.
        rng: source of captions, errors and their order.
        world: the distribution of captions.
    """
    if kind not in KINDS:
        raise unknown("kind of error", kind, KINDS)
    if n < 0:
        raise UsageError(f"cannot draw {n} captions: give a number of at least 0.")
    world = world or CatWorld()
    vocabulary = world.vocabulary()
    captions = [_caption_for(kind, world, rng) for _ in range(n)]
    planted = [_with_error(kind, caption, world, vocabulary, rng) for caption in captions[: n // 2]]
    lines = [*planted, *(PlantedLine(caption, 0) for caption in captions[n // 2 :])]
    return [lines[i] for i in rng.permutation(n)]


def _caption_for(kind: str, world: CatWorld, rng: np.random.Generator) -> str:
    caption = world.sample(rng)
    while kind == "coat" and not _names_coat_twice(caption.split(" ")):
        caption = world.sample(rng)
    return caption


def _names_coat_twice(words: Words) -> bool:
    """Whether the last clause is one of ``CODAS``, which follow only where the coat was named."""
    return len(words) > 5 and words[-5] in _CODA_VERBS and words[_SECOND_COAT] in COAT_WORDS


def _with_error(
    kind: str, caption: str, world: CatWorld, vocabulary: Words, rng: np.random.Generator
) -> PlantedLine:
    def draw(below: int) -> int:
        return int(rng.integers(below))

    for _ in range(_TRIES):
        words, place = KINDS[kind](caption.split(" "), draw, vocabulary)
        text = " ".join(words)
        if world.log_prob(text) == -math.inf:
            return PlantedLine(text, place)
    raise AssertionError(f"{_TRIES} errors of kind {kind} in {caption!r} left it possible")
