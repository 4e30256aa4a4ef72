"""How far a score would move with other sentences: intervals and paired comparisons by resampling.

A score here is a function of sums over items. With one value an item (a sentence's score) it is their
mean; with several (the counts behind corpus BLEU) it is whatever ``statistic`` makes of the sums.

*Interval* (the percentile bootstrap, Efron and Tibshirani 1993, ch. 13): draw N of the N items with
replacement, compute the score, many times; the middle 95 % of these scores is the interval.

*Paired comparison* of B with A, whose items i answer the same question. The difference's interval
draws the same items for both (Koehn 2004). Its p-value is that of approximate randomisation (Noreen
1989; Riezler and Maxwell 2005): if A and B were alike, swapping their values for any items would
matter to nobody, so with T random swaps

    p = (1 + #{t: |difference_t| >= |difference observed|}) / (1 + T)

which holds its level exactly for exchangeable pairs, whatever the distribution.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seqgan_kit.errors import DataError, UsageError

Floats = NDArray[np.float64]
Statistic = Callable[[Floats], Floats]
"""[R, K] sums over N items -> [R] scores."""

DEFAULT_RESAMPLES = 1000
DEFAULT_LEVEL = 0.95
_CHUNK_ELEMENTS = 2**22  # random numbers held at a time: some tens of MB


@dataclass(frozen=True)
class Interval:
    """A score of all items, and the range in which it would be expected with other ones."""

    value: float
    """The score of the items as given."""
    low: float
    """Lower end."""
    high: float
    """Upper end."""


@dataclass(frozen=True)
class PairedDifference:
    """How much higher the second of two systems scores, and whether that could be chance."""

    value: float
    """Score of the second less score of the first."""
    low: float
    """Lower end of the difference's interval, by the paired bootstrap."""
    high: float
    """Upper end."""
    p_value: float
    """Two-sided, by approximate randomisation; at least 1 / (1 + resamples)."""


def bootstrap_interval(
    values: ArrayLike,
    rng: np.random.Generator,
    *,
    statistic: Statistic | None = None,
    resamples: int = DEFAULT_RESAMPLES,
    level: float = DEFAULT_LEVEL,
) -> Interval:
    """The score of some items with its percentile interval.

    Args:
        values: [N] or [N, K], the items' values.
        rng: draws the resamples; the same state and N draw the same items.
        statistic: the score of [R, K] sums over N items; the mean of [N] values if not given.
        resamples: how many.
        level: the share of resampled scores inside the interval.
    """
    items = _items(values, resamples, level)
    score = statistic or _mean_of(items)
    drawn = score(resampled_sums(items, rng, resamples))
    return Interval(_score_of_all(items, score), *_middle(drawn, level))


def paired_difference(
    first: ArrayLike,
    second: ArrayLike,
    rng: np.random.Generator,
    *,
    statistic: Statistic | None = None,
    resamples: int = DEFAULT_RESAMPLES,
    level: float = DEFAULT_LEVEL,
) -> PairedDifference:
    """Compare two systems item by item; arguments as for ``bootstrap_interval``."""
    a, b = _items(first, resamples, level), _items(second, resamples, level)
    if a.shape != b.shape:
        raise DataError(
            f"a paired comparison needs the same items of both: got {len(a)} and {len(b)}."
        )
    score, width = statistic or _mean_of(a), a.shape[1]
    sums = resampled_sums(np.hstack([a, b]), rng, resamples)
    drawn = score(sums[:, width:]) - score(sums[:, :width])
    observed = _score_of_all(b, score) - _score_of_all(a, score)
    swapped = swapped_sums(b - a, rng, resamples)
    by_chance = score(b.sum(axis=0) - swapped) - score(a.sum(axis=0) + swapped)
    # Sums in another order differ by rounding, which must not make an equal difference a smaller one.
    as_far = np.abs(by_chance) >= abs(observed) - 1e-12 * (1 + abs(observed))
    p_value = (1 + int(as_far.sum())) / (1 + resamples)
    return PairedDifference(observed, *_middle(drawn, level), p_value)


def resampled_sums(values: Floats, rng: np.random.Generator, resamples: int) -> Floats:
    """[resamples, K] sums of N of the items [N, K], drawn with replacement."""
    n = len(values)

    def times_drawn(rows: int) -> Floats:
        drawn = rng.integers(0, n, (rows, n)) + n * np.arange(rows)[:, None]
        return np.bincount(drawn.ravel(), minlength=rows * n).reshape(rows, n).astype(float)

    return _in_chunks(values, times_drawn, resamples)


def swapped_sums(differences: Floats, rng: np.random.Generator, resamples: int) -> Floats:
    """[resamples, K] sums of the differences [N, K] of those items that are swapped, each with 1/2."""
    n = len(differences)
    return _in_chunks(
        differences, lambda rows: rng.integers(0, 2, (rows, n), np.int8).astype(float), resamples
    )


def _in_chunks(values: Floats, weights: Callable[[int], Floats], resamples: int) -> Floats:
    """Weights [R, N] times values [N, K], with no more rows of weights at a time than memory bears."""
    rows = max(1, _CHUNK_ELEMENTS // len(values))
    starts = range(0, resamples, rows)
    return np.concatenate([weights(min(rows, resamples - start)) @ values for start in starts])


def _items(values: ArrayLike, resamples: int, level: float) -> Floats:
    """The values as [N, K], checked."""
    if resamples < 1:
        raise UsageError(f"{resamples} resamples were asked for; at least 1 is needed.")
    if not 0 < level < 1:
        raise UsageError(f"the level of an interval lies between 0 and 1, got {level}.")
    items = np.asarray(values, float)
    items = items[:, None] if items.ndim == 1 else items
    if items.ndim != 2 or not len(items):
        raise DataError(f"resampling needs values [N] or [N, K] of items; got shape {items.shape}.")
    if not np.isfinite(items).all():
        raise DataError("resampling needs finite values; some are infinite or not a number.")
    return items


def _mean_of(items: Floats) -> Statistic:
    if items.shape[1] != 1:
        raise UsageError(f"{items.shape[1]} values an item need a statistic of their sums.")
    return lambda sums: sums[:, 0] / len(items)


def _score_of_all(items: Floats, score: Statistic) -> float:
    return float(score(items.sum(axis=0, keepdims=True))[0])


def _middle(drawn: Floats, level: float) -> tuple[float, float]:
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
