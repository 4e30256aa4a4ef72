r"""Frechet distance of two sets of features, each taken for a Gaussian (Heusel et al. 2017, "GANs trained by
a two time-scale update rule", eq. 6; the distance is Dowson and Landau's, 1982).

With means m, n and covariances A, B:

    d^2 = |m - n|^2 + tr A + tr B - 2 tr (A^1/2 B A^1/2)^1/2

The last trace is the sum of the singular values of A^1/2 B^1/2. Both roots come from symmetric
eigendecompositions, so nothing can become complex, and a covariance of fewer samples than dimensions is
as good as any. The value is d^2, as everybody prints it.

It is biased: with few samples it is too large, by about a constant over N. Compare sets of the same size, and
look at the floor, real against real. Printed as ``FD[encoder]``: "FID" is that of one Inception network.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from seqgan_kit.errors import DataError
from seqgan_kit.metrics.features.feature_arrays import Floats, feature_pair, feature_rows
from seqgan_kit.metrics.statistics.divergences import Estimate


@dataclass(frozen=True, eq=False)
class Moments:
    """What the distance needs of a set of features; of a reference it is computed once."""

    mean: Floats
    """[F]"""
    covariance: Floats
    """[F,F], unbiased (divided by count - 1)."""
    count: int
    """How many samples."""
    deviations: Floats | None = None
    """[N,F] of samples from their mean, over sqrt(N - 1); of no more samples than dimensions only."""

    @cached_property
    def root(self) -> Floats:
        """[F,R] with root root' = covariance, R its rank; the columns are orthogonal."""
        return _root(self.covariance) if self.deviations is None else _root_of_few(self.deviations)


def moments(features: ArrayLike, name: str = "real") -> Moments:
    """Mean and covariance of features [N,F], N at least 2."""
    rows = feature_rows(features, name, least=2)
    mean = rows.mean(0)
    deviations = rows - mean
    covariance = deviations.T @ deviations / (len(rows) - 1)
    few = deviations / math.sqrt(len(rows) - 1) if len(rows) <= rows.shape[1] else None
    return Moments(mean, covariance, len(rows), few)


def frechet_distance(generated: Moments, real: Moments) -> float:
    """The squared distance d^2; 0 where the moments agree."""
    if generated.mean.shape != real.mean.shape:
        raise DataError(
            f"moments of {generated.mean.size} and {real.mean.size} dimensions cannot be compared: "
            "take both from the same encoder."
        )
    overlap = generated.root.T @ real.root
    shared = np.linalg.svd(overlap, compute_uv=False).sum() if overlap.size else 0.0
    spread = np.trace(generated.covariance) + np.trace(real.covariance) - 2.0 * shared
    difference = generated.mean - real.mean
    return max(0.0, float(difference @ difference + spread))


def frechet_estimate(generated: ArrayLike, real: ArrayLike | Moments) -> Estimate:
    """The squared distance with a standard error from its first derivative (delta method).

    A sample x of mean m and covariance A moves the distance to first order by

        2 (m - n)·(x - m) + (x - m)' (1 - T) (x - m) - tr (1 - T) A,   T = A^-1/2 (A^1/2 B A^1/2)^1/2 A^-1/2

    with T the map that carries one Gaussian to the other. The spread of that over samples gives the error.
    Where both sets come from one distribution the first order vanishes and what is left is about right in
    size only. Given the moments alone of the real set, its own sampling is not in the error.
    """
    if isinstance(real, Moments):
        x = feature_rows(generated, "generated", least=2)
        of_x = moments(x, "generated")
        variance = _influence(x, of_x, real).var(ddof=1) / len(x)
        return Estimate(frechet_distance(of_x, real), math.sqrt(variance))
    x, y = feature_pair(generated, real, least=2)
    of_x, of_y = moments(x), moments(y)
    variance = _influence(x, of_x, of_y).var(ddof=1) / len(x)
    variance += _influence(y, of_y, of_x).var(ddof=1) / len(y)
    return Estimate(frechet_distance(of_x, of_y), math.sqrt(variance))


def _influence(x: Floats, own: Moments, other: Moments) -> Floats:
    """[N] what each sample adds, to first order, up to a constant."""
    deviations = x - own.mean
    moved = deviations @ _transport(own, other)
    linear = 2.0 * deviations @ (own.mean - other.mean)
    return np.asarray(linear + (deviations * (deviations - moved)).sum(1))


def _transport(own: Moments, other: Moments) -> Floats:
    """[F,F] T with T A T = B on the range of A: with R R' = A and R+ the left inverse of R,
    T = R+' (R' B R)^1/2 R+."""
    root = own.root
    squared = (root * root).sum(0)
    inverse = root / squared  # columns of R are orthogonal, of squared length the eigenvalues
    values, vectors = np.linalg.eigh(root.T @ other.covariance @ root)
    inner = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    return np.asarray(inverse @ inner @ inverse.T)


def _root(covariance: Floats) -> Floats:
    """[F,R] with root root' = covariance, R its rank; eigenvalues that are rounding alone are left out.

    Kept, their roots (1e-8 of the largest) would add up over many dimensions.
    """
    values, vectors = np.linalg.eigh(covariance)
    kept = values > len(values) * np.finfo(np.float64).eps * max(values[-1], 0.0)
    return np.asarray(vectors[:, kept] * np.sqrt(values[kept]))


def _root_of_few(deviations: Floats) -> Floats:
    """The same from [N,F] with deviations' deviations = covariance: much faster where N is small beside F."""
    _, values, vectors = np.linalg.svd(deviations, full_matrices=False)
    limit = deviations.shape[1] * np.finfo(np.float64).eps * (values**2).max(initial=0.0)
    kept = values**2 > limit
    return np.asarray(vectors[kept].T * values[kept])
