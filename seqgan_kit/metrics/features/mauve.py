r"""MAUVE: the area under the divergence frontier of two sets (Pillutla et al. 2021, "MAUVE: Measuring the gap
between neural text and human text using divergence frontiers").

The features of both sets together, each row scaled to length 1, are reduced by PCA and clustered by k-means;
P and Q are the shares of the clusters in the real and in the generated set. With the mixtures
R = l P + (1-l) Q, 0 < l < 1, the frontier is

    { (exp(-c KL(Q || R)), exp(-c KL(P || R))) }          c = 5

A mixture near P makes Q's divergence large: mass of Q where P has little (bad samples); near Q it is P's:
what the generator never says. MAUVE is the area below the frontier, with (0, 1) and (1, 0) as its ends: 1
where the shares agree, near 0 where no cluster is common.

Every step is that of the authors' package (krishnap25/mauve): lengths before the PCA, 90 % of the variance, a
tenth of the smaller set as clusters, the best of five random starts of k-means, 25 mixtures evenly spaced,
trapezoids, no smoothing. This is an implementation of its own. It differs in rounding (k-means in float64,
theirs in float32) and random numbers, and an empty cluster takes the row that is worst served (theirs splits
a large cluster). The value depends on the encoder and on the number of samples: compare within one table,
beside the value of real against real.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from seqgan_kit.errors import DataError, UsageError
from seqgan_kit.metrics.features.feature_arrays import Floats, feature_pair
from seqgan_kit.metrics.features.kmeans import kmeans
from seqgan_kit.metrics.statistics.divergences import Estimate

SCALE = 5.0
"""c of the paper."""
MIXTURES = 25
"""Points of the frontier between its ends, as in the authors' package."""
_LEAST_SHARE = 1e-6  # of P or Q in a mixture


@dataclass(frozen=True)
class MauveSettings:
    """How features become two histograms."""

    clusters: int | None = None
    """Clusters of k-means; a tenth of the smaller set, rounded, at least 2, unless given."""
    unit_length: bool = True
    """Scale each row to length 1 before the PCA, as the authors do."""
    explained_variance: float | None = 0.9
    """Share of the variance that a joint PCA keeps; None: no PCA."""
    restarts: int = 5
    """Starts of k-means."""
    most_iterations: int = 500
    """Iterations of k-means at most."""
    pseudo_count: float = 0.0
    """Added to every cluster's count in both sets; 1/2 gives the authors' smoothed variant, MAUVE*."""
    resamples: int = 200
    """Bootstrap draws behind the standard error."""

    def __post_init__(self) -> None:
        if self.explained_variance is not None and not 0.0 < self.explained_variance <= 1.0:
            raise UsageError(
                f"explained_variance is a share above 0 and up to 1, got {self.explained_variance}."
            )
        if self.pseudo_count < 0 or self.resamples < 2:
            raise UsageError(
                f"pseudo_count {self.pseudo_count} must not be negative, and resamples {self.resamples} "
                "must be at least 2."
            )


@dataclass(frozen=True, eq=False)
class Mauve:
    """The score and what it came from."""

    area: Estimate
    """MAUVE. The error is the bootstrap's, over both histograms with the clusters held fixed."""
    frontier: Floats
    """[L,2] its points: (1 where no sample is bad, 1 where nothing real is missing)."""
    clusters: int
    """How many clusters."""
    dimensions: int
    """Dimensions left by the PCA."""


def mauve(
    generated: ArrayLike,
    real: ArrayLike,
    rng: np.random.Generator,
    settings: MauveSettings = MauveSettings(),
    scale: float = SCALE,
) -> Mauve:
    """MAUVE of two sets of features.

    Args:
        generated: [N,F].
        real: [M,F].
        rng: draws the starts of k-means, then the bootstrap.
        settings: how features become histograms.
        scale: c.
    """
    x, y = feature_pair(generated, real, least=2)
    both = _reduced(np.concatenate([x, y]), settings)
    clusters = settings.clusters or default_clusters(min(len(x), len(y)))
    labels = kmeans(
        both,
        clusters,
        rng,
        restarts=settings.restarts,
        most_iterations=settings.most_iterations,
        starts="random",
    ).labels
    counts = [
        np.bincount(part, minlength=clusters) for part in (labels[: len(x)], labels[len(x) :])
    ]
    q, p = (_shares(c, settings.pseudo_count) for c in counts)
    frontier = divergence_frontier(q, p, scale)
    areas = np.empty(settings.resamples)
    for number in range(settings.resamples):
        drawn = [rng.multinomial(c.sum(), c / c.sum()) for c in counts]
        some_q, some_p = (_shares(c, settings.pseudo_count) for c in drawn)
        areas[number] = area_under(divergence_frontier(some_q, some_p, scale))
    area = Estimate(area_under(frontier), float(areas.std(ddof=1)))
    return Mauve(area, frontier, clusters, both.shape[1])


