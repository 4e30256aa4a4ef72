r"""MAUVE: the area under the divergence frontier of two sets (Pillutla et al. 2021, "MAUVE: Measuring the gap
between neural text and human text using divergence frontiers").

The features of both sets, each row scaled to length 1, are reduced by PCA and clustered by k-means. P and Q
are the shares of the clusters in the real and in the generated set. With mixtures R = l P + (1-l) Q, 0 < l
< 1, the frontier is

    { (exp(-c KL(Q || R)), exp(-c KL(P || R))) }          c = 5

Near P, the divergence of Q measures mass of Q where P has little (bad samples). Near Q, the divergence of P
measures what the generator never produces. MAUVE is the area below the frontier, with the ends (0, 1) and
(1, 0). It is 1 if the shares agree and near 0 if no cluster is common.

Every step follows the authors' package (krishnap25/mauve): unit length before the PCA, 90 % of the
variance, a tenth of the smaller set as number of clusters, the best of five random starts of k-means, 25
evenly spaced mixtures, the trapezoidal rule, no smoothing. The implementation is independent. It differs in
rounding (k-means in float64, theirs in float32) and in random numbers. An empty cluster takes the row
farthest from its centre (theirs splits a large cluster). The value depends on the encoder and the number of
samples, so compare within one table, beside the value of real against real data.
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
"""Scaling constant c of the paper."""
MIXTURES = 25
"""Number of points of the frontier between its ends, as in the authors' package."""
_LEAST_SHARE = 1e-6  # Minimum share of P or Q in a mixture.


@dataclass(frozen=True)
class MauveSettings:
    """Settings that turn features into two histograms."""

    clusters: int | None = None
    """Number of clusters; by default a tenth of the smaller set, rounded, at least 2."""
    unit_length: bool = True
    """Whether to scale each row to length 1 before the PCA, as the authors do."""
    explained_variance: float | None = 0.9
    """Share of the variance that a joint PCA keeps; None for no PCA."""
    restarts: int = 5
    """Number of starts of k-means."""
    most_iterations: int = 500
    """Maximum number of iterations of k-means."""
    pseudo_count: float = 0.0
    """Number added to every cluster's count in both sets; 1/2 gives the authors' smoothed variant MAUVE*."""
    resamples: int = 200
    """Number of bootstrap resamples for the standard error."""

    def __post_init__(self) -> None:
        if self.explained_variance is not None and not 0.0 < self.explained_variance <= 1.0:
            raise UsageError(
                f"explained_variance must be above 0 and at most 1, got {self.explained_variance}."
            )
        if self.pseudo_count < 0 or self.resamples < 2:
            raise UsageError(
                f"pseudo_count must be 0 or more, got {self.pseudo_count}, and resamples 2 or "
                f"more, got {self.resamples}."
            )


@dataclass(frozen=True, eq=False)
class Mauve:
    """A MAUVE score and its frontier."""

    area: Estimate
    """MAUVE, with a bootstrap error over both histograms for fixed clusters."""
    frontier: Floats
    """Points [L,2] of the frontier: (1 if no sample is bad, 1 if nothing real is missing)."""
    clusters: int
    """Number of clusters."""
    dimensions: int
    """Number of dimensions after the PCA."""


def mauve(
    generated: ArrayLike,
    real: ArrayLike,
    rng: np.random.Generator,
    settings: MauveSettings = MauveSettings(),
    scale: float = SCALE,
) -> Mauve:
    """Compute MAUVE of two sets of features.

    Args:
        generated: features [N,F].
        real: features [M,F].
        rng: randomness of the starts of k-means, then of the bootstrap.
        settings: settings that turn features into histograms.
        scale: scaling constant c.
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
    """Return the default number of clusters if the smaller set has ``rows`` rows."""
    return max(2, round(rows / 10))


def mauve_signature(settings: MauveSettings, clusters: int) -> str:
    """Return the settings that the value depends on, as in ``mauve|c:5|mixtures:25|...``."""
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
    """Return points [L,2] of the frontier, from the generated to the real histogram.

    Args:
        generated: shares Q [K].
        real: shares P [K].
        scale: scaling constant c.
        mixtures: number L of mixtures, evenly spaced in l.
    """
    q, p = _histogram(generated, "generated"), _histogram(real, "real")
    if q.shape != p.shape or scale <= 0:
        raise UsageError(
            "the histograms must have the same bins and the scale must be positive, got "
            f"{q.size} and {p.size} bins and scale {scale}."
        )
    q, p = q[q + p > 0], p[q + p > 0]
    of_p = np.linspace(_LEAST_SHARE, 1.0 - _LEAST_SHARE, mixtures)[:, None]
    log_mixtures = np.log(of_p * p + (1.0 - of_p) * q)
    return np.exp(-scale * np.stack([_kl(q, log_mixtures), _kl(p, log_mixtures)], axis=1))


def area_under(frontier: Floats) -> float:
    """Return the area below a frontier [L,2], completed by (0, 1) and (1, 0)."""
    points = frontier[np.lexsort((-frontier[:, 1], frontier[:, 0]))]
    points = np.concatenate([[[0.0, 1.0]], points, [[1.0, 0.0]]])
    widths, heights = np.diff(points[:, 0]), (points[1:, 1] + points[:-1, 1]) / 2
    return float(widths @ heights)


def _kl(own: Floats, log_mixtures: Floats) -> Floats:
    """Return KL(own || each mixture) [L] in nats; every mixture has mass wherever ``own`` has."""
    there = own[own > 0]
    return np.maximum(0.0, there @ np.log(there) - log_mixtures @ own)


def _shares(counts: ArrayLike, pseudo_count: float) -> Floats:
    filled = np.asarray(counts, np.float64) + pseudo_count
    return np.asarray(filled / filled.sum())


def _histogram(shares: ArrayLike, name: str) -> Floats:
    values = np.asarray(shares, np.float64)
    if values.ndim != 1 or (values < 0).any() or not np.isclose(values.sum(), 1.0, atol=1e-6):
        raise DataError(
            f"the {name} histogram must be shares [K] that sum to 1, got {values!r:.80}."
        )
    return values


def _reduced(rows: Floats, settings: MauveSettings) -> Floats:
    """Scale rows to length 1 and return the leading principal components that explain enough variance."""
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
