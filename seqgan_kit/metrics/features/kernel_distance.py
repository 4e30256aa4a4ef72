r"""Kernel distance between two sets of features (Binkowski et al. 2018, "Demystifying MMD GANs": KID).

With k(x, y) = (x·y / F + 1)^3, the unbiased estimate of the squared maximum mean discrepancy is

    MMD^2 = sum_{i!=j} k(x_i, x_j) / (N (N-1)) + sum_{i!=j} k(y_i, y_j) / (M (M-1))
            - 2 sum_ij k(x_i, y_j) / (N M)

Unlike the Fréchet distance, its mean does not depend on the number of samples: it is 0 for real against
real data, and single values can be negative. Kernel values are computed in blocks; memory is linear in N
and M.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from seqgan_kit.errors import UsageError
from seqgan_kit.metrics.features.feature_arrays import Floats, feature_pair, row_blocks
from seqgan_kit.metrics.statistics.divergences import Estimate

DEGREE = 3
"""Degree of the polynomial kernel in the paper; the distance sees moments up to skewness."""


def kernel_distance(generated: ArrayLike, real: ArrayLike, degree: int = DEGREE) -> Estimate:
    """Compute MMD^2 over all pairs, with its standard error.

    The error is the spread of the samples' influences. With row means k(x, X) and k(x, Y), a sample x of X
    adds 2 (k(x, X) - k(x, Y)) / N to first order, and likewise a sample of Y. If both sets come from one
    distribution, the error is too large by at most a factor of sqrt(2).

    Args:
        generated: features [N,F], N at least 2.
        real: features [M,F], M at least 2.
        degree: degree of the polynomial.
    """
    x, y = _checked(generated, real, degree)
    n, m = len(x), len(y)
    within_x, within_y = _within(x, degree), _within(y, degree)
    from_x, from_y = _row_sums(x, y, degree) / m, _row_sums(y, x, degree) / n
    value = within_x.mean() + within_y.mean() - from_x.mean() - from_y.mean()
    of_x, of_y = 2.0 * (within_x - from_x), 2.0 * (within_y - from_y)
    error = math.sqrt(of_x.var(ddof=1) / n + of_y.var(ddof=1) / m)
    return Estimate(float(value), error)


def kernel_distance_of_subsets(
    generated: ArrayLike,
    real: ArrayLike,
    rng: np.random.Generator,
    *,
    subsets: int = 100,
    subset_size: int = 1000,
    degree: int = DEGREE,
) -> Estimate:
    """Compute the mean MMD^2 of random subsets, the protocol of the paper, with the error of that mean.

    The error covers the choice of subsets, not the sampling of the data, so with many subsets of few
    samples it is far too small. :func:`kernel_distance` uses all pairs, and its error covers the sampling.

    Args:
        generated: features [N,F].
        real: features [M,F].
        rng: randomness of the subsets, each drawn without replacement.
        subsets: number of subsets.
        subset_size: samples per subset from each set; at most N and M.
        degree: degree of the polynomial.
    """
    x, y = _checked(generated, real, degree)
    if not 2 <= subset_size <= min(len(x), len(y)) or subsets < 2:
        raise UsageError(
            f"{subsets} subsets of {subset_size} samples: give at least 2 subsets of 2 to "
            f"{min(len(x), len(y))} samples (the size of the smaller set)."
        )
    values = np.empty(subsets)
    for number in range(subsets):
        some_x = x[rng.choice(len(x), subset_size, replace=False)]
        some_y = y[rng.choice(len(y), subset_size, replace=False)]
        values[number] = kernel_distance(some_x, some_y, degree).value
    return Estimate(float(values.mean()), float(values.std(ddof=1)) / math.sqrt(subsets))


def _checked(generated: ArrayLike, real: ArrayLike, degree: int) -> tuple[Floats, Floats]:
    if degree < 1:
        raise UsageError(f"the kernel's degree must be a whole number of 1 or more, got {degree}.")
    return feature_pair(generated, real, least=2)


def _kernel(x: Floats, y: Floats, degree: int) -> Floats:
    inner = x @ y.T / x.shape[1] + 1.0
    values = inner
    for _ in range(degree - 1):  # This is many times as fast as numpy's power.
        values = values * inner
    return np.asarray(values)


def _row_sums(x: Floats, y: Floats, degree: int) -> Floats:
    """Return sum_j k(x_i, y_j) [N]."""
    blocks = [_kernel(x[rows], y, degree).sum(1) for rows in row_blocks(len(x), len(y))]
    return np.concatenate(blocks)


def _within(x: Floats, degree: int) -> Floats:
    """Return the mean [N] over j != i of k(x_i, x_j)."""
    own = ((x * x).sum(1) / x.shape[1] + 1.0) ** degree
    return np.asarray((_row_sums(x, x, degree) - own) / (len(x) - 1))
