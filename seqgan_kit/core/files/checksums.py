"""Checksums of exported files, recorded beside them and checked when they are read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from seqgan_kit.errors import CheckpointError


def sums_of(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """Return the SHA-256 of each named file, to be recorded in the same folder."""
    return {name: _sum_of(folder / name) for name in names}


def check_sums(folder: Path, recorded: Any) -> None:
    """Refuse files whose SHA-256 differs from the recorded one; files without a record are not checked."""
    for name, wanted in recorded.items() if isinstance(recorded, dict) else ():
        path = folder / Path(str(name)).name
        if path.is_file() and _sum_of(path) != wanted:
            raise CheckpointError(
                f"{path} is damaged or belongs to another run: its checksum differs from the one in "
                "model.json. Restore the run's own file, or rewrite it by resuming the run (--resume)."
            )


def _sum_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
