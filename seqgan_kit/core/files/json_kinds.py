"""Kinds: checks of JSON values by type, bounds and names. They nest in the same way as the data:

    MODEL = record({"kind": word_of("text"), "length": whole(1, 65536)}, {"note": text()})

A kind is a function that raises :class:`Misfit` for a value that is not allowed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

Kind = Callable[[Any], None]
"""A check that raises :class:`Misfit` for a value that does not match."""

_DEEPEST = 32
_LARGEST_WHOLE = 2**63 - 1


class Misfit(Exception):
    """A value that is not allowed, with its path from the outermost value."""

    def __init__(self, given: Any, allowed: str, way: tuple[str | int, ...] = ()) -> None:
        super().__init__(allowed)
        self.given, self.allowed, self.way = given, allowed, way

    def inside(self, key: str | int) -> Misfit:
        """Return this misfit with ``key`` of its container put in front of the path."""
        return Misfit(self.given, self.allowed, (key, *self.way))

    def __str__(self) -> str:
        place = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in self.way)
        name = f"{place[1:] if place.startswith('.') else place or 'the whole'}"
        if isinstance(self.given, _Missing):
            return f"{name[:120]} is missing"
        return f"{name[:120]} is {_short(self.given)}; allowed is {self.allowed}"


def text(most: int = 1_000_000, least: int = 0) -> Kind:
    """Return a kind for text of ``least`` to ``most`` characters."""
    allowed = (
        f"text of {least} to {most:,} characters" if least else f"text of up to {most:,} characters"
    )

    def checked(value: Any) -> None:
        if type(value) is not str or not least <= len(value) <= most:
            raise Misfit(value, allowed)
        if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
            raise Misfit(value, "text without halves of surrogate pairs")

    return checked


def word_of(*words: str) -> Kind:
    """Return a kind for one of the given words."""

    def checked(value: Any) -> None:
        if type(value) is not str or value not in words:
            raise Misfit(value, " or ".join(f'"{word}"' for word in words))

    return checked


def whole(least: int = 0, most: int = _LARGEST_WHOLE) -> Kind:
    """Return a kind for a whole number in a range."""

    def checked(value: Any) -> None:
        if type(value) is not int or not least <= value <= most:
            raise Misfit(value, f"a whole number from {least:,} to {most:,}")

    return checked


def number(least: float = -math.inf, most: float = math.inf) -> Kind:
    """Return a kind for a finite number in a range."""
    bounds = "" if math.isinf(most) and math.isinf(least) else f" from {least:g} to {most:g}"

    def checked(value: Any) -> None:
        if type(value) is int and least <= value <= most and abs(value) <= _LARGEST_WHOLE:
            return
        if type(value) is not float or not math.isfinite(value) or not least <= value <= most:
            raise Misfit(value, f"a finite number{bounds}")

    return checked


def flag(value: Any) -> None:
    """Check for true or false."""
    if type(value) is not bool:
        raise Misfit(value, "true or false")


def maybe(kind: Kind) -> Kind:
    """Return a kind that also allows null."""

    def checked(value: Any) -> None:
        if value is None:
            return
        try:
            kind(value)
        except Misfit as misfit:
            allowed = misfit.allowed if misfit.way else f"{misfit.allowed}, or null"
            raise Misfit(misfit.given, allowed, misfit.way) from None

    return checked


def list_of(kind: Kind, least: int = 0, most: int = 10_000_000) -> Kind:
    """Return a kind for a list whose values are all of one kind."""

    def checked(value: Any) -> None:
        if type(value) is not list or not least <= len(value) <= most:
            raise Misfit(value, f"a list of {least:,} to {most:,} values")
        for place, item in enumerate(value):
            check_inside(item, kind, place)

    return checked


def mapping_of(kind: Kind) -> Kind:
    """Return a kind for an object with any names, whose values are all of one kind."""

    def checked(value: Any) -> None:
        if type(value) is not dict:
            raise Misfit(value, "an object")
        name = text(1000)
        for key, item in value.items():
            name(key)
            check_inside(item, kind, key)

    return checked


def record(
    required: Mapping[str, Kind], optional: Mapping[str, Kind] = {}, *, others: Kind | None = None
) -> Kind:
    """Return a kind for an object with the given names.

    Args:
        required: names that must be present.
        optional: names that may be missing.
        others: kind of the values of other names; default: :func:`anything` of limited depth.
    """
    known = {**required, **optional}
    further = others or anything

    def checked(value: Any) -> None:
        if type(value) is not dict:
            raise Misfit(value, f"an object with {', '.join(required) or 'any names'}")
        for name in required:
            if name not in value:
                raise Misfit(_Missing(), "a value", (name,))
        for name, item in value.items():
            check_inside(item, known.get(name, further), name)

    return checked


def anything(value: Any) -> None:
    """Check for any JSON value with finite numbers, encodable text and limited nesting."""
    _any_value(value, _DEEPEST)


_any_text, _any_number = text(), number()


def _any_value(value: Any, levels: int) -> None:
    if isinstance(value, str):
        _any_text(value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        _any_number(value)
    elif isinstance(value, dict | list):
        if not levels:
            raise Misfit(value, f"at most {_DEEPEST} levels of nesting")
        entries = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in entries:
            if isinstance(key, str):
                _any_text(key)
            try:
                _any_value(item, levels - 1)
            except Misfit as misfit:
                raise misfit.inside(key) from None


class _Missing:
    """A placeholder for a missing value."""


def check_inside(item: Any, kind: Kind, key: str | int) -> None:
    try:
        kind(item)
    except Misfit as misfit:
        raise misfit.inside(key) from None


def _short(value: Any) -> str:
    """Return a short form of a value for messages."""
    if isinstance(value, dict | list):
        return f"{'an object' if isinstance(value, dict) else 'a list'} of {len(value)}"
    if isinstance(value, int) and abs(value) > _LARGEST_WHOLE:
        return "a number of too many digits"
    shown = json.dumps(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
