r"""Counting statistics of text: variety, repetition, copies, lengths, and n-grams shared with real text.

Let c(g) be the number of occurrences of the n-gram g of one order in a text:

    distinct-n     = |{g}| / sum_g c(g)                                               (Li et al. 2016)
    known-n        = sum_g c(g) [g occurs in the reference] / sum_g c(g)
    Jaccard-n      = sum_g min(f(g), f'(g)) / sum_g max(f(g), f'(g))          f = c / number of sentences
    MS-Jaccard-N   = (Jaccard-1 ... Jaccard-N)^(1/N)                             (Montahaei et al. 2019)
    repetition-n   = mean over sentences of 1 - |{g in it}| / its n-grams          (Welleck et al. 2020)
    duplicates     = 1 - |{sentences}| / sentences
    copies         = share of the sentences that are lines of the training text, word for word
    unknown        = share of the words that the training text lacks
    length TV      = sum_l |p(l) - q(l)| / 2                  p, q: shares of the sentences of l words

Distinct-n, MS-Jaccard, duplicates and the total variation depend on the number of sentences, so compare
equal numbers of samples and of real sentences.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike

from seqgan_kit.errors import DataError
from seqgan_kit.metrics.statistics.divergences import Estimate
from seqgan_kit.metrics.text.ngram_divergence import NgramShares, Sentences
from seqgan_kit.metrics.text.ngrams import ngrams

Item = TypeVar("Item", bound=Hashable)


def distinct(counts: Mapping[Item, int]) -> float:
    """Return the share of distinct n-grams: near 0 if a text repeats itself."""
    return len(counts) / _total(counts)


def known_share(counts: Mapping[Item, int], reference: Collection[Item]) -> float:
    """Return the share of n-grams, by occurrence, that also occur in the reference."""
    return sum(count for item, count in counts.items() if item in reference) / _total(counts)


def jaccard(
    counts: Mapping[Item, int],
    sentences: int,
    other_counts: Mapping[Item, int],
    other_sentences: int,
) -> float:
    """Return the Jaccard index of two bags of n-grams with counts per sentence: 1 if they are equal.

    Args:
        counts: n-gram counts of one text.
        sentences: number of sentences of this text.
        other_counts: n-gram counts of the other text.
        other_sentences: number of sentences of the other text.
    """
    # Counts are multiplied by both numbers and stay integers, so that equal texts give exactly 1.
    shared = sum(
        min(count * other_sentences, other_counts.get(item, 0) * sentences)
        for item, count in counts.items()
    )
    union = _total(counts) * other_sentences + _total(other_counts) * sentences - shared
    return shared / union


def ms_jaccard(samples: NgramShares, references: NgramShares, orders: Sequence[int]) -> float:
    """Return MS-Jaccard over the given orders: low for bad quality and for low variety.

    It is 0 if all sentences of either text are shorter than the longest n-gram.
    """
    indices = [
        jaccard(samples.counts[n], samples.size, references.counts[n], references.size)
        if samples.counts[n] and references.counts[n]
        else 0.0
        for n in orders
    ]
    return math.prod(indices) ** (1 / len(indices))


def repetition(sentences: Sentences, order: int) -> Estimate | None:
    """Return the mean share of repeated n-grams within a sentence; None if all sentences are too short."""
    found = [ngrams(words, order) for words in sentences]
    return _mean([1 - len(set(items)) / len(items) for items in found if items])


def duplicates(sentences: Sentences) -> float:
    """Return the share of sentences that repeat an earlier one."""
    lines = {tuple(words) for words in sentences}
    return 1 - len(lines) / _size(sentences)


def copies(sentences: Sentences, training: Iterable[Sequence[Hashable]]) -> Estimate:
    """Return the share of sentences that occur in the training text; empty sentences do not count."""
    known = {tuple(words) for words in training}
    _size(sentences)
    return _share([bool(words) and tuple(words) in known for words in sentences])


def unknown_words(sentences: Sentences, vocabulary: Collection[Hashable]) -> Estimate | None:
    """Return the share of words outside the vocabulary; None if there are no words.

    The standard error is over sentences (delta method).
    """
    lengths = np.array([len(words) for words in sentences], float)
    lacking = np.array([sum(word not in vocabulary for word in words) for words in sentences])
    if not lengths.sum():
        return None
    share = float(lacking.sum() / lengths.sum())
    influence = _mean((lacking - share * lengths) / lengths.mean())
    return Estimate(share, influence.standard_error if influence else math.inf)


def mean_length(sentences: Sentences) -> Estimate:
    """Return the mean number of words per sentence."""
    _size(sentences)
    lengths = _mean([len(words) for words in sentences])
    assert lengths is not None
    return lengths


def length_spread(sentences: Sentences) -> float:
    """Return the standard deviation of the number of words per sentence."""
    return float(np.std([len(words) for words in sentences])) if _size(sentences) else 0.0


def length_distance(sentences: Sentences, others: Sentences) -> float:
    """Return the total variation between two distributions of lengths: 0 if equal, 1 if disjoint."""
    sizes = _size(sentences), _size(others)
    own, other = Counter(map(len, sentences)), Counter(map(len, others))
    apart = sum(abs(own[n] * sizes[1] - other[n] * sizes[0]) for n in own | other)
    return apart / (2 * sizes[0] * sizes[1])


def _total(counts: Mapping[Item, int]) -> int:
    total = sum(counts.values())
    if not total:
        raise DataError("no n-grams were given: all sentences are shorter than the order.")
    return total


def _size(sentences: Sentences) -> int:
    if not sentences:
        raise DataError("statistics of a text need at least one sentence; none was given.")
    return len(sentences)


def _mean(values: ArrayLike) -> Estimate | None:
    array = np.asarray(values, np.float64)
    if not array.size:
        return None
    error = float(array.std(ddof=1)) / math.sqrt(array.size) if array.size > 1 else math.inf
    return Estimate(float(array.mean()), error)


def _share(hits: Sequence[bool]) -> Estimate:
    """Return a share p with its standard error sqrt(p (1 - p) / n)."""
    share = sum(hits) / len(hits)
    return Estimate(share, math.sqrt(share * (1 - share) / len(hits)))
