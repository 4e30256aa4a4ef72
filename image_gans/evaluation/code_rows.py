"""Codes of images as rows of words, so that text recipes can learn them: one image a line.

17 3 3 90 ...        the codes of the map from left to right and top to bottom
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from seqgan_kit.core.runs.log import write_whole
from seqgan_kit.errors import DataError

FOLDER = "codes"
"""Folder of a run that holds its code rows, which ``--text`` takes."""


def write_code_rows(codes: Tensor, path: Path) -> None:
    """Write codes [N,h,w] as lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (" ".join(map(str, row)) for row in codes.flatten(1).tolist())
    write_whole(path, "".join(f"{line}\n" for line in lines).encode())


def read_code_rows(lines: Iterable[str], side: int, codes: int) -> tuple[Tensor, list[str]]:
    """Return codes [N,side,side] of lines, and the lines that are not such a map.

    Args:
        lines: numbers from 0 to ``codes`` - 1, separated by spaces.
        side: of the map.
        codes: number of codes.
    """
    maps, refused = [], []
    for line in lines:
        row = _numbers(line)
        if row is not None and len(row) == side**2 and max(row) < codes:
            maps.append(row)
        else:
            refused.append(line)
    return torch.tensor(maps, dtype=torch.int64).view(-1, side, side), refused


def check_some(refused: Sequence[str], total: int, side: int, codes: int) -> None:
    """Raise DataError if all of ``total`` lines were refused."""
    if total and len(refused) == total:
        shown = refused[0] if len(refused[0]) < 60 else f"{refused[0][:57]}..."
        raise DataError(
            f"none of the {total:,} lines is a map of codes, such as {shown!r}: each needs {side**2} numbers "
            f"from 0 to {codes - 1}. Draw them from a text run trained on the {FOLDER}/ of this run."
        )


def _numbers(line: str) -> list[int] | None:
    words = line.split()
    if not words or not all(word.isascii() and word.isdecimal() for word in words):
        return None
    return [int(word) for word in words]
