"""Bounds of settings, declared in a setting's type and checked when the settings object is created.

    @dataclass(frozen=True)
    @bounded
    class LSTMConfig:
        hidden: Size = 32
        dropout: Share = 0.0

``LSTMConfig(dropout=1.5)`` then raises a UsageError, whether it comes from the command line, a file or
Python.
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
    """An interval of numbers, closed unless stated otherwise; it never contains nan."""

    least: float
    most: float = math.inf
    open_below: bool = False
    """Whether ``least`` itself is too small."""
    open_above: bool = False
    """Whether ``most`` itself is too large."""

    def hold(self, value: float) -> bool:
        """Return whether the interval contains ``value``."""
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
"""Largest size of a layer; beyond it the parameters would take gigabytes."""

Size = Annotated[int, Bounds(1, MOST_UNITS)]
"""A width, a number of layers, heads or units."""
Units = Annotated[int, Bounds(0, MOST_UNITS)]
"""A size; 0 turns the part off."""
Positive = Annotated[int, Bounds(1)]
"""A count, 1 or more."""
Several = Annotated[int, Bounds(2)]
"""A count, 2 or more, of things that are compared with each other."""
Count = Annotated[int, Bounds(0)]
"""A count, 0 or more."""
Every = Annotated[int, Bounds(-1)]
"""Rounds between events of a Phase; -1: never."""
Share = Annotated[float, Bounds(0, 1, open_above=True)]
"""A fraction below 1, such as a dropout rate or the decay of a running mean."""
UpTo1 = Annotated[float, Bounds(0, 1)]
"""A fraction from 0 to 1, inclusive."""
Weight = Annotated[float, Bounds(0, open_above=True)]
"""A weight, rate or penalty, 0 or more."""
Above0 = Annotated[float, Bounds(0, open_below=True, open_above=True)]
"""A number above 0."""
Cap = Annotated[float, Bounds(0, open_below=True)]
"""An upper limit; inf: no limit."""
Finite = Annotated[float, Bounds(-math.inf, open_below=True, open_above=True)]
"""Any finite number."""


def check_heads(width: int, heads: int) -> None:
    """Raise UsageError if ``width`` is not a multiple of ``heads``."""
    if width % heads:
        raise UsageError(
            f"a width of {width} cannot be split over {heads} heads: make it a multiple of {heads}."
        )


def bounded(settings: type[C]) -> type[C]:
    """Decorate a dataclass (below ``@dataclass``) to check all fields by :func:`check_bounds` on creation."""
    own = vars(settings).get("__post_init__")

    def __post_init__(self: Any) -> None:
        check_bounds(self)
        if own is not None:
            own(self)

    settings.__post_init__ = __post_init__  # type: ignore[attr-defined]
    return settings


def check_bounds(settings: Any) -> None:
    """Raise UsageError for the first field outside its bounds or its allowed names."""
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
    """Yield the parts of a value that its type restricts, each with its bounds or allowed names."""
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
