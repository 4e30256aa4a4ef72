"""Chart of quality against diversity: a curve over temperatures for each arm, MLE's region shaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

from seqgan_kit.metrics.statistics.frontier import FrontierPoint, pareto_front
from seqgan_kit.report.charts.label_places import Box, dot, place_labels
from seqgan_kit.report.charts.plane import Line, Plane, number, plane_of
from seqgan_kit.report.charts.svg import axes, fill, frame, legend, stroke, text
from seqgan_kit.report.comparison.arm_runs import sweep_order

_LEFT, _RIGHT, _BELOW, _TOP, _LEGEND_ROW = 48, 24, 36, 22, 16

Point = Mapping[str, Any]


def frontier_chart(
    record: Mapping[str, Any],
    colours: Mapping[str, int],
    names: Mapping[str, str],
    width: int = 600,
    height: int = 420,
) -> str:
    """Draw the frontier of a comparison as one ``<svg>`` element.

    Args:
        record: the ``frontier`` entry of compare.json.
        colours: index of each arm's colour in the palette.
        names: display name of each arm; an arm without a name is not drawn.
        width: width in units of the drawing.
        height: height in units of the drawing.
    """
    points = [point for point in record["points"] if point["arm"] in names]
    arms = [arm for arm in names if any(point["arm"] == arm for point in points)]
    entries = [Line(names[arm], (), colours[arm]) for arm in arms]
    shown, rows = legend(entries, (), width)
    top = rows * _LEGEND_ROW + _TOP
    xs = [x for point in points for x in _ends(point, "quality")]
    ys = [y for point in points for y in _ends(point, "diversity")]
    corners = (_LEFT, width - _RIGHT), (height - _BELOW, top)
    plane = plane_of(xs, ys, False, *corners, rounds=False)
    base = [point for point in points if point["role"] == "baseline"]
    quality, diversity = record["quality"]["label"], record["diversity"]["label"]
    parts = [*_attained(base, plane), *axes(plane, f"{quality} → worse"), *shown]
    parts.append(text(_LEFT, top - 8, f"↑ worse: {diversity}", kind="ink-3"))
    for arm in arms:
        own = [point for point in points if point["arm"] == arm]
        parts += _curves(own, colours[arm], plane)
        parts += _dots(own, colours[arm], names[arm], plane)
    bounds = Box(_LEFT, top, width - 2, height - _BELOW)
    parts += _labels(points, arms, names, plane, bounds)
    title = f"{diversity} against {quality}, a curve over temperatures for each arm"
    return frame(parts, title, width, height)


def _ends(point: Point, axis: str) -> tuple[float, float]:
    """Return the two ends of a whisker."""
    reach = point[f"{axis}_reach"] or 0.0
    return point[axis] - reach, point[axis] + reach


def _attained(base: Sequence[Point], plane: Plane) -> Iterator[str]:
    """Shade the region that the baseline reaches at some temperature."""
    front = pareto_front([FrontierPoint("", p["quality"], p["diversity"]) for p in base])
    if not front:
        return
    corners = [(plane.x(p.quality), plane.y(p.diversity)) for p in front]
    top, right = plane.y.last_pixel, plane.x.last_pixel
    path = [(corners[0][0], top), *corners, (right, corners[-1][1]), (right, top)]
    joined = "L".join(f"{x:.1f} {y:.1f}" for x, y in path)
    yield f'<path class="attained" d="M{joined}Z" style="fill:var(--band,rgba(128,128,128,.13))"/>'


def _curves(points: Sequence[Point], colour: int, plane: Plane) -> Iterator[str]:
    """Draw a curve over temperatures, over top-k and over top-p; the last two end at temperature 1."""
    for kind in sorted({sweep_order(p["at"])[0] for p in points}):
        own = [p for p in points if sweep_order(p["at"])[0] == kind]
        own.sort(key=lambda p: sweep_order(p["at"]))
        own += [p for p in points if kind and not p["at"]]
        joined = "L".join(f"{plane.x(p['quality']):.1f} {plane.y(p['diversity']):.1f}" for p in own)
        yield f'<path class="curve" d="M{joined}" style="{stroke(colour, 1.5)}"/>'


def _dots(points: Sequence[Point], colour: int, name: str, plane: Plane) -> Iterator[str]:
    """Draw whiskers and a dot with a tooltip for each sampling setting; temperature 1 has the largest dot."""
    for point in points:
        x, y = plane.x(point["quality"]), plane.y(point["diversity"])
        left, right = (plane.x(end) for end in _ends(point, "quality"))
        low, high = (plane.y(end) for end in _ends(point, "diversity"))
        whiskers = f"M{left:.1f} {y:.1f}H{right:.1f}M{x:.1f} {low:.1f}V{high:.1f}"
        yield f'<path class="whisker" d="{whiskers}" style="{stroke(colour, 1.2, 0.6)}"/>'
        plain = not point["at"]
        yield (
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{5.5 if plain else 3}" style="{fill(colour)}">'
            f"<title>{escape(_told(point, name))}</title></circle>"
        )


def _labels(
    points: Sequence[Point],
    arms: Sequence[str],
    names: Mapping[str, str],
    plane: Plane,
    bounds: Box,
) -> Iterator[str]:
    """Label the arms at their largest dots, then the sampling settings, where there is room.

    The legend still has the names without room, and every dot has a tooltip.
    """
    shown = [p for arm in arms for p in points if p["arm"] == arm]
    shown.sort(key=lambda p: bool(p["at"]))
    at = [(plane.x(p["quality"]), plane.y(p["diversity"])) for p in shown]
    words = [p["at"] or names[p["arm"]] for p in shown]
    dots = [dot(x, y, 3 if p["at"] else 5.5) for p, (x, y) in zip(shown, at, strict=True)]
    labels = [(word, x, y) for word, (x, y) in zip(words, at, strict=True)]
    boxes = place_labels(labels, dots, bounds, far=sum(not p["at"] for p in shown))
    for point, word, box in zip(shown, words, boxes, strict=True):
        if box is not None:
            middle = (box.left + box.right) / 2
            kind = "ink-3" if point["at"] else "ink"
            yield text(middle, box.bottom - 3, word, "middle", kind)


def _told(point: Point, name: str) -> str:
    place = ", ".join(number(float(f"{point[axis]:.4g}")) for axis in ("quality", "diversity"))
    at = point["at"] or "1"
    way = at if at.startswith("top") else f"temperature {at}"
    return f"{name} at {way}: {place}"
