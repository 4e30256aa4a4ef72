"""BLEU and Self-BLEU as text-GAN papers use them, equal to nltk's sentence BLEU with ``method1``.

Every hypothesis h is scored against the whole reference set R, and the scores are averaged
(Papineni et al. 2002; the smoothing: Chen and Cherry 2014; the use: Zhu et al. 2018, "Texygen"):

    p_i(h)    = sum_g min(count_h(g), max_{r in R} count_r(g)) / max(1, |h| - i + 1)    g: i-grams
    p_i(h)   <- 0.1 / max(1, |h| - i + 1)                       where the sum is 0      (method1)
    BP(h)     = 1 if |h| > r* else exp(1 - r* / |h|)     r*: nearest reference length, of two
                                                         equally near the shorter
    BLEU-n(h) = BP(h) * (p_1 ... p_n)^(1/n),  and 0 where not one token of h is in R

Self-BLEU scores every sentence against all others. Only the scored line itself is left out, so an exact
copy elsewhere stays a reference, because copies are the collapse that it must detect.

The largest count of every n-gram in any one reference is a table built once (``ReferenceSet``).
The cost of a hypothesis then does not depend on the number of references. Leaving one out needs no
table per sentence: with c the counts of sentence s and m2 the second largest counts of all sentences,

    min(c(g), max_{r != s} count_r(g)) = min(c(g), m2(g))

because where s has the largest count, the others' largest is m2, and elsewhere both sides are c(g).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seqgan_kit.errors import DataError, UsageError
from seqgan_kit.metrics.text.ngram_index import Integers, Sentence, index_ngrams

Scores = dict[int, NDArray[np.float64]]
"""Order -> scores [N], one per sentence."""

DEFAULT_ORDERS = (2, 3, 4, 5)
METHOD1_EPSILON = 0.1  # nltk's SmoothingFunction(epsilon=0.1)
_FAR = 2**60  # further than any length


class ReferenceSet:
    """Reference statistics for BLEU; build them once and use them for many hypotheses.

    Args:
        references: reference sentences as token lists; at least one.
        max_order: maximum n-gram order.
    """

    def __init__(
        self, references: Sequence[Sentence], max_order: int = max(DEFAULT_ORDERS)
    ) -> None:
        if not references:
            raise DataError("BLEU needs at least one reference sentence: none was given.")
        _check_orders([max_order])
        self.size = len(references)
        self.max_order = max_order
        self._index, counts = index_ngrams(references, max_order)
        self._limits = [c.largest(self._index.size(n)) for n, c in enumerate(counts, start=1)]
        self._lengths = np.unique(_lengths(references))

    def matches(self, hypotheses: Sequence[Sentence]) -> Integers:
        """Return clipped counts [N, max_order] of the hypotheses' n-grams in the references."""
        counts = self._index.counts(hypotheses)
        clipped = [
            c.clipped(limits, len(hypotheses))
            for c, limits in zip(counts, self._limits, strict=True)
        ]
        return np.stack(clipped, axis=1)

    def nearest_lengths(self, lengths: Integers) -> Integers:
        """Return the reference length [N] nearest to each length; the shorter of two equally near."""
        return _nearest(self._lengths, lengths)


def sentence_scores(
    hypotheses: Sequence[Sentence], references: ReferenceSet, orders: Sequence[int] = DEFAULT_ORDERS
) -> Scores:
    """Compute BLEU-n of every hypothesis against the whole reference set, per order."""
    _check_orders(orders, references.max_order)
    lengths = _lengths(hypotheses)
    penalties = brevity_penalties(lengths, references.nearest_lengths(lengths))
    return _scores(references.matches(hypotheses), lengths, penalties, orders)


