"""Shorten a preset's lengths on large data, so that runs end in minutes on any data.

A preset's epochs and rounds are chosen for the bundled data. On data that take ``ratio`` times the work, a
length of ``n`` becomes ``n * most_work / ratio``. Lengths given by the user are kept.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Protocol, TypeVar


class Bounded(Protocol):
    """Settings with lengths that can be shortened."""

    @property
    def most_work(self) -> float:
        """Largest work allowed, as a multiple of the work on the preset's own data; 0: unlimited."""


S = TypeVar("S", bound=Bounded)


def fitted(settings: S, preset: Any, ratios: Mapping[str, float]) -> tuple[S, dict[str, Any]]:
    """Return the settings with shorter lengths, and the lengths that changed.

    Args:
        settings: the settings of the run.
        preset: the settings of its preset; a length that differs was given by the user.
        ratios: for each length by name, the work of one unit (one epoch, say) as a multiple of that on the
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
    """Return one line about the shortened lengths: before, after, and how to change them."""
    before = ", ".join(f"{getattr(settings, name):g} {unit[name]}" for name in changes)
    after = ", ".join(f"{value:g} {unit[name]}" for name, value in changes.items())
    flags = ", ".join(f"--{name.replace('_', '-')}" for name in changes)
    return (
        f"{before} on {data} would be {ratio:.0f} times the work of the bundled data: training {after}. "
        f"Set {flags} to change this, or --most-work 0 to keep the preset's lengths."
    )


def _whole(shorter: float, length: int) -> int:
    """Round a length, but keep at least 5, or the original length if that was below 5."""
    return max(min(length, 5), round(shorter))


def _round(shorter: float) -> float:
    return float(f"{shorter:.0f}") if shorter >= 3 else float(f"{shorter:.2g}")
