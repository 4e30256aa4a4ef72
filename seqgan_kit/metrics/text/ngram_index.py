"""Number the n-grams of many sentences, so that counting is sorting.

Tokens are numbered by first appearance. An n-gram is a shorter n-gram and one more token:

    key(g) = number(g without its last token) * base + number(its last token)

Its number is the position of that key among the sorted keys of the indexed text. There is no hashing, so
different n-grams never collide. Memory is linear in the text, and keys fit into 63 bits for texts of up to
three billion tokens.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

Sentence = Sequence[Hashable]
Integers = NDArray[np.int64]
Numbering = Callable[[int, Integers], Integers]
"""(order, keys) -> the n-grams' numbers, -1 where unknown."""


@dataclass(frozen=True)
class NgramCounts:
    """How often the n-grams of one order occur in each sentence: a sparse matrix of P entries.

    Entries are sorted by n-gram, then by sentence; none is 0; a pair occurs once.
    """

    ngram: Integers
    """[P] number of the n-gram."""
    sentence: Integers
    """[P] index of the sentence."""
    count: Integers
    """[P] number of occurrences of the n-gram in the sentence."""

    def largest(self, ngrams: int, rank: int = 1) -> Integers:
        """Return the largest count [ngrams] of each n-gram in any sentence, or the second largest for rank 2.

        If two sentences share the largest count, the second largest equals it. The result is 0 if fewer than
        ``rank`` sentences contain the n-gram.
        """
        base = int(self.count.max(initial=0)) + 1
        ascending = np.sort(self.ngram * base + self.count) % base  # n-gram by n-gram
        sentences = np.bincount(self.ngram, minlength=ngrams)
        wanted = np.cumsum(sentences) - rank
        return np.where(sentences >= rank, ascending.take(wanted, mode="clip"), 0)

    def clipped(self, limits: Integers, sentences: int) -> Integers:
        """Return the sum of min(count, limits[n-gram]) over the n-grams of each sentence: [sentences]."""
        matched = np.minimum(self.count, limits[self.ngram])
        return np.bincount(self.sentence, matched, sentences).astype(np.int64)


@dataclass(frozen=True)
class NgramIndex:
    """The numbers of all n-grams of a text; create it with ``index_ngrams``."""

    tokens: dict[Hashable, int]
    """Token -> its number."""
    keys: tuple[Integers, ...]
    """Sorted keys, per order from 2 on."""

    @property
    def max_order(self) -> int:
        """Maximum indexed n-gram order."""
        return len(self.keys) + 1

    def size(self, order: int) -> int:
        """Return the number of distinct n-grams of one order."""
        return len(self.tokens) if order == 1 else len(self.keys[order - 2])

    def counts(self, sentences: Sequence[Sentence]) -> list[NgramCounts]:
        """Return, per order from 1, the counts in the sentences of n-grams that are in the index."""
        unknown = len(self.tokens)
        numbers = [self.tokens.get(token, unknown) for token in chain.from_iterable(sentences)]
        return _count_each_order(sentences, numbers, len(self.tokens), self.max_order, self._number)

    def _number(self, order: int, keys: Integers) -> Integers:
        known = self.keys[order - 2]
        if not len(known):
            return np.full(len(keys), -1)
        places = np.searchsorted(known, keys)
        return np.where(known.take(places, mode="clip") == keys, places, -1)


def index_ngrams(
    sentences: Sequence[Sentence], max_order: int
) -> tuple[NgramIndex, list[NgramCounts]]:
    """Number the n-grams of a text up to ``max_order``, and count them per order."""
    tokens: defaultdict[Hashable, int] = defaultdict()
    tokens.default_factory = tokens.__len__
    numbers = [tokens[token] for token in chain.from_iterable(sentences)]
    known: list[Integers] = []

    def number(order: int, keys: Integers) -> Integers:
        different, places = np.unique(keys, return_inverse=True)
        known.append(different)
        return places

    counts = _count_each_order(sentences, numbers, len(tokens), max_order, number)
    return NgramIndex(dict(tokens), tuple(known)), counts


def _count_each_order(
    sentences: Sequence[Sentence],
    numbers: Iterable[int],
    vocabulary: int,
    max_order: int,
    number: Numbering,
) -> list[NgramCounts]:
    """Count the n-grams of all orders; the token number ``vocabulary`` stands for unknown tokens."""
    tokens = np.array(numbers, np.int64)
    lengths = np.fromiter(map(len, sentences), np.int64, len(sentences))
    sentence = np.repeat(np.arange(len(sentences)), lengths)
    end = np.cumsum(lengths)[sentence]
    start = np.flatnonzero(tokens < vocabulary)
    ngram = tokens[start]
    counts = [_count(ngram, sentence[start], len(sentences))]
    for order in range(2, max_order + 1):
        inside = start + order <= end[start]
        start, ngram = start[inside], ngram[inside]
        # With base vocabulary + 1, the key of an unknown last token is unique.
        ngram = number(order, ngram * (vocabulary + 1) + tokens[start + order - 1])
        start, ngram = start[ngram >= 0], ngram[ngram >= 0]
        counts.append(_count(ngram, sentence[start], len(sentences)))
    return counts


def _count(ngram: Integers, sentence: Integers, sentences: int) -> NgramCounts:
    pairs, count = np.unique(ngram * sentences + sentence, return_counts=True)
    return NgramCounts(*np.divmod(pairs, max(1, sentences)), count)