def self_sentence_scores(
    sentences: Sequence[Sentence], orders: Sequence[int] = DEFAULT_ORDERS
) -> Scores:
    """Compute BLEU-n of every sentence against all other sentences, per order."""
    _check_orders(orders)
    if len(sentences) < 2:
        raise DataError("Self-BLEU compares sentences with each other: give at least two.")
    index, counts = index_ngrams(sentences, max(orders))
    matches = [
        c.clipped(c.largest(index.size(n), rank=2), len(sentences))
        for n, c in enumerate(counts, start=1)
    ]
    lengths = _lengths(sentences)
    penalties = brevity_penalties(lengths, _nearest_among_the_others(lengths))
    return _scores(np.stack(matches, axis=1), lengths, penalties, orders)


def bleu(
    hypotheses: Sequence[Sentence],
    references: ReferenceSet | Sequence[Sentence],
    orders: Sequence[int] = DEFAULT_ORDERS,
) -> dict[int, float]:
    """Compute the mean sentence BLEU-n of the hypotheses, per order."""
    if not hypotheses:
        raise DataError("BLEU is a mean over hypotheses; none was given.")
    _check_orders(orders)
    if not isinstance(references, ReferenceSet):
        references = ReferenceSet(references, max(orders))
    return means(sentence_scores(hypotheses, references, orders))


def self_bleu(
    sentences: Sequence[Sentence], orders: Sequence[int] = DEFAULT_ORDERS
) -> dict[int, float]:
    """Compute the mean leave-one-out BLEU-n of the sentences, per order: high if they repeat each other."""
    return means(self_sentence_scores(sentences, orders))


def means(scores: Scores) -> dict[int, float]:
    """Return the mean score per order."""
    return {order: float(values.mean()) for order, values in scores.items()}


def brevity_penalties(
    hypothesis_lengths: Integers, reference_lengths: Integers
) -> NDArray[np.float64]:
    """Return 1 for hypotheses longer than the reference, exp(1 - r/h) for others, 0 for empty ones: [N]."""
    ratios = reference_lengths / np.maximum(1, hypothesis_lengths)
    penalties = np.where(hypothesis_lengths > reference_lengths, 1.0, np.exp(1.0 - ratios))
    return np.where(hypothesis_lengths == 0, 0.0, penalties)


def _scores(
    matches: Integers, lengths: Integers, penalties: NDArray[np.float64], orders: Sequence[int]
) -> Scores:
    """Return the scores from clipped counts [N, max_order] and brevity penalties [N]."""
    numbers = np.arange(1, matches.shape[1] + 1)
    possible = np.maximum(1, lengths[:, None] - numbers + 1)
    logs = np.log(np.where(matches, matches, METHOD1_EPSILON) / possible)
    scores = penalties[:, None] * np.exp(np.cumsum(logs, axis=1) / numbers)
    scores[matches[:, 0] == 0] = 0.0
    return {order: scores[:, order - 1] for order in orders}


def _nearest(known: Integers, lengths: Integers, skipped: Integers | int = 0) -> Integers:
    """[N] the nearest of the ascending known lengths, the shorter of two; skips those found where 1."""
    padded = np.concatenate([[-_FAR], known, [_FAR]])
    right = np.searchsorted(known, lengths) + 1  # the first that is not shorter
    shorter, longer = padded[right - 1], padded[right + skipped]
    return np.where(lengths - shorter <= longer - lengths, shorter, longer)


def _nearest_among_the_others(lengths: Integers) -> Integers:
    """Return for each length the nearest of the others [N], the shorter of two."""
    known, place, count = np.unique(lengths, return_inverse=True, return_counts=True)
    return _nearest(known, lengths, (count == 1)[place])


def _lengths(sentences: Sequence[Sentence]) -> Integers:
    return np.fromiter(map(len, sentences), np.int64, len(sentences))


def _check_orders(orders: Sequence[int], largest: int | None = None) -> None:
    if not orders or min(orders) < 1:
        raise UsageError(f"n-gram orders must be whole numbers of 1 or more, got {list(orders)}.")
    if largest is not None and max(orders) > largest:
        raise UsageError(
            f"order {max(orders)} needs references prepared up to that order, not {largest}: "
            f"build ReferenceSet(references, max_order={max(orders)})."
        )
