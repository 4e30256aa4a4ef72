"""Jensen-Shannon divergence between the n-gram distributions of two sets of token lists, in bits.

    JS(P, Q) = (KL(P || M) + KL(Q || M)) / 2,   M = (P + Q) / 2,   logarithms to base 2

P and Q are the shares of each n-gram among all n-grams of one order on either side. It is 0 where the shares
are equal and 1 where no n-gram is common (Gulrajani et al. 2017 measure text GANs on characters by it). It
falls with the size of either side, so compare at equal sizes and beside the figure of real text.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence

from seqgan_kit.errors import DataError
from seqgan_kit.metrics.ngrams import count_ngrams

Sentences = Sequence[Sequence[Hashable]]


def js_divergences(
    samples: Sentences, references: Sentences, orders: Sequence[int] = (1, 2, 3, 4)
) -> dict[int, float]:
    """JS of the n-gram distributions for each order; an order longer than all lists of a side is left out."""
    found = {}
    for order in orders:
        ours, theirs = count_ngrams(samples, order), count_ngrams(references, order)
        if ours and theirs:
            found[order] = js_divergence(ours, theirs)
    return found


def js_divergence(left: Mapping[Hashable, int], right: Mapping[Hashable, int]) -> float:
    """JS in bits of two distributions given as counts."""
    total_left, total_right = sum(left.values()), sum(right.values())
    if not (total_left and total_right):
        raise DataError("a divergence needs counts on both sides; one of them has none.")
    # sum over g of p log2(p/m) + q log2(q/m): a term with p = 0 or q = 0 is 0.
    terms = []
    for item in left.keys() | right.keys():
        p, q = left.get(item, 0) / total_left, right.get(item, 0) / total_right
        terms += [share * math.log2(2 * share / (p + q)) for share in (p, q) if share]
    return max(0.0, math.fsum(terms) / 2)
