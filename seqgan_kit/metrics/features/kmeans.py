"""k-means: the best of several starts, random or by k-means++ (Arthur and Vassilvitskii 2007)."""

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
    """A division of rows among centres."""

    centres: Floats
    """[K,F]"""
    labels: NDArray[np.int64]
    """[N] the nearest centre of each row."""
    inertia: float
    """Sum of squared distances to the nearest centre, which the iterations lower."""


def kmeans(
    features: ArrayLike,
    clusters: int,
    rng: np.random.Generator,
    *,
    restarts: int = 5,
    most_iterations: int = 100,
    starts: Literal["spread", "random"] = "spread",
) -> Clusters:
    """The clustering of least inertia among several.

    Args:
        features: [N,F].
        clusters: K, at most N.
        rng: draws the starts.
        restarts: how many starts.
        most_iterations: an end for starts that do not settle before.
        starts: ``spread``: k-means++; ``random``: K rows, each as likely as any other.
    """
    rows = feature_rows(features, "clustered")
    if not 1 <= clusters <= len(rows):
        raise UsageError(f"{clusters} clusters of {len(rows)} rows: allowed are 1 to {len(rows)}.")
    if restarts < 1 or most_iterations < 1:
        raise UsageError(
            f"k-means needs at least one start and one iteration; got {restarts} and {most_iterations}."
        )
    middle = rows.mean(0)
    rows = rows - middle  # fewer digits are lost in the distances
    first = _spread_out if starts == "spread" else _drawn
    found = [_lloyd(rows, first(rows, clusters, rng), most_iterations) for _ in range(restarts)]
    best = min(found, key=lambda result: result.inertia)
    return Clusters(best.centres + middle, best.labels, best.inertia)


def _spread_out(rows: Floats, clusters: int, rng: np.random.Generator) -> Floats:
    """[K,F] k-means++: each start is a row drawn with chance in proportion to its squared distance from those
    drawn before."""
    chosen = [int(rng.integers(len(rows)))]
    nearest = squared_distances(rows, rows[chosen])[:, 0]
    for _ in range(clusters - 1):
        total = nearest.cumsum()
        # With fewer different rows than clusters, the distances are all 0 in the end.
        at = total.searchsorted(rng.random() * total[-1], "right") if total[-1] > 0 else 0
        chosen.append(min(int(at), len(rows) - 1))
        np.minimum(nearest, squared_distances(rows, rows[chosen[-1:]])[:, 0], out=nearest)
    return rows[chosen]


def _drawn(rows: Floats, clusters: int, rng: np.random.Generator) -> Floats:
    """[K,F] different rows, all choices equally likely."""
    return rows[rng.choice(len(rows), clusters, replace=False)]


def _lloyd(rows: Floats, centres: Floats, most_iterations: int) -> Clusters:
    """Rows to the nearest centre, centres to the mean of their rows, until no row moves."""
    labels, distances = _assign(rows, centres)
    for _ in range(most_iterations):
        centres = cluster_means(rows, labels, distances, centres)
        before, (labels, distances) = labels, _assign(rows, centres)
        if (labels == before).all():
            break
    return Clusters(centres, labels, float(distances.sum()))


def _assign(rows: Floats, centres: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Nearest centre and squared distance to it: [N], [N]."""
    labels, distances = np.empty(len(rows), np.int64), np.empty(len(rows))
    for part in row_blocks(len(rows), len(centres)):
        block = squared_distances(rows[part], centres)
        labels[part] = block.argmin(1)
        distances[part] = block.min(1)
    return labels, distances


def cluster_means(
    rows: Floats, labels: NDArray[np.int64], distances: Floats, centres: Floats
) -> Floats:
    """[K,F] the mean of each cluster's rows; an empty cluster takes the row that is worst served."""
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
