"""``--help`` of a recipe: its options in a few groups, with the values of the named preset."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import itertools
import shutil
import textwrap
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Union

import tyro

GROUPS: dict[str, tuple[str, tuple[str, ...]]] = {
    "data": ("what to learn from", ("data", "oracle", "conditions", "labels", "stacks", "codes")),
    "method": ("what defines the method; the defaults are the preset's", ("method",)),
    "training": ("how long, how fast, how often", ("training",)),
    "networks": (
        "which networks, and their sizes",
        ("generator", "discriminator", "critic", "networks"),
    ),
    "techniques": ("additions to any method, off unless given", ("techniques",)),
    "scores": ("how much is sampled for scores, and which scores", ("scores",)),
    "run": ("folder, seed, device, checkpoints, trackers", ("run",)),
}
"""Group -> its heading, and the fields of a recipe's configuration in it."""
_OTHERS = "method"
_FLAG_WIDTH, _LEAST_TEXT = 26, 30
_WIDEST = 100
_NAMES = {int: "INT", float: "FLOAT", str: "TEXT", Path: "PATH"}


@dataclasses.dataclass(frozen=True)
class Option:
    """One flag of a recipe."""

    group: str
    inner: str
    """The network whose setting it is, as ``lstm``; empty for others."""
    flag: str
    values: str
    default: str
    text: str


def recipe_help(config: Any, usage: str, description: str) -> str:
    """Return the whole help text, as wide as the terminal."""
    width = min(shutil.get_terminal_size().columns, _WIDEST)
    parts = [f"usage: {usage} [PRESET] [OPTIONS]", description.strip()]
    found = list(options_of(config))
    for group, (heading, _) in GROUPS.items():
        options = [option for option in found if option.group == group]
        if options:
            lines = "\n".join(_lines_of(options, width))
            parts.append(f"{group}: {heading}\n{lines}")
    parts.append("other:\n" + "\n".join(_lines(_HELP, width)))
    return "\n\n".join(parts)


_HELP = Option("other", "", "-h, --help", "", "", "Show this text.")


def options_of(config: Any) -> Iterator[Option]:
    """Return every option of a recipe's configuration."""
    hints = typing.get_type_hints(type(config), include_extras=True)
    groups = {field: group for group, (_, fields) in GROUPS.items() for field in fields}
    for field in dataclasses.fields(config):
        value, group = getattr(config, field.name), groups.get(field.name, _OTHERS)
        if dataclasses.is_dataclass(value):
            prefix = "" if is_flat(hints[field.name]) else f"{field.name}."
            yield from _options(group, prefix.rstrip("."), value, prefix)
        else:
            yield _option(group, "", "", field.name, value, hints, _texts(type(config)))


def _options(group: str, inner: str, value: Any, prefix: str) -> Iterator[Option]:
    hints = typing.get_type_hints(type(value), include_extras=True)
    for field in dataclasses.fields(value):
        held = getattr(value, field.name)
        if dataclasses.is_dataclass(held):
            yield from _options(group, f"{prefix}{field.name}", held, f"{prefix}{field.name}.")
        elif not _is_hidden(hints[field.name]):
            yield _option(group, inner, prefix, field.name, held, hints, _texts(type(value)))


def _option(
    group: str,
    inner: str,
    prefix: str,
    name: str,
    value: Any,
    hints: dict[str, Any],
    texts: dict[str, str],
) -> Option:
    flag = f"--{prefix}{name}".replace("_", "-")
    if isinstance(value, bool):
        flag = flag if not value else f"--{prefix}no-{name}".replace("_", "-")
        return Option(group, inner, flag, "", "on" if value else "off", texts.get(name, ""))
    return Option(group, inner, flag, _values(hints[name]), _shown(value), texts.get(name, ""))


def _lines_of(options: list[Option], width: int) -> Iterator[str]:
    """Return the lines of a group: the choices, then each network's settings under its name."""
    inner = ""
    for option in sorted(options, key=lambda option: bool(option.inner)):
        if option.inner != inner:
            inner = option.inner
            yield f"\n  settings of {inner}:"
        yield from _lines(option, width)


def _lines(option: Option, width: int) -> list[str]:
    head = f"  {option.flag} {option.values}".rstrip()
    told = "(default:" in option.text and option.default in ("", "none")
    default = f" (default: {option.default})" if option.default and not told else ""
    column = _FLAG_WIDTH if width - _FLAG_WIDTH >= _LEAST_TEXT else 6
    text = textwrap.wrap(f"{option.text}{default}", max(width - column, 20)) or [""]
    if len(head) + 2 <= column:
        return [f"{head:<{column}}{text[0]}".rstrip(), *(" " * column + line for line in text[1:])]
    return [*_head(head, width), *(" " * column + line for line in text)]


def _head(head: str, width: int) -> list[str]:
    """Return a flag and its values, broken between values if they are too long for one line."""
    if len(head) <= width:
        return [head]
    return textwrap.wrap(
        head.strip().replace(",", ", "), width, initial_indent="  ", subsequent_indent=" " * 6
    )


def _values(hint: Any) -> str:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        return _values(arguments[0])
    if origin is Literal:
        return "{" + ",".join(map(str, arguments)) + "}"
    if origin in (Union, types.UnionType):
        return "|".join(_values(a) for a in arguments if a is not type(None))
    if origin is tuple:
        if arguments[-1] is Ellipsis:
            return f"[{_values(arguments[0])} ...]"
        return " ".join(map(_values, arguments))
    return _NAMES.get(hint, "VALUE")


def _shown(value: Any) -> str:
    if value is None or value == "" or value == ():
        return "none"
    return " ".join(map(_shown, value)) if isinstance(value, tuple) else str(value)


def is_flat(hint: Any) -> bool:
    """Return whether the settings of a field are flags without the field's name."""
    return any(getattr(mark, "name", None) == "" for mark in getattr(hint, "__metadata__", ()))


def _is_hidden(hint: Any) -> bool:
    return tyro.conf.Suppress in getattr(hint, "__metadata__", ()) or "Suppress" in str(hint)


def _texts(config: type) -> dict[str, str]:
    """Return the docstring of each field of a dataclass; empty if its source is unavailable."""
    try:
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(config))).body
    except (OSError, TypeError, SyntaxError, ValueError):
        return {}
    body = tree.body if isinstance(tree, ast.ClassDef) else []
    return {
        field.target.id: " ".join(str(after.value.value).split())
        for field, after in itertools.pairwise(body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(after, ast.Expr)
        and isinstance(after.value, ast.Constant)
    }
