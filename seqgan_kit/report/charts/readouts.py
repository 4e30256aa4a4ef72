"""Tooltips without a script: strips of a chart that show their values on hover.

The page's style sheet makes them visible (``.readout:hover g``); an SVG by itself keeps them hidden.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from xml.sax.saxutils import escape

from seqgan_kit.report.charts.plane import Line, Plane, number
from seqgan_kit.report.charts.scales import Point

_READOUTS = 40
"""Maximum number of strips per chart."""


def readouts(lines: Sequence[Line], plane: Plane, x_label: str) -> Iterator[str]:
    """Return invisible strips that show their values while the pointer is over them."""
    told_of = [line for line in lines if line.points and not line.faint]
    xs = sorted({x for line in told_of for x, _ in line.points})
    if not xs:
        return
    places = sorted({xs[round(k * (len(xs) - 1) / _READOUTS)] for k in range(_READOUTS + 1)})
    edges = [plane.x.first_pixel, *_middles([plane.x(x) for x in places]), plane.x.last_pixel]
    top, height = plane.y.last_pixel, plane.y.first_pixel - plane.y.last_pixel
    for k, place in enumerate(places):
        told = [f"{line.name} {_at(line.points, place)}".strip() for line in told_of]
        box = _box([f"{x_label} {number(place)}", *told], plane.x(place), plane)
        yield (
            f'<g class="readout"><rect x="{edges[k]:.1f}" y="{top:.1f}" '
            f'width="{edges[k + 1] - edges[k]:.1f}" height="{height:.1f}" style="fill:transparent"/>'
            f'<g visibility="hidden"><path d="M{plane.x(place):.1f} {top:.1f}v{height:.1f}"/>'
            f"{box}</g></g>"
        )


def _middles(at: Sequence[float]) -> list[float]:
    return [(left + right) / 2 for left, right in pairwise(at)]


def _box(texts: Sequence[str], at: float, plane: Plane) -> str:
    """Draw the texts in a box beside the place, on the side with more room."""
    width, top = 6.2 * max(map(len, texts)) + 10, plane.y.last_pixel + 2
    on_the_right = at < (plane.x.first_pixel + plane.x.last_pixel) / 2
    left = at + 5 if on_the_right else at - 5 - width
    lines = "".join(
        f'<text x="{left + 6:.1f}" y="{top + 13 + 13 * i:.1f}">{escape(text)}</text>'
        for i, text in enumerate(texts)
    )
    return (
        f'<rect class="box" x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" '
        f'height="{13 * len(texts) + 7}" rx="4"/>{lines}'
    )


def _at(points: Sequence[Point], place: float) -> str:
    """Return the value at ``place``, or the last value before it."""
    before = points[: bisect_right(points, place, key=lambda point: point[0])]
    value = before[-1][1] if before else None
    return "-" if value is None else number(float(f"{value:.4g}"))
