r"""Quality and coverage apart, by balls around samples.

With r_k(y) the distance from y to its k-th nearest other sample of its own set (itself not counted):

    precision = mean_x [x lies in the ball r_k(y) of some y]     Kynkaanniemi et al. 2019, "Improved
    recall    = mean_y [y lies in the ball r_k(x) of some x]     precision and recall metric"; k = 3
    density   = mean_x (how many balls r_k(y) hold x) / k        Naeem et al. 2020, "Reliable fidelity
    coverage  = mean_y [the ball r_k(y) holds some x]            and diversity metrics"; k = 5

Precision and recall are stretched by outliers, whose balls are large; density and coverage are not, for they
take balls of the real set only. Real against real, density is 1 on average, and coverage what
:func:`expected_coverage` says.

Standard errors: that of a mean over the samples it runs over, the balls held fixed.
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

_ROUNDING = 1e-9  # the same distance taken in another block may differ in its last digits


@dataclass(frozen=True)
class PrecisionRecall:
    """Of the samples how many look real, of the real how many could be samples."""

    precision: Estimate
    recall: Estimate


@dataclass(frozen=True)
class DensityCoverage:
    """How deep samples lie among the real, and how many of the real have a sample near them."""

    density: Estimate
    coverage: Estimate


def precision_recall(generated: ArrayLike, real: ArrayLike, k: int = 3) -> PrecisionRecall:
    """Improved precision and recall.

    Args:
        generated: [N,F].
        real: [M,F].
        k: which neighbour sets a ball's size; N and M must be above it.
    """
    x, y = _checked(generated, real, k)
    in_real = _balls_around(x, y, _squared_radii(y, k)) > 0
    in_generated = _balls_around(y, x, _squared_radii(x, k)) > 0
    return PrecisionRecall(_mean(in_real), _mean(in_generated))


def density_coverage(generated: ArrayLike, real: ArrayLike, k: int = 5) -> DensityCoverage:
    """Density and coverage.

    Args:
        generated: [N,F].
        real: [M,F].
        k: which neighbour sets a ball's size; N and M must be above it.
    """
    x, y = _checked(generated, real, k)
    radii = _squared_radii(y, k)
    depth = _balls_around(x, y, radii) / k
    covered = np.zeros(len(y), bool)
    for rows in row_blocks(len(y), len(x)):
        covered[rows] = (squared_distances(y[rows], x) <= radii[rows, None]).any(1)
    return DensityCoverage(_mean(depth), _mean(covered))


def expected_coverage(n_generated: int, n_real: int, k: int = 5) -> float:
    """Coverage of the real set by as many other real samples, on average and in any space (Naeem et al. 2020,
    section 3.3): of the N + M - 1 others of a real sample, the k nearest must not all be of its own set.

        1 - (M-1) ... (M-k) / ((M+N-1) ... (M+N-k))
    """
    if not 1 <= k < n_real or n_generated < 1:
        raise UsageError(f"no coverage of {n_real} real by {n_generated} other samples with k={k}.")
    total = n_real + n_generated
    return 1.0 - math.prod((n_real - i) / (total - i) for i in range(1, k + 1))


def _squared_radii(y: Floats, k: int) -> Floats:
    """[M] squared distance from each row to its k-th nearest other row, which is to count as inside."""
    radii = np.empty(len(y))
    for rows in row_blocks(len(y), len(y)):
        block = squared_distances(y[rows], y)
        own = np.arange(rows.start, rows.stop)
        block[own - rows.start, own] = np.inf
        radii[rows] = np.partition(block, k - 1, axis=1)[:, k - 1]
    return radii * (1.0 + _ROUNDING)


def _balls_around(x: Floats, y: Floats, squared_radii: Floats) -> NDArray[np.int64]:
    """[N] in how many of the balls around y each x lies."""
    counts = [
        (squared_distances(x[rows], y) <= squared_radii).sum(1)
        for rows in row_blocks(len(x), len(y))
    ]
    return np.concatenate(counts)


def _checked(generated: ArrayLike, real: ArrayLike, k: int) -> tuple[Floats, Floats]:
    x, y = feature_pair(generated, real)
    if not 1 <= k < min(len(x), len(y)):
        raise UsageError(
            f"k is {k}; it must be from 1 to {min(len(x), len(y)) - 1}, as the smaller set has "
            f"{min(len(x), len(y))} samples."
        )
    return centred(x, y)


def _mean(values: NDArray) -> Estimate:
    return Estimate(float(values.mean()), float(values.std(ddof=1)) / math.sqrt(len(values)))
