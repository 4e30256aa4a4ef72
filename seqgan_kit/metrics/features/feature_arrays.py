"""Feature vectors [N,F] of samples and of real data: checked once, compared in pieces that fit in memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seqgan_kit.errors import DataError

Floats = NDArray[np.float64]

BLOCK_BYTES = 32 * 2**20
"""Largest block of a matrix of distances or kernel values that is held at a time."""
_ROUNDING = 1e-13  # relative error of |x|^2 + |y|^2 - 2xy, with room


def feature_rows(features: ArrayLike, name: str, least: int = 1) -> Floats:
    """[N,F] float64, finite, with at least ``least`` rows.

    Args:
        features: one row for each sample.
        name: whose features they are, for the message.
        least: how many rows the metric needs.
    """
    rows = np.asarray(features, np.float64)
    if rows.ndim != 2 or rows.shape[1] == 0:
        raise DataError(f"{name} features must be an array [N,F]; got shape {list(rows.shape)}.")
    if len(rows) < least:
        raise DataError(f"{name} features: {len(rows)} rows, but at least {least} are needed.")
    if not np.isfinite(rows).all():
        bad = int((~np.isfinite(rows).all(1)).sum())
        raise DataError(f"{name} features: {bad} of {len(rows)} rows are not finite.")
    return rows


def feature_pair(generated: ArrayLike, real: ArrayLike, least: int = 1) -> tuple[Floats, Floats]:
    """[N,F] and [M,F], of the same F."""
    x, y = feature_rows(generated, "generated", least), feature_rows(real, "real", least)
    if x.shape[1] != y.shape[1]:
        raise DataError(
            f"generated features have {x.shape[1]} dimensions and real ones {y.shape[1]}: "
            "take both from the same encoder."
        )
    return x, y


def row_blocks(n_rows: int, n_columns: int) -> Iterator[slice]:
    """Rows of a [n_rows, n_columns] matrix in blocks of at most ``BLOCK_BYTES``."""
    rows = max(1, BLOCK_BYTES // (8 * max(1, n_columns)))
    for start in range(0, n_rows, rows):
        yield slice(start, min(start + rows, n_rows))


def squared_distances(x: Floats, y: Floats) -> Floats:
    """[N,M] |x_i - y_j|^2 by one matrix product; exactly 0 where rounding hides all there is.

    Rows near the origin lose the fewest digits: :func:`centred` first.
    """
    of_x, of_y = (x * x).sum(1)[:, None], (y * y).sum(1)
    distances = x @ y.T
    distances *= -2.0
    distances += of_x
    distances += of_y
    distances[distances < _ROUNDING * (of_x + of_y)] = 0.0
    return distances


def centred(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Both moved by the mean of y, which changes no distance."""
    middle = y.mean(0)
    return x - middle, y - middle


def nearest(x: Floats, y: Floats) -> tuple[NDArray[np.int64], Floats]:
    """For each row of x the nearest row of y (the first of equally near ones) and its distance: [N], [N]."""
    x, y = centred(x, y)
    index, distance = np.empty(len(x), np.int64), np.empty(len(x))
    for rows in row_blocks(len(x), len(y)):
        block = squared_distances(x[rows], y)
        index[rows] = block.argmin(1)
        distance[rows] = np.sqrt(block.min(1))
    return index, distance
