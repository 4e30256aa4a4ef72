"""Split sources that have no splits, by a hash of each row.

The split of a row depends only on its content, not on a seed, the order of the file or other rows. Equal rows
are in the same split, so a test row is never a training row, and a growing corpus keeps its old test rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import TypeVar

Row = TypeVar("Row", str, bytes)


def fraction(row: str | bytes) -> float:
    """Return a fixed number in [0, 1) for a row, uniform over distinct rows."""
    data = row.encode() if isinstance(row, str) else row
    return int.from_bytes(hashlib.blake2b(data, digest_size=6).digest()) / 2**48


def split_of(row: str | bytes, shares: Mapping[str, float]) -> str:
    """Return the split of a row: the held-out split whose part of [0, 1) contains its number, else ``train``.

    Args:
        row: the content of the row.
        shares: held-out splits and their shares of rows, in order from 0 upwards.
    """
    place, edge = fraction(row), 0.0
    for split, share in shares.items():
        edge += share
        if place < edge:
            return split
    return "train"


def assign(rows: Iterable[Row], shares: Mapping[str, float]) -> dict[Row, str] | None:
    """Return the split of every distinct row; no split is empty, even in a small corpus.

    If the hash rule leaves a split empty, the row with the lowest hash in the largest split moves there.

    Returns:
        None if there are fewer distinct rows than splits.
    """
    wanted = ["train", *(split for split, share in shares.items() if share > 0)]
    places = {row: split_of(row, shares) for row in sorted(set(rows), key=fraction)}
    if len(places) < len(wanted):
        return None
    for split in wanted:
        sizes = {name: sum(s == name for s in places.values()) for name in wanted}
        if sizes[split] == 0:
            fullest = max(wanted, key=lambda name: sizes[name])
            moved = next(row for row, s in places.items() if s == fullest)
            places[moved] = split
    return places
