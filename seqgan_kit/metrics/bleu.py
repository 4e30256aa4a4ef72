"""BLEU and Self-BLEU as text-GAN papers use them, equal to nltk's sentence BLEU with ``method1``.

Every hypothesis h is scored against the whole reference set R, and the scores are averaged
(Papineni et al. 2002; the smoothing: Chen and Cherry 2014; the use: Zhu et al. 2018, "Texygen"):

    p_i(h)    = sum_g min(count_h(g), max_{r in R} count_r(g)) / max(1, |h| - i + 1)    g: i-grams
    p_i(h)   <- 0.1 / max(1, |h| - i + 1)                       where the sum is 0      (method1)
    BP(h)     = 1 if |h| > r* else exp(1 - r* / |h|)     r*: nearest reference length, of two
                                                         equally near the shorter
    BLEU-n(h) = BP(h) * (p_1 ... p_n)^(1/n),  and 0 where not one token of h is in R

Self-BLEU scores every sentence against all the others: only the scored line itself is left out, so
an exact copy elsewhere stays a reference. That is the collapse which it must see.

The references enter as sets built once (``seqgan_kit.metrics.ngrams``): a hypothesis then costs
its own n-grams, however many references there are.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence

from seqgan_kit.errors import DataError, UsageError
from seqgan_kit.metrics.ngrams import occurrences

Sentence = Sequence[Hashable]

DEFAULT_ORDERS = (2, 3, 4, 5)
METHOD1_EPSILON = 0.1  # nltk's SmoothingFunction(epsilon=0.1)


class ReferenceSet:
    """What BLEU needs to know of the references; build it once and use it for many hypotheses.

    Args:
        references: the reference sentences as token lists; at least one.
        max_order: the longest n-gram that will be asked for.
        leave_one_out: every hypothesis will be one of the references, which must not count for it.
    """

    def __init__(
        self,
        references: Sequence[Sentence],
        max_order: int = max(DEFAULT_ORDERS),
        *,
        leave_one_out: bool = False,
    ) -> None:
        if not references:
            raise DataError("BLEU needs at least one reference sentence; none was given.")
        if leave_one_out and len(references) < 2:
            raise DataError("Self-BLEU compares sentences with each other: give at least two.")
        _check_orders([max_order])
        self.size = len(references)
        self.max_order = max_order
        self.leave_one_out = leave_one_out
        self._length_counts = Counter(map(len, references))
        gather = _in_two_sentences if leave_one_out else _in_any_sentence
        self._known = gather(references, max_order)

    def matches(self, tokens: Sentence) -> list[int]:
        """Clipped count of the hypothesis's n-grams in the references, for each order from 1 on."""
        by_order = occurrences(tokens, self.max_order)
        return [
            sum(map(known.__contains__, items))
            for known, items in zip(self._known, by_order, strict=True)
        ]

    def nearest_length(self, length: int) -> int:
        """The reference length nearest to ``length``; of two equally near, the shorter."""
        left_out = length if self.leave_one_out else None
        lengths = (
            known for known, count in self._length_counts.items() if count > (known == left_out)
        )
        return min(lengths, key=lambda known: (abs(known - length), known))


def _in_any_sentence(sentences: Iterable[Sentence], max_order: int) -> list[set[Hashable]]:
    """Per order, the occurrences in at least one sentence."""
    in_any: list[set[Hashable]] = [set() for _ in range(max_order)]
    for tokens in sentences:
        for known, items in zip(in_any, occurrences(tokens, max_order), strict=True):
            known.update(items)
    return in_any


def _in_two_sentences(sentences: Iterable[Sentence], max_order: int) -> list[set[Hashable]]:
    """Per order, the occurrences in at least two sentences.

    That is all that leaving one out takes: of the left-out sentence's own occurrences, those which
    any other sentence has too are the ones in at least two.
    """
    in_any: list[set[Hashable]] = [set() for _ in range(max_order)]
    in_two: list[set[Hashable]] = [set() for _ in range(max_order)]
    for tokens in sentences:
        for once, twice, items in zip(in_any, in_two, occurrences(tokens, max_order), strict=True):
            twice.update(filter(once.__contains__, items))
            once.update(items)
    return in_two


def sentence_scores(
    hypotheses: Iterable[Sentence], references: ReferenceSet, orders: Sequence[int] = DEFAULT_ORDERS
) -> dict[int, list[float]]:
    """BLEU-n of every hypothesis against the whole reference set, per order."""
    _check_orders(orders, references.max_order)
    penalties: dict[int, float] = {}
    scores: dict[int, list[float]] = {order: [] for order in orders}
    for tokens in hypotheses:
        length = len(tokens)
        if length not in penalties:
            penalties[length] = brevity_penalty(length, references.nearest_length(length))
        means = _smoothed_means(references.matches(tokens), length)
        for order, values in scores.items():
            values.append(penalties[length] * means[order - 1])
    return scores


def self_sentence_scores(
    sentences: Sequence[Sentence], orders: Sequence[int] = DEFAULT_ORDERS
) -> dict[int, list[float]]:
    """BLEU-n of every sentence against all the other sentences, per order."""
    _check_orders(orders)
    return sentence_scores(
        sentences, ReferenceSet(sentences, max(orders), leave_one_out=True), orders
    )


def bleu(
    hypotheses: Sequence[Sentence],
    references: ReferenceSet | Sequence[Sentence],
    orders: Sequence[int] = DEFAULT_ORDERS,
) -> dict[int, float]:
    """Mean sentence BLEU-n of the hypotheses, per order."""
    if not hypotheses:
        raise DataError("BLEU is a mean over hypotheses; none was given.")
    _check_orders(orders)
    if not isinstance(references, ReferenceSet):
        references = ReferenceSet(references, max(orders))
    return _means(sentence_scores(hypotheses, references, orders))


def self_bleu(
    sentences: Sequence[Sentence], orders: Sequence[int] = DEFAULT_ORDERS
) -> dict[int, float]:
    """Mean leave-one-out BLEU-n of the sentences, per order: high where they repeat each other."""
    return _means(self_sentence_scores(sentences, orders))


def _smoothed_means(matches: Sequence[int], length: int) -> list[float]:
    """Geometric means of the smoothed precisions up to each order, without brevity penalty."""
    if matches[0] == 0:
        return [0.0] * len(matches)
    means: list[float] = []
    log_sum = 0.0
    for order, matched in enumerate(matches, start=1):
        log_sum += math.log((matched or METHOD1_EPSILON) / max(1, length - order + 1))
        means.append(math.exp(log_sum / order))
    return means


def brevity_penalty(hypothesis_length: int, reference_length: int) -> float:
    """1 for a hypothesis longer than its reference, exp(1 - r/h) otherwise, 0 for an empty one."""
    if hypothesis_length > reference_length:
        return 1.0
    if hypothesis_length == 0:
        return 0.0
    return math.exp(1.0 - reference_length / hypothesis_length)


def _check_orders(orders: Sequence[int], largest: int | None = None) -> None:
    if not orders or min(orders) < 1:
        raise UsageError(f"n-gram orders are whole numbers from 1 on, got {list(orders)}.")
    if largest is not None and max(orders) > largest:
        raise UsageError(
            f"order {max(orders)} was asked of references prepared up to order {largest}; "
            f"build ReferenceSet(references, max_order={max(orders)})."
        )


def _means(scores: dict[int, list[float]]) -> dict[int, float]:
    return {order: math.fsum(values) / len(values) for order, values in scores.items()}
