"""Bounds of settings, stated beside a setting's type and checked when the settings are made.

    @dataclass(frozen=True)
    @bounded
    class LSTMConfig:
        hidden: Size = 32
        dropout: Share = 0.0

``LSTMConfig(dropout=1.5)`` then raises a UsageError, from the command line, from a file and in Python alike.
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Iterator
from typing import Annotated, Any, Literal, TypeVar, Union

from seqgan_kit.errors import UsageError, unknown

C = TypeVar("C")


@dataclasses.dataclass(frozen=True)
class Bounds:
    """An interval of numbers, closed unless told otherwise; nan is in none."""

    least: float
    most: float = math.inf
    open_below: bool = False
    """Whether ``least`` itself is too small."""
    open_above: bool = False
    """Whether ``most`` itself is too large."""

    def hold(self, value: float) -> bool:
        """Return whether the interval holds ``value``."""
        above = self.least < value if self.open_below else self.least <= value
        return above and (value < self.most if self.open_above else value <= self.most)

    def __str__(self) -> str:
        lower = f"at least {self.least:,g}" if self.least else "0 or more"
        if self.open_below:
            lower = "a finite number" if self.least == -math.inf else f"above {self.least:g}"
        if self.most == math.inf:
            return f"{lower}, and finite" if self.open_above and self.least != -math.inf else lower
        return f"{lower} and {'below' if self.open_above else 'at most'} {self.most:,.10g}"


MOST_UNITS = 1_000_000
"""Of a layer: its parameters alone would be gigabytes."""

Size = Annotated[int, Bounds(1, MOST_UNITS)]
"""A width, a number of layers, heads or units."""
Units = Annotated[int, Bounds(0, MOST_UNITS)]
"""A size, where 0 stands for none."""
Positive = Annotated[int, Bounds(1)]
"""A number of things of which there is at least one."""
Several = Annotated[int, Bounds(2)]
"""A number of things to be compared with each other."""
Count = Annotated[int, Bounds(0)]
"""A number of things, or 0."""
Every = Annotated[int, Bounds(-1)]
"""Rounds from one event to the next, as a Phase reads them: -1 for never."""
Share = Annotated[float, Bounds(0, 1, open_above=True)]
"""A share that is never all: of dropout, or the decay of a running mean."""
UpTo1 = Annotated[float, Bounds(0, 1)]
"""A share that may be none and all."""
Weight = Annotated[float, Bounds(0, open_above=True)]
"""A weight, a rate or a penalty, or 0."""
Above0 = Annotated[float, Bounds(0, open_below=True, open_above=True)]
"""A number that must not be 0."""
Cap = Annotated[float, Bounds(0, open_below=True)]
"""The largest value that something may have; inf for no limit."""
Finite = Annotated[float, Bounds(-math.inf, open_below=True, open_above=True)]
"""Any number but nan and the infinities."""


def check_heads(width: int, heads: int) -> None:
    """Raise UsageError for a width that so many attention heads cannot share."""
    if width % heads:
        raise UsageError(
            f"a width of {width} cannot be shared by {heads} heads: make it a multiple."
        )


def bounded(settings: type[C]) -> type[C]:
    """Class decorator, below ``@dataclass``: check all fields by :func:`check_bounds` at construction."""
    own = vars(settings).get("__post_init__")

    def __post_init__(self: Any) -> None:
        check_bounds(self)
        if own is not None:
            own(self)

    settings.__post_init__ = __post_init__  # type: ignore[attr-defined]
    return settings


def check_bounds(settings: Any) -> None:
    """Raise UsageError for the first field whose value lies outside its bounds or is not one of its names."""
    hints = typing.get_type_hints(type(settings), include_extras=True)
    for field in dataclasses.fields(settings):
        for value, allowed in _requirements(getattr(settings, field.name), hints[field.name]):
            if isinstance(allowed, Bounds):
                if not isinstance(value, int | float):
                    raise UsageError(f"{field.name} is {value!r}, which is not a number.")
                if not allowed.hold(value):
                    raise UsageError(f"{field.name} is {value}; it must be {allowed}.")
            elif value not in allowed:
                raise unknown(field.name.replace("_", " "), str(value), map(str, allowed))


def _requirements(value: Any, hint: Any) -> Iterator[tuple[Any, Bounds | tuple[Any, ...]]]:
    """Return the parts of a value that its type restricts, each with its bounds or its allowed names."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if value is None:
        return
    if origin is Annotated:
        yield from ((value, bounds) for bounds in arguments[1:] if isinstance(bounds, Bounds))
        yield from _requirements(value, arguments[0])
    elif origin is Literal:
        yield value, arguments
    elif origin in (Union, types.UnionType):
        for option in arguments:
            yield from _requirements(value, option)
    elif origin is tuple and isinstance(value, tuple | list):
        repeated = len(arguments) == 2 and arguments[1] is Ellipsis
        for part, kind in zip(
            value, arguments[:1] * len(value) if repeated else arguments, strict=False
        ):
            yield from _requirements(part, kind)
