r"""Interpolated Kneser-Ney smoothing (Kneser and Ney 1995; modified discounts: Chen and Goodman 1999).

For a history h of k - 1 words, and h' the history without its first word,

    P_k(w | h) = max(a(h w) - D(a(h w)), 0) / a(h .) + g(h) P_k-1(w | h')
    g(h)       = sum over w with a(h w) > 0 of D(a(h w)) / a(h .)        so that the sum over w is 1
    P_k(w | h) = P_k-1(w | h')                                           if h never occurs as a history
    P_0(w)     = 1 / V

    a(h w) = c(h w), the number of occurrences       if k is the order or h begins a sentence
           = N(. h w), number of distinct words before  otherwise

    D(1) = 1 - 2 Y n2/n1   D(2) = 2 - 3 Y n3/n2   D(3 or more) = 3 - 4 Y n4/n3   Y = n1 / (n1 + 2 n2)

where n1 .. n4 are the numbers of n-grams of length k with a = 1 .. 4. If a D(i) lies outside (0, i], as in
short or very uniform text, the discounts are 1/2, 1, 3/2. No word precedes the first word of a sentence, so
n-grams there keep their counts, as in KenLM (Heafield et al. 2013).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

FALLBACK_DISCOUNTS = (0.5, 1.0, 1.5)
"""KenLM's discounts, used if the counts of counts give no valid ones."""
START = 0
"""The id of the start of a sentence, which occurs in histories and is never predicted."""


@dataclass(frozen=True)
class Text:
    """Sentences one after the other, each from its start to its end."""

    ids: Ints
    """[M]."""
    place: Ints
    """[M] position in the sentence: 0 at its start."""

    def histories(self, grams: Ints, k: int) -> Ints:
        """Return the (k-1)-gram before each token [M]; -1 if it is unknown or too short.

        Args:
            grams: [M] index of the (k-1)-gram that ends at each token; 0, the empty one, for k = 1.
            k: length of the n-gram that ends with the token.
        """
        before = grams if k == 1 else np.concatenate([grams[:1], grams[:-1]])
        return np.where(self.place >= k - 1, before, -1)


@dataclass(frozen=True)
class Level:
    """The n-grams of one length k, as pairs of a (k-1)-gram and a word."""

    keys: Ints
    """[G] sorted: number of the (k-1)-gram * ids + id of the word."""
    shares: Floats
    """[G] (a - D(a)) / a(h .)."""
    left_over: Floats
    """[number of (k-1)-grams] g(h); 1 if h never occurs as a history."""

    def find(self, keys: Ints, wanted: NDArray[np.bool_]) -> tuple[Ints, NDArray[np.bool_]]:
        """Return the position [M] of each key in this level, and whether it is present and wanted."""
        at = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return at, wanted & (self.keys[at] == keys)


@dataclass(frozen=True)
class _Found:
    """The n-grams of one length k in a text."""

    keys: Ints
    """[G] as in ``Level``."""
    first: Ints
    """[G] position where each n-gram first ends."""
    ends: Ints
    """[M] index of the n-gram that ends at each token; -1 if there is none."""


def train_levels(
    text: Text, order: int, base: int, discount: float | None
) -> tuple[list[Level], list[tuple[float, ...]]]:
    """Return the levels k = 1 .. order (fewer if all sentences are shorter) and their discounts.

    Args:
        text: the training text.
        order: maximum n-gram order.
        base: number of ids, including the start of a sentence.
        discount: a single D for all counts (default: the modified discounts).
    """
    levels: list[Level] = []
    discounts: list[tuple[float, ...]] = []
    # Level 1 holds every word, seen or not, so that a word's id is its index.
    found = _Found(np.arange(base), np.zeros(base, np.int64), text.ids)
    histories = 1
    for k in range(1, order + 1):
        longer = _ngrams(text, found, k + 1, base) if k < order else None
        adjusted = _adjusted_counts(text, found, longer, k, order)
        discounts.append(_discounts(adjusted) if discount is None else (discount,) * 3)
        levels.append(_level(found.keys, adjusted, discounts[-1], histories, base))
        if longer is None:
            break
        found, histories = longer, len(found.keys)
    return levels, discounts


def _ngrams(text: Text, shorter: _Found, k: int, base: int) -> _Found | None:
    """Return the n-grams of length k; None if all sentences are shorter."""
    histories = text.histories(shorter.ends, k)
    fitting = np.flatnonzero(histories >= 0)
    if not len(fitting):
        return None
    keys = histories[fitting] * base + text.ids[fitting]
    distinct, first, which = np.unique(keys, return_index=True, return_inverse=True)
    ends = np.full(len(text.ids), -1)
    ends[fitting] = which
    return _Found(distinct, fitting[first], ends)


def _adjusted_counts(text: Text, found: _Found, longer: _Found | None, k: int, order: int) -> Ints:
    """Return a(h w) [G]: counts, or numbers of distinct preceding words (module docstring)."""
    size = len(found.keys)
    counts = np.bincount(found.ends[found.ends >= 0], minlength=size)
    begins = np.zeros(size, bool)
    begins[found.ends[text.place == k - 1]] = True
    if k < order:
        ends_of_longer = found.ends[longer.first] if longer else np.zeros(0, np.int64)
        counts = np.where(begins, counts, np.bincount(ends_of_longer, minlength=size))
    if k == 1:
        counts[START] = 0
    return counts


def _discounts(adjusted: Ints) -> tuple[float, ...]:
    """Return D(1), D(2) and D(3 or more) from the counts of counts, or the fallback."""
    of = [0, *(int((adjusted == count).sum()) for count in (1, 2, 3, 4))]
    if min(of[1:]) == 0:
        return FALLBACK_DISCOUNTS
    share = of[1] / (of[1] + 2 * of[2])
    given = tuple(i - (i + 1) * share * of[i + 1] / of[i] for i in (1, 2, 3))
    in_range = all(0 < d <= i for i, d in enumerate(given, start=1))
    return given if in_range else FALLBACK_DISCOUNTS


def _level(
    keys: Ints, adjusted: Ints, discounts: tuple[float, ...], histories: int, base: int
) -> Level:
    taken = np.array([0.0, *discounts])[np.minimum(adjusted, 3)]
    history = keys // base
    totals = np.bincount(history, adjusted, histories)
    left = np.bincount(history, taken, histories)
    left_over = np.divide(left, totals, out=np.ones(histories), where=totals > 0)
    return Level(keys, (adjusted - taken) / totals[history], left_over)
