"""Lines and phases of a chart, and the scales that contain them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from seqgan_kit.report.charts.scales import Point, Scale, log_ticks, thin, ticks

MUCH = 8.0
"""Ratio of the largest to the smallest value above which a linear axis would crowd the small ones."""


@dataclass(frozen=True)
class Line:
    """A curve."""

    name: str
    """Name in the legend; a line without a name is not listed."""
    points: Sequence[Point]
    """(x, y) in order of x; a y of None breaks the line."""
    colour: int = 0
    """Index of its colour in the palette."""
    marked: bool = False
    """Whether each point has a dot, as for evaluations."""
    faint: bool = False
    """Whether the line is thin and pale, as for raw values behind a running mean."""
    errors: Sequence[float | None] = ()
    """Half-lengths of whiskers, one per point."""


@dataclass(frozen=True)
class Span:
    """A phase, shaded from ``start`` to ``end`` on the x axis."""

    name: str
    start: float
    end: float


@dataclass(frozen=True)
class Plane:
    """The scales of a chart and its ticks."""

    x: Scale
    y: Scale
    x_marks: Sequence[float]
    y_marks: Sequence[float]


def plane_of(
    xs: Sequence[float],
    ys: Sequence[float],
    log: bool,
    x_pixels: tuple[float, float],
    y_pixels: tuple[float, float],
    rounds: bool = True,
) -> Plane:
    """Return scales for all values; y ends on ticks, x ends at the last round.

    Without rounds both end on ticks, and an axis is logarithmic if its values differ much.
    """
    if not rounds:
        (x, x_marks), (y, y_marks) = _axis(xs, x_pixels), _axis(ys, y_pixels)
        return Plane(x, y, x_marks, y_marks)
    left, right = (min(xs), max(xs)) if xs else (0.0, 1.0)
    right = right if right > left else left + 1.0
    x_marks = [mark for mark in ticks(left, right, whole=True) if left <= mark <= right]
    low, high = (min(ys), max(ys)) if ys else (0.1, 1.0)
    y_marks = log_ticks(low, high) if log else ticks(low, high)
    y = Scale(y_marks[0], y_marks[-1], *y_pixels, log=log)
    return Plane(Scale(left, right, *x_pixels), y, x_marks, y_marks)


def _axis(values: Sequence[float], pixels: tuple[float, float]) -> tuple[Scale, list[float]]:
    low, high = min(values), max(values)
    log = low > 0 and high > MUCH * low
    marks = log_ticks(low, high) if log else ticks(low, high)
    return Scale(marks[0], marks[-1], *pixels, log=log), marks


def drawable(line: Line, log: bool) -> Line:
    """Return the line without values that a log axis cannot show, thinned unless each point is marked."""
    if log:
        positive = [(x, y if y is not None and y > 0 else None) for x, y in line.points]
        line = replace(line, points=positive)
    return line if line.marked else replace(line, points=thin(line.points))


def number(value: float) -> str:
    """Format a tick or value briefly: 0.25, 12, 3.1e-5, 250k."""
    if value == 0:
        return "0"
    if abs(value) >= 10_000:
        return f"{value / 1e6:g}M" if abs(value) >= 1e6 else f"{value / 1e3:g}k"
    return f"{value:.4g}" if abs(value) >= 1e-3 else f"{value:.1e}".replace("e-0", "e-")
