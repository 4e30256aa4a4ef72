"""Confidence intervals and paired comparisons of scores by resampling.

A score is a function of sums over items. With one value per item (a sentence's score) it is their mean.
With several values (the counts of corpus BLEU) ``statistic`` computes it from the sums.

*Interval* (the percentile bootstrap, Efron and Tibshirani 1993, ch. 13): draw N of the N items with
replacement and compute the score, many times. The interval holds the middle 95 % of these scores.

*Paired comparison* of A and B, whose items i belong together. The interval of the difference draws the same
items for both (Koehn 2004). The p-value comes from approximate randomisation (Noreen 1989; Riezler and
Maxwell 2005). If A and B were equally good, swapping their values for random items would not matter. With T
random swaps,

    p = (1 + #{t: |difference_t| >= |difference observed|}) / (1 + T)

This test is exact for exchangeable pairs of any distribution.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seqgan_kit.errors import DataError, UsageError

Floats = NDArray[np.float64]
Statistic = Callable[[Floats], Floats]
"""A function from sums [R, K] over N items to scores [R]."""

DEFAULT_RESAMPLES = 1000
DEFAULT_LEVEL = 0.95
_CHUNK_ELEMENTS = 2**22  # Number of random numbers in memory at a time, some tens of MB.


@dataclass(frozen=True)
class Interval:
    """A score with its confidence interval."""

    value: float
    """Score of the given items."""
    low: float
    """Lower end of the interval."""
    high: float
    """Upper end of the interval."""


@dataclass(frozen=True)
class PairedDifference:
    """Difference between two systems with its interval and p-value."""

    value: float
    """Score of the second minus score of the first."""
    low: float
    """Lower end of the difference's interval by the paired bootstrap."""
    high: float
    """Upper end of the interval."""
    p_value: float
    """Two-sided p-value by approximate randomisation; at least 1 / (1 + resamples)."""


def bootstrap_interval(
    values: ArrayLike,
    rng: np.random.Generator,
    *,
    statistic: Statistic | None = None,
    resamples: int = DEFAULT_RESAMPLES,
    level: float = DEFAULT_LEVEL,
) -> Interval:
    """Return the score of items with its percentile interval.

    Args:
        values: values [N] or [N, K] of the items.
        rng: randomness of the resamples; equal states and N give equal items.
        statistic: score from sums [R, K] over N items; by default the mean of values [N].
        resamples: number of resamples.
        level: share of resampled scores inside the interval.
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
    """Compare two systems item by item; the arguments are those of ``bootstrap_interval``."""
    a, b = _items(first, resamples, level), _items(second, resamples, level)
    if a.shape != b.shape:
        raise DataError(
            f"a paired comparison needs equally many items, got {len(a)} and {len(b)}: give the "
            "same items for both."
        )
    score, width = statistic or _mean_of(a), a.shape[1]
    sums = resampled_sums(np.hstack([a, b]), rng, resamples)
    drawn = score(sums[:, width:]) - score(sums[:, :width])
    observed = _score_of_all(b, score) - _score_of_all(a, score)
    swapped = swapped_sums(b - a, rng, resamples)
    by_chance = score(b.sum(axis=0) - swapped) - score(a.sum(axis=0) + swapped)
    # Sums in another order differ by rounding, which must not turn an equal difference into a
    # smaller one.
    as_far = np.abs(by_chance) >= abs(observed) - 1e-12 * (1 + abs(observed))
    p_value = (1 + int(as_far.sum())) / (1 + resamples)
    return PairedDifference(observed, *_middle(drawn, level), p_value)


def resampled_sums(values: Floats, rng: np.random.Generator, resamples: int) -> Floats:
    """Return sums [resamples, K] of N items of [N, K] drawn with replacement."""
    n = len(values)

    def times_drawn(rows: int) -> Floats:
        drawn = rng.integers(0, n, (rows, n)) + n * np.arange(rows)[:, None]
        return np.bincount(drawn.ravel(), minlength=rows * n).reshape(rows, n).astype(float)

    return _in_chunks(values, times_drawn, resamples)


def swapped_sums(differences: Floats, rng: np.random.Generator, resamples: int) -> Floats:
    """Return sums [resamples, K] of the differences [N, K] over swapped items, each swapped with
    probability 1/2.
    """
    n = len(differences)
    return _in_chunks(
        differences, lambda rows: rng.integers(0, 2, (rows, n), np.int8).astype(float), resamples
    )


def _in_chunks(values: Floats, weights: Callable[[int], Floats], resamples: int) -> Floats:
    """Multiply weights [R, N] by values [N, K], with a number of rows of weights that fits in memory."""
    rows = max(1, _CHUNK_ELEMENTS // len(values))
    starts = range(0, resamples, rows)
    return np.concatenate([weights(min(rows, resamples - start)) @ values for start in starts])


def _items(values: ArrayLike, resamples: int, level: float) -> Floats:
    """Check the values and return them as [N, K]."""
    if resamples < 1:
        raise UsageError(f"resamples must be 1 or more, got {resamples}.")
    if not 0 < level < 1:
        raise UsageError(f"the level of an interval must be between 0 and 1, got {level}.")
    items = np.asarray(values, float)
    items = items[:, None] if items.ndim == 1 else items
    if items.ndim != 2 or not len(items):
        raise DataError(
            f"values must have shape [N] or [N, K] with N of 1 or more, got {items.shape}."
        )
    if not np.isfinite(items).all():
        raise DataError("values must be finite; some are infinite or not a number.")
    return items


def _mean_of(items: Floats) -> Statistic:
    if items.shape[1] != 1:
        raise UsageError(f"{items.shape[1]} values per item: give a statistic of their sums.")
    return lambda sums: sums[:, 0] / len(items)


def _score_of_all(items: Floats, score: Statistic) -> float:
    return float(score(items.sum(axis=0, keepdims=True))[0])


def _middle(drawn: Floats, level: float) -> tuple[float, float]:
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
