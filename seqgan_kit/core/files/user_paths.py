"""Expand ``~`` and ``~name`` in paths."""

from __future__ import annotations

from pathlib import Path

from seqgan_kit.errors import DataError


def expanded(name: str) -> Path:
    """Return the path with its home folder expanded."""
    try:
        return Path(name).expanduser()
    except RuntimeError:
        home = Path(name).parts[0]
        raise DataError(
            f"{name!r} cannot be expanded: there is no home folder of {home!r}. Give the full path."
        ) from None
