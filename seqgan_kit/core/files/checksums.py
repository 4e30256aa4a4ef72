"""Checksums of exported files, recorded beside them and checked when they are read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from seqgan_kit.errors import CheckpointError


def sums_of(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """SHA-256 of the files by name, for a record in the same folder."""
    return {name: _sum_of(folder / name) for name in names}


def check_sums(folder: Path, recorded: Any) -> None:
    """Refuse files whose SHA-256 is not the recorded one; what has none (older exports) is not checked."""
    for name, wanted in recorded.items() if isinstance(recorded, dict) else ():
        path = folder / Path(str(name)).name
        if path.is_file() and _sum_of(path) != wanted:
            raise CheckpointError(
                f"{path} is damaged or of another run: its checksum is not the one in model.json. Put the "
                "run's own file back, or write it anew by resuming the run (--resume)."
            )


def _sum_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
