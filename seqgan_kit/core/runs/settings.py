"""Convert frozen dataclasses of settings to plain data and back; errors name the setting."""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, Union

from seqgan_kit.errors import UsageError, unknown

C = TypeVar("C")

# YAML reads 1e-3 and 1.5e3 as text, since it requires a dot and a sign in numbers with an exponent.
_SHORT_POWER = re.compile(r"[-+]?\d+(\.\d*)?e[-+]?\d+", re.IGNORECASE)


def to_dict(value: Any) -> Any:
    """Return a configuration as dicts, lists, strings and numbers."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_dict(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_dict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_dict(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def merged(base: C, changes: Mapping[str, Any], where: str = "") -> C:
    """Return ``base`` with some settings changed; nested dicts change nested configurations.

    As on the command line, the name of a nested configuration may be left out if only one has the setting.
    """
    hints = typing.get_type_hints(type(base), include_extras=False)
    new: dict[str, Any] = {}
    for name, value in changes.items():
        owners = [field for field in hints if name in _fields(getattr(base, field))]
        if name not in hints and len(owners) == 1:
            nested = new.get(owners[0], getattr(base, owners[0]))
            new[owners[0]] = merged(nested, {name: value}, f"{where}.{owners[0]}".lstrip("."))
            continue
        if name not in hints:
            inner = [deep for field in hints for deep in _fields(getattr(base, field))]
            raise unknown(f"setting{' of ' + where if where else ''}", str(name), hints, inner)
        current, full = new.get(name, getattr(base, name)), f"{where}.{name}".lstrip(".")
        if dataclasses.is_dataclass(current) and isinstance(value, Mapping):
            new[name] = merged(current, value, full)
        elif name in _fields(
            current
        ):  # A group and its first setting may share a name, as in `generator: lstm`.
            new[name] = merged(current, {name: value}, full)
        else:
            new[name] = _converted(value, hints[name], full)
    return dataclasses.replace(base, **new)  # type: ignore[type-var]


def restored(kind: type[C], values: Mapping[str, Any], where: str = "") -> C:
    """Rebuild a configuration from the result of :func:`to_dict`, checking values by their fields' types."""
    hints = typing.get_type_hints(kind, include_extras=False)
    for name in values:
        if name not in hints:
            raise unknown(f"setting{' of ' + where if where else ''}", str(name), hints)
    made: dict[str, Any] = {}
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        name, full = field.name, f"{where}.{field.name}".lstrip(".")
        if name in values:
            hint, value = hints[name], values[name]
            nested = dataclasses.is_dataclass(hint) and isinstance(value, Mapping)
            made[name] = restored(hint, value, full) if nested else _converted(value, hint, full)
        elif (field.default, field.default_factory) == (dataclasses.MISSING, dataclasses.MISSING):
            raise UsageError(f"the setting {full} is missing.")
    return kind(**made)


def _fields(value: Any) -> set[str]:
    return {f.name for f in dataclasses.fields(value)} if dataclasses.is_dataclass(value) else set()


def _converted(value: Any, hint: Any, name: str) -> Any:
    """Convert a plain value to the annotated type; an error says what is allowed."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        options = [a for a in arguments if a is not type(None)]
        for option in options:
            try:
                return _converted(value, option, name)
            except UsageError:
                continue
        raise _wrong(value, hint, name)
    if origin is Literal:
        if value in arguments:
            return value
        raise unknown(f"value of {name}", str(value), map(str, arguments))
    if origin is tuple and isinstance(value, list | tuple):
        return _tuple(value, arguments, name)
    if origin is tuple and arguments[-1] is Ellipsis:  # one value alone, as on the command line
        return _tuple((value,), arguments, name)
    if origin is Mapping and isinstance(value, Mapping):
        return {str(key): _converted(item, arguments[1], name) for key, item in value.items()}
    if hint is Path and isinstance(value, str):
        return Path(value)
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if hint is float and isinstance(value, str) and _SHORT_POWER.fullmatch(value):
        return float(value)
    if isinstance(hint, type) and type(value) is hint:
        return value
    raise _wrong(value, hint, name)


def _tuple(value: Any, arguments: tuple[Any, ...], name: str) -> tuple[Any, ...]:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return tuple(_converted(item, arguments[0], name) for item in value)
    if len(value) != len(arguments):
        raise UsageError(f"{name} needs {len(arguments)} values, not {len(value)}.")
    return tuple(_converted(item, hint, name) for item, hint in zip(value, arguments, strict=True))


def _wrong(value: Any, hint: Any, name: str) -> UsageError:
    wanted = getattr(hint, "__name__", None) or str(hint)
    return UsageError(f"{name} is {value!r}, which is not a {wanted}.")
