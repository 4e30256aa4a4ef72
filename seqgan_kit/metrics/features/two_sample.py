r"""Two-sample tests by classifiers (Lopez-Paz and Oquab 2017, "Revisiting classifier two-sample tests").

If generated and real features come from one distribution, no classifier can separate them. Its accuracy a
on n held-out samples, half of each kind, is 1/2 on average, and (a - 1/2) / sqrt(1 / (4 n)) is
approximately normal.

* :func:`classifier_test`: logistic regression on one part of the samples, tested on the other.
* :func:`nearest_neighbour_test`: whether the nearest other sample has the same kind. A value below 1/2
indicates copies: generated samples then have a real neighbour nearer than any generated one (Xu et al.
2018, "An empirical study on evaluation metrics of generative adversarial networks").

Both tests use equally many samples of each kind: a random part of the larger set.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from seqgan_kit.errors import UsageError
from seqgan_kit.metrics.features.feature_arrays import (
    Floats,
    centred,
    feature_pair,
    row_blocks,
    squared_distances,
)
from seqgan_kit.metrics.statistics.divergences import Estimate


@dataclass(frozen=True)
class TwoSampleTest:
    """Result of a two-sample test."""

    accuracy: Estimate
    """Share of the tested samples that are classified correctly."""
    z: float
    """Deviation from 1/2 in standard deviations under the null hypothesis; above 3 is not chance."""
    accuracy_on_generated: float
    """Accuracy on the generated samples."""
    accuracy_on_real: float
    """Accuracy on the real samples."""
    judged: int
    """Number of tested samples of both kinds."""


def classifier_test(
    generated: ArrayLike,
    real: ArrayLike,
    rng: np.random.Generator,
    *,
    test_share: float = 0.5,
    ridge: float = 1.0,
) -> TwoSampleTest:
    """Test by logistic regression on standardised features, evaluated on held-out samples.

    Args:
        generated: features [N,F].
        real: features [M,F].
        rng: randomness of the choice and the split of samples.
        test_share: share of the samples for testing.
        ridge: weight of |w|^2 / 2 beside the sum of log losses, on standardised features. Without it the
            weights of separable classes grow without bound.
    """
    if not 0.0 < test_share < 1.0 or ridge <= 0:
        raise UsageError(
            f"test_share must be between 0 and 1, got {test_share}, and ridge above 0, got {ridge}."
        )
    x, y = _as_many(generated, real, rng, least=4)
    held_out = min(max(1, round(test_share * len(x))), len(x) - 2)
    train = np.concatenate([x[held_out:], y[held_out:]])
    middle, scale = train.mean(0), train.std(0)
    scale[scale == 0] = 1.0
    weights = fit_logistic((train - middle) / scale, np.arange(len(train)) < len(train) // 2, ridge)
    hits = [
        np.where(score == 0, 0.5, (score > 0) == kind)
        for part, kind in ((x, True), (y, False))
        for score in [_scores((part[:held_out] - middle) / scale, weights)]
    ]
    return _verdict(hits[0], hits[1], 0.5, math.sqrt(1.0 / (8.0 * held_out)))


def nearest_neighbour_test(
    generated: ArrayLike, real: ArrayLike, rng: np.random.Generator, *, permutations: int = 1000
) -> TwoSampleTest:
    """Test by the leave-one-out accuracy of the nearest neighbour, on all samples.

    Neighbours depend on each other, so mean and deviation under the null hypothesis come from random
    permutations of the kinds. The reported error is that deviation: right near 1/2, too large near 1. Ties
    between neighbours are broken at random.

    Args:
        generated: features [N,F].
        real: features [M,F].
        rng: randomness of the choice of samples, ties and permutations.
        permutations: number of random permutations.
    """
    if permutations < 2:
        raise UsageError(f"permutations must be 2 or more, got {permutations}.")
    x, y = _as_many(generated, real, rng, least=2)
    both = np.concatenate(centred(x, y))
    # In random order the first of tied neighbours is a random one, which duplicates require.
    order = rng.permutation(len(both))
    kinds, nearest = order < len(x), _nearest_others(both[order])
    hits = kinds == kinds[nearest]
    null = np.empty(permutations)
    for number in range(permutations):
        mixed = rng.permutation(kinds)
        null[number] = (mixed == mixed[nearest]).mean()
    expected, deviation = (len(x) - 1) / (2 * len(x) - 1), float(null.std(ddof=1))
    return _verdict(hits[kinds], hits[~kinds], expected, deviation, deviation)


def fit_logistic(features: Floats, positive: ArrayLike, ridge: float) -> Floats:
    """Return weights and, last, the bias [F+1] that minimise sum log(1 + exp(-+s)) + ridge |w|^2 / 2, by
    Newton.

    The loss is strictly convex; a step that does not lower it is halved.

    Args:
        features: features [N,F].
        positive: which rows [N] should score above 0.
        ridge: weight of the penalty; the bias has only a tiny penalty that keeps the system solvable.
    """
    rows = np.hstack([features, np.ones((len(features), 1))])
    signs = np.where(np.asarray(positive), 1.0, -1.0)
    penalty = np.full(rows.shape[1], ridge)
    penalty[-1] = 1e-9 * len(rows)

    def loss(weights: Floats) -> float:
        margins = signs * (rows @ weights)
        return float(np.logaddexp(0.0, -margins).sum() + 0.5 * (penalty * weights**2).sum())

    weights, lowest = np.zeros(rows.shape[1]), loss(np.zeros(rows.shape[1]))
    for _ in range(100):
        wrong = _sigmoid(-signs * (rows @ weights))
        gradient = penalty * weights - rows.T @ (signs * wrong)
        curvature = (rows * (wrong * (1.0 - wrong))[:, None]).T @ rows + np.diag(penalty)
        step = np.linalg.solve(curvature, gradient)
        while loss(weights - step) > lowest and np.abs(step).max() > 1e-12:
            step = step / 2.0
        weights = weights - step
        before, lowest = lowest, loss(weights)
        if before - lowest <= 1e-10 * (1.0 + lowest):
            break
    return weights


def _scores(features: Floats, weights: Floats) -> Floats:
    return np.asarray(features @ weights[:-1] + weights[-1])


def _sigmoid(x: Floats) -> Floats:
    return np.asarray(np.exp(-np.logaddexp(0.0, -x)))


def _nearest_others(rows: Floats) -> np.ndarray:
    """Return the index [N] of the nearest other row."""
    nearest = np.empty(len(rows), np.int64)
    for part in row_blocks(len(rows), len(rows)):
        block = squared_distances(rows[part], rows)
        own = np.arange(part.start, part.stop)
        block[own - part.start, own] = np.inf
        nearest[part] = block.argmin(1)
    return nearest


def _as_many(
    generated: ArrayLike, real: ArrayLike, rng: np.random.Generator, least: int
) -> tuple[Floats, Floats]:
    """Return equally many random rows of each set."""
    x, y = feature_pair(generated, real, least)
    n = min(len(x), len(y))
    return x[rng.permutation(len(x))[:n]], y[rng.permutation(len(y))[:n]]


def _verdict(
    on_generated: np.ndarray,
    on_real: np.ndarray,
    expected: float,
    deviation: float,
    error: float | None = None,
) -> TwoSampleTest:
    """Return the test result from the hits [n] of each kind; by default the error is that of a mean."""
    hits = np.concatenate([on_generated, on_real]).astype(np.float64)
    if error is None:
        error = float(hits.std(ddof=1)) / math.sqrt(len(hits))
    accuracy = float(hits.mean())
    return TwoSampleTest(
        accuracy=Estimate(accuracy, error),
        z=(accuracy - expected) / deviation if deviation > 0 else math.nan,
        accuracy_on_generated=float(on_generated.mean()),
        accuracy_on_real=float(on_real.mean()),
        judged=len(hits),
    )
