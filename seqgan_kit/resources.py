"""Folders of the recipes and the bundled data: in a checkout, or inside the installed wheel."""

from __future__ import annotations

from pathlib import Path

from seqgan_kit.errors import DataError

_PACKAGE = Path(__file__).resolve().parent


def _shipped(name: str) -> Path:
    # Look in the wheel's own folder first: a "data" folder beside an installed package may belong to another.
    for folder in (_PACKAGE / f"_{name}", _PACKAGE.parent / name):
        if folder.is_dir():
            return folder
    raise DataError(f"the {name} folder is missing from this installation; reinstall seqgan-kit.")


def recipes_dir() -> Path:
    """Return the folder of recipe scripts."""
    return _shipped("recipes")


def data_dir() -> Path:
    """Return the folder of bundled data (it holds ``catworld/``)."""
    return _shipped("data")
