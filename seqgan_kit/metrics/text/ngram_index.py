"""The n-grams of many sentences as numbers: counting them is sorting.

Tokens are numbered as they first appear. A longer n-gram is a shorter one and one more token,

    key(g) = number(g without its last token) * base + number(its last token)

and its number is the place of that key among the sorted keys of the indexed text. Nothing is hashed
into fewer bits, so no two n-grams are taken for one; memory is linear in the text; keys fit into 63
bits for texts of up to three billion tokens.
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
    """[P] the n-gram's number."""
    sentence: Integers
    """[P] the sentence, from 0 on."""
    count: Integers
    """[P] how often the one occurs in the other."""

    def largest(self, ngrams: int, rank: int = 1) -> Integers:
        """[ngrams] per n-gram, its largest count in any one sentence; with rank 2, the second largest.

        Of equal counts in two sentences one is the largest and one the second largest; where fewer
        sentences than ``rank`` have the n-gram, the result is 0.
        """
        base = int(self.count.max(initial=0)) + 1
        ascending = np.sort(self.ngram * base + self.count) % base  # n-gram by n-gram
        sentences = np.bincount(self.ngram, minlength=ngrams)
        wanted = np.cumsum(sentences) - rank
        return np.where(sentences >= rank, ascending.take(wanted, mode="clip"), 0)

    def clipped(self, limits: Integers, sentences: int) -> Integers:
        """[sentences] the sum over each one's n-grams of min(count, limits[n-gram])."""
        matched = np.minimum(self.count, limits[self.ngram])
        return np.bincount(self.sentence, matched, sentences).astype(np.int64)


@dataclass(frozen=True)
class NgramIndex:
    """The numbers of all n-grams of a text; make it with ``index_ngrams``."""

    tokens: dict[Hashable, int]
    """Token -> its number."""
    keys: tuple[Integers, ...]
    """Sorted keys, per order from 2 on."""

    @property
    def max_order(self) -> int:
        """The longest n-grams that have numbers."""
        return len(self.keys) + 1

    def size(self, order: int) -> int:
        """How many different n-grams of one order the text has."""
        return len(self.tokens) if order == 1 else len(self.keys[order - 2])

    def counts(self, sentences: Sequence[Sentence]) -> list[NgramCounts]:
        """Per order from 1 on, the counts in some sentences of the n-grams that the text has too."""
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
    """Numbers the n-grams of a text up to ``max_order``, and counts them per order."""
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
    """Counts the n-grams of all orders; a token whose number is ``vocabulary`` is an unknown one."""
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
        # With vocabulary + 1 as the base the key of an unknown last token is nobody else's.
        ngram = number(order, ngram * (vocabulary + 1) + tokens[start + order - 1])
        start, ngram = start[ngram >= 0], ngram[ngram >= 0]
        counts.append(_count(ngram, sentence[start], len(sentences)))
    return counts


def _count(ngram: Integers, sentence: Integers, sentences: int) -> NgramCounts:
    pairs, count = np.unique(ngram * sentences + sentence, return_counts=True)
    return NgramCounts(*np.divmod(pairs, max(1, sentences)), count)