def default_clusters(rows: int) -> int:
    """The number of clusters for a smaller set of ``rows`` rows."""
    return max(2, round(rows / 10))


def mauve_signature(settings: MauveSettings, clusters: int) -> str:
    """All that the number depends on beside the features, as in ``mauve|c:5|mixtures:25|...``."""
    parts = {
        "c": f"{SCALE:g}",
        "mixtures": MIXTURES,
        "norm": "l2" if settings.unit_length else "none",
        "pca": "none"
        if settings.explained_variance is None
        else f"{settings.explained_variance:g}",
        "clusters": clusters,
        "kmeans": f"{settings.restarts}x{settings.most_iterations}",
        "smooth": f"{settings.pseudo_count:g}" if settings.pseudo_count else "none",
    }
    return "|".join(["mauve", *(f"{name}:{value}" for name, value in parts.items())])


def divergence_frontier(
    generated: ArrayLike, real: ArrayLike, scale: float = SCALE, mixtures: int = MIXTURES
) -> Floats:
    """[L,2] points of the frontier, from the side of the generated to that of the real histogram.

    Args:
        generated: [K] shares Q.
        real: [K] shares P.
        scale: c.
        mixtures: L, evenly spaced in l.
    """
    q, p = _histogram(generated, "generated"), _histogram(real, "real")
    if q.shape != p.shape or scale <= 0:
        raise UsageError(
            f"two histograms over the same bins and a positive scale are needed; got {q.size} and "
            f"{p.size} bins, scale {scale}."
        )
    q, p = q[q + p > 0], p[q + p > 0]
    of_p = np.linspace(_LEAST_SHARE, 1.0 - _LEAST_SHARE, mixtures)[:, None]
    log_mixtures = np.log(of_p * p + (1.0 - of_p) * q)
    return np.exp(-scale * np.stack([_kl(q, log_mixtures), _kl(p, log_mixtures)], axis=1))


def area_under(frontier: Floats) -> float:
    """The area below a frontier [L,2], completed by (0, 1) and (1, 0)."""
    points = frontier[np.lexsort((-frontier[:, 1], frontier[:, 0]))]
    points = np.concatenate([[[0.0, 1.0]], points, [[1.0, 0.0]]])
    widths, heights = np.diff(points[:, 0]), (points[1:, 1] + points[:-1, 1]) / 2
    return float(widths @ heights)


def _kl(own: Floats, log_mixtures: Floats) -> Floats:
    """[L] KL(own || each mixture) in nats; every mixture has mass wherever ``own`` has."""
    there = own[own > 0]
    return np.maximum(0.0, there @ np.log(there) - log_mixtures @ own)


def _shares(counts: ArrayLike, pseudo_count: float) -> Floats:
    filled = np.asarray(counts, np.float64) + pseudo_count
    return np.asarray(filled / filled.sum())


def _histogram(shares: ArrayLike, name: str) -> Floats:
    values = np.asarray(shares, np.float64)
    if values.ndim != 1 or (values < 0).any() or not np.isclose(values.sum(), 1.0, atol=1e-6):
        raise DataError(
            f"the {name} histogram must be shares [K] that sum to 1; got {values!r:.80}."
        )
    return values


def _reduced(rows: Floats, settings: MauveSettings) -> Floats:
    """Rows of length 1, and of these the leading principal components that explain enough of the variance."""
    if settings.unit_length:
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        rows = rows / np.where(lengths > 0, lengths, 1.0)
    rows = rows - rows.mean(0)
    if settings.explained_variance is None:
        return rows
    values, vectors = np.linalg.eigh(rows.T @ rows)
    kept = np.maximum(values[::-1], 0.0).cumsum()
    wanted = settings.explained_variance * kept[-1] * (1.0 - 1e-12)
    return np.asarray(rows @ vectors[:, ::-1][:, : int(kept.searchsorted(wanted)) + 1])
