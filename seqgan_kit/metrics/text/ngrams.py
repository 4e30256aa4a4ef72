"""Count the n-grams of token lists, in plain Python.

An n-gram is a tuple of n tokens. ``seqgan_kit.metrics.text.ngram_index`` is faster on whole corpora.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence

Ngram = tuple[Hashable, ...]


def ngrams(tokens: Sequence[Hashable], order: int) -> list[Ngram]:
    """Return the n-grams of a sentence in order; empty if it is too short."""
    return list(zip(*(tokens[start:] for start in range(order)), strict=False))


def count_ngrams(sentences: Iterable[Sequence[Hashable]], order: int) -> Counter[Ngram]:
    """Count every n-gram of one order over all sentences."""
    counts: Counter[Ngram] = Counter()
    for tokens in sentences:
        counts.update(ngrams(tokens, order))
    return counts
