r"""Fréchet distance between two sets of features, each modelled as a Gaussian (Heusel et al. 2017, "GANs
trained by a two time-scale update rule", eq. 6; the distance is Dowson and Landau's, 1982).

With means m, n and covariances A, B:

    d^2 = |m - n|^2 + tr A + tr B - 2 tr (A^1/2 B A^1/2)^1/2

The last trace is the sum of the singular values of A^1/2 B^1/2. Both roots come from symmetric
eigendecompositions, so no value becomes complex, and singular covariances (fewer samples than dimensions)
are allowed. The returned value is d^2, as is usual.

The estimate is biased upwards, by about a constant over N. Compare sets of equal size, and with the value
of real against real data. It is printed as ``FD[encoder]``, because "FID" belongs to one Inception network.
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
    """Mean and covariance of a set of features; compute those of a reference once."""

    mean: Floats
    """Mean [F]."""
    covariance: Floats
    """Covariance [F,F], unbiased (divided by count - 1)."""
    count: int
    """Number of samples."""
    deviations: Floats | None = None
    """Deviations [N,F] from the mean over sqrt(N - 1); kept only if N is at most F."""

    @cached_property
    def root(self) -> Floats:
        """[F,R] with root root' = covariance, R its rank; the columns are orthogonal."""
        return _root(self.covariance) if self.deviations is None else _root_of_few(self.deviations)


def moments(features: ArrayLike, name: str = "real") -> Moments:
    """Compute mean and covariance of features [N,F], N at least 2."""
    rows = feature_rows(features, name, least=2)
    mean = rows.mean(0)
    deviations = rows - mean
    covariance = deviations.T @ deviations / (len(rows) - 1)
    few = deviations / math.sqrt(len(rows) - 1) if len(rows) <= rows.shape[1] else None
    return Moments(mean, covariance, len(rows), few)


def frechet_distance(generated: Moments, real: Moments) -> float:
    """Compute the squared distance d^2; it is 0 if the moments agree."""
    if generated.mean.shape != real.mean.shape:
        raise DataError(
            f"moments have {generated.mean.size} and {real.mean.size} dimensions, but must have "
            "equally many: use the same encoder for both."
        )
    overlap = generated.root.T @ real.root
    shared = np.linalg.svd(overlap, compute_uv=False).sum() if overlap.size else 0.0
    spread = np.trace(generated.covariance) + np.trace(real.covariance) - 2.0 * shared
    difference = generated.mean - real.mean
    return max(0.0, float(difference @ difference + spread))


def frechet_estimate(generated: ArrayLike, real: ArrayLike | Moments) -> Estimate:
    """Compute the squared distance with a standard error by the delta method.

    A sample x from a set with mean m and covariance A changes the distance to first order by

        2 (m - n)·(x - m) + (x - m)' (1 - T) (x - m) - tr (1 - T) A,   T = A^-1/2 (A^1/2 B A^1/2)^1/2 A^-1/2

    where T is the optimal transport map between the Gaussians. The spread of this term over samples gives
    the error. If both sets come from one distribution, the first order vanishes and the error is right in
    magnitude only. If only the moments of the real set are given, the error does not include its sampling.
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
    """Return the first-order influence [N] of each sample, up to a constant."""
    deviations = x - own.mean
    moved = deviations @ _transport(own, other)
    linear = 2.0 * deviations @ (own.mean - other.mean)
    return np.asarray(linear + (deviations * (deviations - moved)).sum(1))


def _transport(own: Moments, other: Moments) -> Floats:
    """Return T [F,F] with T A T = B on the range of A: T = R+' (R' B R)^1/2 R+, where R R' = A and R+ is
    the left inverse of R.
    """
    root = own.root
    squared = (root * root).sum(0)
    # The columns of R are orthogonal; their squared lengths are the eigenvalues.
    inverse = root / squared
    values, vectors = np.linalg.eigh(root.T @ other.covariance @ root)
    inner = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    return np.asarray(inverse @ inner @ inverse.T)


def _root(covariance: Floats) -> Floats:
    """Return a root [F,R] with root root' = covariance, where R is the rank; rounding errors are left out.

    Otherwise the roots of eigenvalues that are pure rounding (1e-8 of the largest) would add up over many
    dimensions.
    """
    values, vectors = np.linalg.eigh(covariance)
    kept = values > len(values) * np.finfo(np.float64).eps * max(values[-1], 0.0)
    return np.asarray(vectors[:, kept] * np.sqrt(values[kept]))


def _root_of_few(deviations: Floats) -> Floats:
    """Return the same root from deviations [N,F]: much faster than ``_root`` if N is much smaller than F."""
    _, values, vectors = np.linalg.svd(deviations, full_matrices=False)
    limit = deviations.shape[1] * np.finfo(np.float64).eps * (values**2).max(initial=0.0)
    kept = values**2 > limit
    return np.asarray(vectors[kept].T * values[kept])
