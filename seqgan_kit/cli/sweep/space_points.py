"""Points of a space of settings: a grid, or random draws."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence

from seqgan_kit.cli.tune.space import Setting, Value

Point = dict[str, Value]
_DIGITS = 4
_TRIES = 100
"""Draws in a row that may repeat earlier ones before a space counts as exhausted."""


def grid(space: Sequence[Setting], points: int) -> list[Point]:
    """Return all combinations; a range gives ``points`` values at equal distances, both ends included."""
    axes = [_axis(setting, points) for setting in space]
    names = [setting.name for setting in space]
    return [dict(zip(names, values, strict=True)) for values in itertools.product(*axes)]


def drawn(space: Sequence[Setting], samples: int, seed: int) -> list[Point]:
    """Return different random points; fewer than asked for if the space has no more.

    More samples from the same seed begin with the same points.
    """
    rng, found = random.Random(seed), list[Point]()
    repeated = 0
    while len(found) < samples and repeated < _TRIES:
        point = {setting.name: _draw(setting, rng) for setting in space}
        if point in found:
            repeated += 1
        else:
            repeated = 0
            found.append(point)
    return found


def _axis(setting: Setting, points: int) -> list[Value]:
    if setting.choices:
        return list(setting.choices)
    steps = [i / (points - 1) for i in range(points)] if points > 1 else [0.5]
    return list(dict.fromkeys(_at(setting, step) for step in steps))


def _draw(setting: Setting, rng: random.Random) -> Value:
    return rng.choice(setting.choices) if setting.choices else _at(setting, rng.random())


def _at(setting: Setting, share: float) -> int | float:
    """Return the value at a share of the way through a range, with few digits so that it can be typed."""
    low, high = setting.low, setting.high
    value = low * (high / low) ** share if setting.log else low + share * (high - low)
    if setting.whole:
        return round(value)
    short = float(f"{value:.{_DIGITS}g}")
    return short if low <= short <= high and math.isfinite(short) else value
