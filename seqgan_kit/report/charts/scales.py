"""Scales from values to pixels, round ticks, and thinning of curves to screen resolution."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

Point = tuple[float, float | None]
"""(x, y); a y of None is a gap."""


@dataclass(frozen=True)
class Scale:
    """A map from values low..high to pixels first..last, linear or logarithmic."""

    low: float
    high: float
    first_pixel: float
    last_pixel: float
    log: bool = False

    def __call__(self, value: float) -> float:
        low, high, at = self.low, self.high, value
        if self.log:
            low, high, at = math.log10(low), math.log10(high), math.log10(value)
        share = (at - low) / (high - low)
        return self.first_pixel + share * (self.last_pixel - self.first_pixel)


def ticks(low: float, high: float, count: int = 6, whole: bool = False) -> list[float]:
    """Return about ``count`` multiples of 1, 2 or 5 times a power of ten that enclose [low, high]."""
    if high - low <= 1e-9 * max(abs(low), abs(high)):  # Equal except for rounding.
        room = abs(low) / 2 or 0.5
        low, high = low - room, low + room
    raw = (high - low) / max(count - 1, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= raw * 0.999)
    step = max(step, 1.0) if whole else step
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [float(f"{k * step:.12g}") for k in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Return powers of ten that enclose [low, high]; if they are few, 2 and 5 times them as well, of which
    only the nearest enclose it.
    """
    first, last = math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9)
    last = max(last, first + 1)
    if last - first > 6:
        stride = math.ceil((last - first) / 6)
        return [10.0**k for k in range(first, last + stride, stride)]
    between = (1, 2, 5) if last - first <= 2 else (1,)
    marks = [m * 10.0**k for k in range(first, last) for m in between] + [10.0**last]
    marks = [float(f"{mark:.12g}") for mark in marks]
    start = max(i for i, mark in enumerate(marks) if mark <= low * (1 + 1e-9) or i == 0)
    end = min(i for i, mark in enumerate(marks) if mark >= high * (1 - 1e-9))
    return marks[start : max(end, start + 1) + 1]


def thin(points: Sequence[Point], buckets: int = 250) -> list[Point]:
    """Keep at most four points per bucket (first, lowest, highest, last), so that every spike stays."""
    if len(points) <= 4 * buckets:
        return list(points)
    size = len(points) / buckets
    kept: list[Point] = []
    for k in range(buckets):
        part = points[round(k * size) : round((k + 1) * size)]
        heights = [(y, i) for i, (_, y) in enumerate(part) if y is not None]
        chosen = {0, len(part) - 1} | ({min(heights)[1], max(heights)[1]} if heights else set())
        kept.extend(part[i] for i in sorted(chosen))
    return kept


def running_mean(points: Sequence[Point], window: int) -> list[Point]:
    """Return the mean of the last ``window`` values at each point; gaps stay gaps."""
    smooth: list[Point] = []
    recent: deque[float] = deque()
    total = 0.0
    for x, y in points:
        if y is not None:
            recent.append(y)
            total += y - (recent.popleft() if len(recent) > window else 0.0)
        smooth.append((x, None if y is None else total / len(recent)))
    return smooth
