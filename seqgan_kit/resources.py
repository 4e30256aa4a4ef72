"""Where the recipes and the bundled data lie: beside the packages in a checkout, inside the wheel when installed."""

from __future__ import annotations

from pathlib import Path

from seqgan_kit.errors import DataError

_PACKAGE = Path(__file__).resolve().parent


def _shipped(name: str) -> Path:
    for folder in (_PACKAGE.parent / name, _PACKAGE / f"_{name}"):
        if folder.is_dir() and (name != "recipes" or any(folder.glob("*.py"))):
            return folder
    raise DataError(f"the {name} folder is missing from this installation; reinstall seqgan-kit.")


def recipes_dir() -> Path:
    """The folder of recipe scripts."""
    return _shipped("recipes")


def data_dir() -> Path:
    """The folder of bundled data (it holds ``catworld/``)."""
    return _shipped("data")
