"""Conversion of settings to command-line arguments, so that a run from Python records how to repeat it."""

from __future__ import annotations

import dataclasses
import os
import typing
from collections.abc import Collection, Iterator, Mapping
from types import FunctionType
from typing import Any

from seqgan_kit.core.runs.recipe_help import is_flat
from seqgan_kit.errors import UsageError


def plain(value: Any) -> Any:
    """Convert a user's value to the types of a settings file: paths to text, NumPy numbers to Python's, a
    function to its place ``FILE.py:FUNCTION``."""
    if isinstance(value, Mapping):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, FunctionType):
        return _place(value)
    return value.item() if hasattr(value, "item") else value


def _place(function: FunctionType) -> str:
    """Return ``FILE.py:FUNCTION``, by which a resumed run finds the function again."""
    file, name = function.__code__.co_filename, function.__qualname__
    if not (file.endswith(".py") and os.path.isfile(file) and name.isidentifier()):
        raise UsageError(
            f"the function {name} cannot be found again when the run is resumed: write it at the top "
            "level of a .py file, and give the function or 'FILE.py:FUNCTION'."
        )
    return f"{os.path.abspath(file)}:{name}"


def command_words(base: Any, config: Any) -> list[str]:
    """Return the flags that turn the configuration ``base`` into ``config``."""
    hints = typing.get_type_hints(type(config), include_extras=True)
    return list(_words(base, config, "", {name for name, hint in hints.items() if is_flat(hint)}))


def _words(base: Any, config: Any, prefix: str, flat: Collection[str] = ()) -> Iterator[str]:
    for field in dataclasses.fields(config):
        old, new = getattr(base, field.name), getattr(config, field.name)
        name = f"{prefix}{field.name}".replace("_", "-")
        if dataclasses.is_dataclass(new):
            yield from _words(old, new, prefix if field.name in flat else f"{name}.")
        elif old != new and isinstance(new, bool):
            yield f"--{name}" if new else f"--{prefix}no-{field.name}".replace("_", "-")
        elif old != new and isinstance(new, tuple):
            yield from (f"--{name}", *_each(new))
        elif old != new:
            yield from (f"--{name}", str(new))


def _each(value: Any) -> Iterator[str]:
    """Return all values of nested tuples, as flags take them."""
    for item in value:
        if isinstance(item, tuple):
            yield from _each(item)
        else:
            yield str(item)
