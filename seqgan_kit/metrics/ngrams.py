"""Counting the n-grams of token lists, in plain Python.

An n-gram is a tuple of n tokens. Besides ordinary counts there are *occurrence sets*: the k-th time
an n-gram turns up in a sentence is an item of its own, so that clipped counts become set sizes:

    sum_g min(count_a(g), count_b(g)) = | occurrences(a) & occurrences(b) |

which runs at the speed of built-in sets and works for a whole reference set as well, where the clip
is the largest count in any one reference: the union of the references' occurrence sets.
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


def occurrences(tokens: Sequence[Hashable], max_order: int) -> list[list[Hashable]]:
    """The sentence's n-grams of each order from 1 to ``max_order``, repetitions told apart.

    The first occurrence of ``g`` is ``g`` itself, the k-th (k >= 2) is ``(g, k)``: as many distinct
    items as the sentence has n-grams. (Tokens are strings or numbers: a tuple could be mistaken.)
    """
    by_order: list[list[Hashable]] = []
    repeats = True
    for order in range(1, max_order + 1):
        items: list[Hashable] = list(ngrams(tokens, order))
        # Where no n-gram repeats, no longer one can: most sentences stop looking early.
        repeats = repeats and len(set(items)) < len(items)
        by_order.append(_tell_apart(items) if repeats else items)
    return by_order


def _tell_apart(items: list[Hashable]) -> list[Hashable]:
    apart: list[Hashable] = []
    for item, count in Counter(items).items():
        apart.append(item)
        apart.extend((item, k) for k in range(2, count + 1))
    return apart
