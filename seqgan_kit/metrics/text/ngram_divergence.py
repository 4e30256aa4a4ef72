r"""Divergence between the n-grams of two corpora, the score of character generators in Gulrajani et al. 2017.

Let p and q be the distributions of the n-grams of one order in the two corpora. Then

    JS_n = (sum_g p(g) log2(p(g) / m(g)) + sum_g q(g) log2(q(g) / m(g))) / 2,    m = (p + q) / 2

which is 0 if p = q and 1 bit if no n-gram is shared. Two samples of the same text also differ, more so for
longer n-grams and fewer sentences. So compare a generator's JS_n with that of equally many held-out sentences
(640 in the paper), against the same corpus.

Sentences are used as given: the paper's are rows of 32 characters, including their padding.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

from seqgan_kit.errors import DataError, UsageError
from seqgan_kit.metrics.text.ngrams import count_ngrams

Sentences = Sequence[Sequence[Hashable]]
Item = TypeVar("Item", bound=Hashable)

DEFAULT_ORDERS = (1, 2, 3, 4)


class NgramShares:
    """N-gram counts of a corpus, computed once for many comparisons.

    Attributes:
        counts: order -> n-gram -> number of occurrences; empty if all sentences are shorter.
        size: number of sentences.
    """

    def __init__(self, sentences: Sentences, orders: Sequence[int] = DEFAULT_ORDERS):
        if not orders or min(orders) < 1:
            raise UsageError(f"n-gram orders are whole numbers from 1 on, got {list(orders)}.")
        if not sentences:
            raise DataError("n-gram shares need at least one sentence; none was given.")
        self.size = len(sentences)
        self.counts = {order: count_ngrams(sentences, order) for order in orders}


def js_divergences(
    samples: NgramShares | Sentences,
    references: NgramShares | Sentences,
    orders: Sequence[int] = DEFAULT_ORDERS,
) -> dict[int, float]:
    """Compute JS_n in bits, per order; orders without n-grams on either side are left out.

    Args:
        samples: a generator's sentences, or held-out ones for the floor.
        references: the text to compare with; pass ``NgramShares`` to avoid counting it again.
        orders: n-gram orders.
    """
    own, other = _counted(samples, orders), _counted(references, orders)
    return {
        order: js_divergence(own.counts[order], other.counts[order])
        for order in orders
        if own.counts[order] and other.counts[order]
    }


def js_divergence(left: Mapping[Item, int], right: Mapping[Item, int]) -> float:
    """Return the Jensen-Shannon divergence, in bits, of two normalised sets of counts.

    An item in only one set adds half its share, so only the items of the smaller set are visited.
    """
    few, many = (left, right) if len(left) <= len(right) else (right, left)
    few_total, many_total = sum(few.values()), sum(many.values())
    if not few_total or not many_total:
        raise DataError("a divergence needs counts on both sides; one of them has none.")
    terms: list[float] = []
    shared = 0
    for item, count in few.items():
        # Shares times both totals are integers, so that equal shares are exactly equal.
        p, q = count * many_total, many.get(item, 0) * few_total
        shared += q
        terms += [share * math.log2(2 * share / (p + q)) for share in (p, q) if share]
    only_in_many = 1 - shared / (few_total * many_total)
    bits = math.fsum(terms) / (few_total * many_total) + only_in_many
    return min(1.0, max(0.0, bits / 2))


def _counted(of: NgramShares | Sentences, orders: Sequence[int]) -> NgramShares:
    if not isinstance(of, NgramShares):
        return NgramShares(of, orders)
    if missing := sorted(set(orders) - set(of.counts)):
        raise UsageError(
            f"order {missing[0]} was asked of n-grams counted for {sorted(of.counts)}; build "
            f"NgramShares(sentences, {sorted({*orders, *of.counts})})."
        )
    return of
