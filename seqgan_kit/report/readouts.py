"""Numbers under the pointer, without a script: strips of a chart that show their values on hover.

The page's style sheet makes them visible (``.readout:hover g``); an SVG by itself keeps them hidden.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

from seqgan_kit.report.plane import Line, Plane, number
from seqgan_kit.report.scales import Point

_READOUTS = 40
"""How many places of a chart answer to the pointer, at most."""


def readouts(lines: Sequence[Line], plane: Plane, x_label: str) -> Iterator[str]:
    """Invisible strips that show the numbers at their place while the pointer is over them."""
    told_of = [line for line in lines if line.points and not line.faint]
    xs = sorted({x for line in told_of for x, _ in line.points})
    if not xs:
        return
    places = sorted({xs[round(k * (len(xs) - 1) / _READOUTS)] for k in range(_READOUTS + 1)})
    edges = [plane.x(x) for x in places]
    top, bottom = plane.y.last_pixel, plane.y.first_pixel
    for k, place in enumerate(places):
        left = (edges[k - 1] + edges[k]) / 2 if k else plane.x.first_pixel
        right = (edges[k] + edges[k + 1]) / 2 if k + 1 < len(edges) else plane.x.last_pixel
        at = f"{x_label} {number(place)}"
        told = [f"{line.name} {_at(line.points, place)}".strip() for line in told_of]
        anchor, x = (
            ("end", edges[k] - 5) if edges[k] > plane.x.last_pixel / 2 else ("start", edges[k] + 5)
        )
        texts = "".join(
            f'<text x="{x:.1f}" y="{top + 12 + 13 * i:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
            for i, text in enumerate([at, *told])
        )
        yield (
            f'<g class="readout"><rect x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" '
            f'height="{bottom - top:.1f}" style="fill:transparent"/><g visibility="hidden">'
            f'<path d="M{edges[k]:.1f} {top:.1f}V{bottom:.1f}"/>{texts}</g></g>'
        )


def _at(points: Sequence[Point], place: float) -> str:
    """The value at ``place``, or the last one before it."""
    before = points[: bisect_right(points, place, key=lambda point: point[0])]
    value = before[-1][1] if before else None
    return "-" if value is None else number(float(f"{value:.4g}"))
