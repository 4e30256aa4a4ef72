"""Feature arrays [N,F]: checks, and distances in blocks that fit in memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seqgan_kit.errors import DataError

Floats = NDArray[np.float64]

BLOCK_BYTES = 32 * 2**20
"""Maximum size of a block of distances or kernel values in memory."""
_ROUNDING = 1e-13  # Bound on the relative error of |x|^2 + |y|^2 - 2xy.


def feature_rows(features: ArrayLike, name: str, least: int = 1) -> Floats:
    """Return the features as float64 [N,F]; refuse non-finite values and fewer than ``least`` rows.

    Args:
        features: one row per sample.
        name: name of the set in messages.
        least: number of rows that the metric needs.
    """
    rows = np.asarray(features, np.float64)
    if rows.ndim != 2 or rows.shape[1] == 0:
        raise DataError(f"{name} features must be an array [N,F]; got shape {list(rows.shape)}.")
    if len(rows) < least:
        raise DataError(
            f"{name} features have {len(rows)} rows, but must have {least} or more: "
            "give more samples."
        )
    if not np.isfinite(rows).all():
        bad = int((~np.isfinite(rows).all(1)).sum())
        raise DataError(
            f"{name} features must be finite, but {bad} of {len(rows)} rows are not: "
            "check the encoder."
        )
    return rows


def feature_pair(generated: ArrayLike, real: ArrayLike, least: int = 1) -> tuple[Floats, Floats]:
    """Return two feature arrays [N,F] and [M,F]; refuse different F."""
    x, y = feature_rows(generated, "generated", least), feature_rows(real, "real", least)
    if x.shape[1] != y.shape[1]:
        raise DataError(
            f"generated features have {x.shape[1]} dimensions, but real ones have {y.shape[1]}: "
            "use the same encoder for both."
        )
    return x, y


def row_blocks(n_rows: int, n_columns: int) -> Iterator[slice]:
    """Yield slices of the rows of a [n_rows, n_columns] matrix, each of at most ``BLOCK_BYTES``."""
    rows = max(1, BLOCK_BYTES // (8 * max(1, n_columns)))
    for start in range(0, n_rows, rows):
        yield slice(start, min(start + rows, n_rows))


def squared_distances(x: Floats, y: Floats) -> Floats:
    """Return squared distances [N,M] by one matrix product; values within rounding error become exactly 0.

    Rows near the origin lose the fewest digits, so apply :func:`centred` first.
    """
    of_x, of_y = (x * x).sum(1)[:, None], (y * y).sum(1)
    distances = x @ y.T
    distances *= -2.0
    distances += of_x
    distances += of_y
    distances[distances < _ROUNDING * (of_x + of_y)] = 0.0
    return distances


def centred(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Subtract the mean of y from both sets, which changes no distance."""
    middle = y.mean(0)
    return x - middle, y - middle


def nearest(x: Floats, y: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Return for each row of x the index [N] of the nearest row of y (the first of ties) and its distance
    [N].
    """
    x, y = centred(x, y)
    index, distance = np.empty(len(x), np.int64), np.empty(len(x))
    for rows in row_blocks(len(x), len(y)):
        block = squared_distances(x[rows], y)
        index[rows] = block.argmin(1)
        distance[rows] = np.sqrt(block.min(1))
    return index, distance
