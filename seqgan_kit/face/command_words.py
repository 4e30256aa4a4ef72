"""Settings as the words of a command line, so that a run from Python records how to repeat it."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Mapping
from typing import Any


def plain(value: Any) -> Any:
    """A user's value in the types of a settings file: paths as text, numpy's numbers as Python's."""
    if isinstance(value, Mapping):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return value.item() if hasattr(value, "item") else value


def command_words(base: Any, config: Any) -> list[str]:
    """The flags that turn the configuration ``base`` into ``config``."""
    groups = (field.name for field in dataclasses.fields(config))
    pairs = ((getattr(base, name), getattr(config, name)) for name in groups)
    return [word for old, new in pairs for word in _words(old, new, "")]


def _words(base: Any, config: Any, prefix: str) -> Iterator[str]:
    for field in dataclasses.fields(config):
        old, new = getattr(base, field.name), getattr(config, field.name)
        name = f"{prefix}{field.name}".replace("_", "-")
        if dataclasses.is_dataclass(new):
            yield from _words(old, new, f"{name}.")
        elif old != new and isinstance(new, bool):
            yield f"--{name}" if new else f"--{prefix}no-{field.name}".replace("_", "-")
        elif old != new and isinstance(new, tuple):
            yield from (f"--{name}", *_each(new))
        elif old != new:
            yield from (f"--{name}", str(new))


def _each(value: Any) -> Iterator[str]:
    """Every value of nested tuples, as flags take them."""
    for item in value:
        if isinstance(item, tuple):
            yield from _each(item)
        else:
            yield str(item)
