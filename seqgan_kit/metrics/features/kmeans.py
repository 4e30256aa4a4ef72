"""k-means with the best of several starts, random or by k-means++ (Arthur and Vassilvitskii 2007)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seqgan_kit.errors import UsageError
from seqgan_kit.metrics.features.feature_arrays import (
    Floats,
    feature_rows,
    row_blocks,
    squared_distances,
)


@dataclass(frozen=True, eq=False)
class Clusters:
    """A clustering of rows."""

    centres: Floats
    """Centres [K,F]."""
    labels: NDArray[np.int64]
    """Index [N] of the nearest centre of each row."""
    inertia: float
    """Sum of squared distances to the nearest centre, which the iterations minimise."""


def kmeans(
    features: ArrayLike,
    clusters: int,
    rng: np.random.Generator,
    *,
    restarts: int = 5,
    most_iterations: int = 100,
    starts: Literal["spread", "random"] = "spread",
) -> Clusters:
    """Return the clustering with the least inertia among several starts.

    Args:
        features: features [N,F].
        clusters: number K of clusters, at most N.
        rng: randomness of the starts.
        restarts: number of starts.
        most_iterations: maximum number of iterations per start.
        starts: ``spread`` for k-means++, ``random`` for K uniformly random rows.
    """
    rows = feature_rows(features, "clustered")
    if not 1 <= clusters <= len(rows):
        raise UsageError(f"{clusters} clusters of {len(rows)} rows: must be from 1 to {len(rows)}.")
    if restarts < 1 or most_iterations < 1:
        raise UsageError(
            f"restarts and most_iterations must be 1 or more, got {restarts} and {most_iterations}."
        )
    middle = rows.mean(0)
    rows = rows - middle  # Distances near the origin lose fewer digits.
    first = _spread_out if starts == "spread" else _drawn
    found = [_lloyd(rows, first(rows, clusters, rng), most_iterations) for _ in range(restarts)]
    best = min(found, key=lambda result: result.inertia)
    return Clusters(best.centres + middle, best.labels, best.inertia)


def _spread_out(rows: Floats, clusters: int, rng: np.random.Generator) -> Floats:
    """Return k-means++ starts [K,F]: each row is drawn with a probability proportional to its squared
    distance from the rows drawn before.
    """
    chosen = [int(rng.integers(len(rows)))]
    nearest = squared_distances(rows, rows[chosen])[:, 0]
    for _ in range(clusters - 1):
        total = nearest.cumsum()
        # With fewer distinct rows than clusters, all distances become 0.
        at = total.searchsorted(rng.random() * total[-1], "right") if total[-1] > 0 else 0
        chosen.append(min(int(at), len(rows) - 1))
        np.minimum(nearest, squared_distances(rows, rows[chosen[-1:]])[:, 0], out=nearest)
    return rows[chosen]


def _drawn(rows: Floats, clusters: int, rng: np.random.Generator) -> Floats:
    """Return K different random rows [K,F]."""
    return rows[rng.choice(len(rows), clusters, replace=False)]


def _lloyd(rows: Floats, centres: Floats, most_iterations: int) -> Clusters:
    """Assign rows to the nearest centre and move centres to the mean of their rows, until no row changes."""
    labels, distances = _assign(rows, centres)
    for _ in range(most_iterations):
        centres = cluster_means(rows, labels, distances, centres)
        before, (labels, distances) = labels, _assign(rows, centres)
        if (labels == before).all():
            break
    return Clusters(centres, labels, float(distances.sum()))


def _assign(rows: Floats, centres: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Return the nearest centre [N] and the squared distance to it [N]."""
    labels, distances = np.empty(len(rows), np.int64), np.empty(len(rows))
    for part in row_blocks(len(rows), len(centres)):
        block = squared_distances(rows[part], centres)
        labels[part] = block.argmin(1)
        distances[part] = block.min(1)
    return labels, distances


def cluster_means(
    rows: Floats, labels: NDArray[np.int64], distances: Floats, centres: Floats
) -> Floats:
    """Return the mean [K,F] of each cluster's rows; an empty cluster takes the row farthest from its
    centre.
    """
    sizes = np.bincount(labels, minlength=len(centres))
    sums = np.zeros_like(centres)
    order = np.argsort(labels, kind="stable")
    filled = np.flatnonzero(sizes)
    starts = np.concatenate([[0], sizes[filled].cumsum()[:-1]])
    sums[filled] = np.add.reduceat(rows[order], starts, axis=0)
    means = sums / np.maximum(sizes, 1)[:, None]
    empty = np.flatnonzero(sizes == 0)
    if len(empty):
        means[empty] = rows[np.argsort(-distances, kind="stable")[: len(empty)]]
    return np.asarray(means)
