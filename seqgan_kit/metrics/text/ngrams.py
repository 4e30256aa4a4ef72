"""Counting the n-grams of token lists, in plain Python.

An n-gram is a tuple of n tokens. (Whole corpora are counted faster as numbers:
``seqgan_kit.metrics.text.ngram_index``.)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence

Ngram = tuple[Hashable, ...]


def ngrams(tokens: Sequence[Hashable], order: int) -> list[Ngram]:
    """All n-grams of one sentence as they follow each other; none where it is too short."""
    return list(zip(*(tokens[start:] for start in range(order)), strict=False))


def count_ngrams(sentences: Iterable[Sequence[Hashable]], order: int) -> Counter[Ngram]:
    """How often every n-gram of one order occurs over all sentences."""
    counts: Counter[Ngram] = Counter()
    for tokens in sentences:
        counts.update(ngrams(tokens, order))
    return counts
