"""Runs that end in minutes on any data: a preset's lengths, shortened where the data are larger than its own.

A preset counts in epochs and rounds of the data it was made for. On data that take ``ratio`` times the work,
a length of ``n`` becomes ``n * most_work / ratio``. Lengths that the user gave are left alone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Protocol, TypeVar


class Bounded(Protocol):
    """Settings with lengths that may be bounded."""

    @property
    def most_work(self) -> float:
        """How many times the work on the preset's own data is allowed; 0 for any."""


S = TypeVar("S", bound=Bounded)


def fitted(settings: S, preset: Any, ratios: Mapping[str, float]) -> tuple[S, dict[str, Any]]:
    """Return the settings with shorter lengths, and the lengths that changed.

    Args:
        settings: what the run was given.
        preset: what its preset sets; a length that differs from it is the user's own.
        ratios: for each length by name, the work that one of it takes, as a multiple of the same on the
            preset's own data.
    """
    changes: dict[str, Any] = {}
    fields = dataclasses.fields(settings)  # type: ignore[arg-type]
    whole = {field.name for field in fields if field.type in ("int", int)}
    for name, ratio in ratios.items():
        length = getattr(settings, name)
        own = getattr(preset, name, length) != length
        if not settings.most_work or own or ratio <= settings.most_work:
            continue
        shorter = length * settings.most_work / ratio
        changes[name] = _whole(shorter, length) if name in whole else _round(shorter)
    if not changes:
        return settings, {}
    return dataclasses.replace(settings, **changes), changes  # type: ignore[type-var]


def told(
    settings: Any, changes: Mapping[str, Any], unit: Mapping[str, str], data: str, ratio: float
) -> str:
    """One line: what the preset would have taken, what is done instead, and how to change it."""
    before = ", ".join(f"{getattr(settings, name):g} {unit[name]}" for name in changes)
    after = ", ".join(f"{value:g} {unit[name]}" for name, value in changes.items())
    flags = ", ".join(f"--{name.replace('_', '-')}" for name in changes)
    return (
        f"{before} on {data} would be {ratio:.0f} times the work of the bundled data: training {after}. "
        f"Set {flags} to change, or --most-work 0 to train them all."
    )


def _whole(shorter: float, length: int) -> int:
    """At least one where there was one, and five where there were five."""
    return max(min(length, 5), round(shorter))


def _round(shorter: float) -> float:
    return float(f"{shorter:.0f}") if shorter >= 3 else float(f"{shorter:.2g}")
