"""Paths as users write them, with ``~`` and ``~name`` for home folders."""

from __future__ import annotations

from pathlib import Path

from seqgan_kit.errors import DataError


def expanded(name: str) -> Path:
    """Return the path with its home folder written out."""
    try:
        return Path(name).expanduser()
    except RuntimeError:
        home = Path(name).parts[0]
        raise DataError(
            f"{name!r} cannot be found: there is no home folder of {home!r} here. Write the path in full."
        ) from None
