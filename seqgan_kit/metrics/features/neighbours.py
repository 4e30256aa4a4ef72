r"""Precision, recall, density and coverage: quality and coverage separately, by balls around samples.

Let r_k(y) be the distance from y to the k-th nearest other sample of its own set:

    precision = mean_x [x lies in the ball r_k(y) of some y]     Kynkaanniemi et al. 2019, "Improved
    recall    = mean_y [y lies in the ball r_k(x) of some x]     precision and recall metric"; k = 3
    density   = mean_x (how many balls r_k(y) hold x) / k        Naeem et al. 2020, "Reliable fidelity
    coverage  = mean_y [the ball r_k(y) holds some x]            and diversity metrics"; k = 5

Outliers inflate precision and recall, because their balls are large. Density and coverage use balls around
real samples only, so generated outliers have no effect. For real against real data, density is 1 on
average, and coverage has the value of :func:`expected_coverage`.

Standard errors are those of the mean over samples, with fixed balls.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seqgan_kit.errors import UsageError
from seqgan_kit.metrics.features.feature_arrays import (
    Floats,
    centred,
    feature_pair,
    row_blocks,
    squared_distances,
)
from seqgan_kit.metrics.statistics.divergences import Estimate

_ROUNDING = 1e-9  # The same distance can differ in its last digits between blocks.


@dataclass(frozen=True)
class PrecisionRecall:
    """Share of samples near real ones (precision) and of real ones near samples (recall)."""

    precision: Estimate
    recall: Estimate


@dataclass(frozen=True)
class DensityCoverage:
    """Mean number of real balls around a sample over k (density), and share of real balls with a sample
    (coverage).
    """

    density: Estimate
    coverage: Estimate


def precision_recall(generated: ArrayLike, real: ArrayLike, k: int = 3) -> PrecisionRecall:
    """Compute improved precision and recall.

    Args:
        generated: features [N,F].
        real: features [M,F].
        k: index of the neighbour that sets a ball's radius; less than N and M.
    """
    x, y = _checked(generated, real, k)
    in_real = _balls_around(x, y, _squared_radii(y, k)) > 0
    in_generated = _balls_around(y, x, _squared_radii(x, k)) > 0
    return PrecisionRecall(_mean(in_real), _mean(in_generated))


def density_coverage(generated: ArrayLike, real: ArrayLike, k: int = 5) -> DensityCoverage:
    """Compute density and coverage.

    Args:
        generated: features [N,F].
        real: features [M,F].
        k: index of the neighbour that sets a ball's radius; less than N and M.
    """
    x, y = _checked(generated, real, k)
    radii = _squared_radii(y, k)
    depth = _balls_around(x, y, radii) / k
    covered = np.zeros(len(y), bool)
    for rows in row_blocks(len(y), len(x)):
        covered[rows] = (squared_distances(y[rows], x) <= radii[rows, None]).any(1)
    return DensityCoverage(_mean(depth), _mean(covered))


def expected_coverage(n_generated: int, n_real: int, k: int = 5) -> float:
    """Return the expected coverage of a real set by other real samples, in any space (Naeem et al. 2020,
    section 3.3). Among the N + M - 1 other samples, the k nearest to a real sample must not all belong to
    its own set.

        1 - (M-1) ... (M-k) / ((M+N-1) ... (M+N-k))
    """
    if not 1 <= k < n_real or n_generated < 1:
        raise UsageError(
            f"coverage with k={k} needs more than {k} real samples and at least one "
            f"other, got {n_real} and {n_generated}."
        )
    total = n_real + n_generated
    return 1.0 - math.prod((n_real - i) / (total - i) for i in range(1, k + 1))


def _squared_radii(y: Floats, k: int) -> Floats:
    """Return the squared distance [M] from each row to its k-th nearest other row, which counts as inside."""
    radii = np.empty(len(y))
    for rows in row_blocks(len(y), len(y)):
        block = squared_distances(y[rows], y)
        own = np.arange(rows.start, rows.stop)
        block[own - rows.start, own] = np.inf
        radii[rows] = np.partition(block, k - 1, axis=1)[:, k - 1]
    return radii * (1.0 + _ROUNDING)


def _balls_around(x: Floats, y: Floats, squared_radii: Floats) -> NDArray[np.int64]:
    """Return for each x the number [N] of balls around y that contain it."""
    counts = [
        (squared_distances(x[rows], y) <= squared_radii).sum(1)
        for rows in row_blocks(len(x), len(y))
    ]
    return np.concatenate(counts)


def _checked(generated: ArrayLike, real: ArrayLike, k: int) -> tuple[Floats, Floats]:
    x, y = feature_pair(generated, real)
    if not 1 <= k < min(len(x), len(y)):
        raise UsageError(
            f"k is {k}; it must be from 1 to {min(len(x), len(y)) - 1}, because the smaller set "
            f"has {min(len(x), len(y))} samples."
        )
    return centred(x, y)


def _mean(values: NDArray) -> Estimate:
    return Estimate(float(values.mean()), float(values.std(ddof=1)) / math.sqrt(len(values)))
