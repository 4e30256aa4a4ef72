"""Splits for sources that have none: by a hash of the row itself.

A row's place depends on its content alone: not on a seed, the order of the file or the other rows.
Equal rows fall on the same side, so a test row never was a training row, and a corpus that grows
keeps its old test rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import TypeVar

Row = TypeVar("Row", str, bytes)


def fraction(row: str | bytes) -> float:
    """A row's fixed place in [0, 1), uniform over different rows."""
    data = row.encode() if isinstance(row, str) else row
    return int.from_bytes(hashlib.blake2b(data, digest_size=6).digest()) / 2**48


def split_of(row: str | bytes, shares: Mapping[str, float]) -> str:
    """``train``, or the split into whose share of [0, 1) the row falls.

    Args:
        row: the content that decides.
        shares: held-out splits and the share of rows each gets, in order from 0 upwards.
    """
    place, edge = fraction(row), 0.0
    for split, share in shares.items():
        edge += share
        if place < edge:
            return split
    return "train"


def assign(rows: Iterable[Row], shares: Mapping[str, float]) -> dict[Row, str] | None:
    """Return the split of every distinct row; in a small corpus no split stays empty.

    Where the rule leaves a split empty, the row with the lowest hash in the fullest split moves there.

    Returns:
        None when there are fewer distinct rows than splits.
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
