"""Line charts as SVG text, without a style sheet or a script.

Colours come from CSS variables (``--line-0`` and so on) with fallbacks, so one chart works on light and
dark pages. The palette is safe for colour-blind readers (Okabe & Ito 2008); dashes also distinguish lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape, quoteattr

from seqgan_kit.report.charts.plane import Line, Plane, Span, drawable, number, plane_of
from seqgan_kit.report.charts.readouts import readouts
from seqgan_kit.report.charts.scales import Point

PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8c6d00", "#56b4e9", "#e69f00")
_DASHES = ("", "7 3", "2 3", "9 3 2 3")
_LEFT, _RIGHT, _BELOW, _LEGEND_ROW, _ABOVE = 44, 14, 34, 16, 20


def chart(
    lines: Sequence[Line],
    *,
    title: str,
    phases: Sequence[Span] = (),
    references: Sequence[tuple[str, float]] = (),
    log: bool = False,
    y_range: tuple[float, float] | None = None,
    x_label: str = "round",
    width: int = 420,
    height: int = 250,
) -> str:
    """Draw ``lines`` as one ``<svg>`` element.

    Args:
        lines: curves.
        title: text for screen readers; it is not drawn.
        phases: shaded bands.
        references: named horizontal lines, such as the score of real data or of chance.
        log: whether the y axis is logarithmic; values of 0 and below become gaps.
        y_range: range that the y axis contains at least.
        x_label: label of the x axis.
        width: width in units of the drawing; a page scales the chart to the available width.
        height: height in units of the drawing.
    """
    lines = [drawable(line, log) for line in lines]
    references = [(name, level) for name, level in references if level > 0 or not log]
    names, rows = legend(lines, references, width)
    top = rows * _LEGEND_ROW + (_ABOVE if phases else 8)
    levels = [y for line in lines for _, y in line.points if y is not None]
    levels += [level for _, level in references] + list(y_range or ())
    levels += [] if log else [end for line in lines for end in _whisker_ends(line)]
    ends = [span.start for span in phases] + [span.end for span in phases]
    xs = [x for line in lines for x, _ in line.points] + ends
    plane = plane_of(xs, levels, log, (_LEFT, width - _RIGHT), (height - _BELOW, top))
    parts = [*_bands(phases, plane), *axes(plane, x_label), *names]
    parts += [_reference(index, level, plane) for index, (_, level) in enumerate(references)]
    parts += [part for line in lines for part in _curve(line, plane)]
    parts += readouts(lines, plane, x_label)
    return frame(parts, title, width, height)


def text(x: float, y: float, words: str, anchor: str = "start", kind: str = "ink-2") -> str:
    """Draw text at a place; ``kind`` is the CSS variable of its colour."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" '
        f'style="fill:var(--{kind},#555)">{escape(words)}</text>'
    )


def stroke(colour: int, width: float = 2.0, opacity: float = 1.0) -> str:
    """Return the style of a line with this colour of the palette."""
    dash = _DASHES[colour % len(_DASHES)] if opacity == 1 else ""
    dashed = f";stroke-dasharray:{dash}" if dash else ""
    place = colour % len(PALETTE)
    return (
        f"fill:none;stroke:var(--line-{place},{PALETTE[place]});stroke-width:{width};"
        f"stroke-opacity:{opacity}{dashed}"
    )


def fill(colour: int) -> str:
    """Return the style of an area or dot with this colour of the palette."""
    return f"fill:var(--line-{colour % len(PALETTE)},{PALETTE[colour % len(PALETTE)]})"


def frame(parts: Sequence[str], title: str, width: int, height: int) -> str:
    """Return the drawn parts as one ``<svg>`` element; ``title`` is the text for screen readers."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 {width} {height}" '
        f'role="img" aria-label={quoteattr(title)} font-size="11">\n'
        + "\n".join(parts)
        + "\n</svg>"
    )


def legend(
    lines: Sequence[Line], references: Sequence[tuple[str, float]], width: int
) -> tuple[list[str], int]:
    """Draw the legend, wrapped to rows; return it with the number of rows."""
    entries = [(line.name, stroke(line.colour)) for line in lines if line.name]
    entries += [(name, _reference_stroke(index)) for index, (name, _) in enumerate(references)]
    parts, at, row = [], float(_LEFT), 0
    for name, style in entries:
        needs = 28 + 6.2 * len(name)
        if at > _LEFT and at + needs > width:
            at, row = float(_LEFT), row + 1
        y = 11 + row * _LEGEND_ROW
        parts.append(f'<path d="M{at:.1f} {y - 4}h18" style="{style}"/>')
        parts.append(text(at + 22, y, name, kind="ink"))
        at += needs + 8
    return parts, row + 1 if entries else 0


def _bands(phases: Sequence[Span], plane: Plane) -> Iterator[str]:
    """Shade every second phase and write each phase's name above it where there is room."""
    top, bottom = plane.y.last_pixel, plane.y.first_pixel
    for index, span in enumerate(phases):
        left, right = plane.x(span.start), plane.x(span.end)
        shade = "var(--band,rgba(128,128,128,.13))" if index % 2 == 1 else "none"
        yield (
            f'<rect class="phase" x="{left:.1f}" y="{top:.1f}" width="{max(right - left, 0):.1f}" '
            f'height="{bottom - top:.1f}" style="fill:{shade}"><title>{escape(span.name)}</title></rect>'
        )
        room = int((right - left) / 5.8)
        name = span.name if len(span.name) <= room else span.name[: max(room - 1, 0)] + "…"
        if room >= 5:
            yield text((left + right) / 2, top - 5, name, "middle", "ink-3")


def axes(plane: Plane, x_label: str) -> Iterator[str]:
    """Draw the ticks of both axes, the horizontal grid, and the label of x."""
    left, right = plane.x.first_pixel, plane.x.last_pixel
    bottom = plane.y.first_pixel
    for mark in plane.y_marks:
        y = plane.y(mark)
        style = "stroke:var(--grid,#ddd);stroke-width:1"
        yield f'<path d="M{left:.1f} {y:.1f}H{right:.1f}" style="{style}"/>'
        yield text(left - 6, y + 3.5, number(mark), "end")
    for mark in plane.x_marks:
        x = plane.x(mark)
        style = "stroke:var(--ink-3,#888)"
        yield f'<path d="M{x:.1f} {bottom:.1f}v4" style="{style}"/>'
        yield text(x, bottom + 15, number(mark), "middle")
    yield text((left + right) / 2, bottom + 29, x_label, "middle", "ink-3")


def _reference_stroke(index: int) -> str:
    dash = ("5 4", "1 4", "8 3 1 3")[index % 3]
    return f"fill:none;stroke:var(--ink-2,#555);stroke-width:1.5;stroke-dasharray:{dash}"


def _reference(index: int, level: float, plane: Plane) -> str:
    left, right, y = plane.x.first_pixel, plane.x.last_pixel, plane.y(level)
    style = _reference_stroke(index)
    return f'<path class="reference" d="M{left:.1f} {y:.1f}H{right:.1f}" style="{style}"/>'


def _curve(line: Line, plane: Plane) -> Iterator[str]:
    """Draw unbroken segments as paths, isolated points as dots, then marks and whiskers."""
    style = stroke(line.colour, 1.0, 0.35) if line.faint else stroke(line.colour)
    errors = line.errors or [None] * len(line.points)
    dots = []
    for stretch in _stretches(line.points):
        at = [(plane.x(x), plane.y(y)) for x, y in stretch]
        if len(at) > 1:
            joined = "L".join(f"{x:.1f} {y:.1f}" for x, y in at)
            yield f'<path class="curve" d="M{joined}" style="{style}"/>'
        dots += at if line.marked or len(at) == 1 else []
    for (x, y), error in zip(line.points, errors, strict=False):
        if y is not None and error and not plane.y.log:
            top, bottom = plane.y(y + error), plane.y(y - error)
            whisker = f"M{plane.x(x):.1f} {top:.1f}V{bottom:.1f}"
            yield f'<path class="whisker" d="{whisker}" style="{stroke(line.colour, 1.2, 0.7)}"/>'
    for x, y in dots:
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" style="{fill(line.colour)}"/>'


def _whisker_ends(line: Line) -> Iterator[float]:
    for (_, y), error in zip(line.points, line.errors, strict=False):
        if y is not None and error:
            yield from (y - error, y + error)


def _stretches(points: Sequence[Point]) -> Iterator[list[tuple[float, float]]]:
    stretch: list[tuple[float, float]] = []
    for x, y in points:
        if y is not None:
            stretch.append((x, y))
        elif stretch:
            yield stretch
            stretch = []
    if stretch:
        yield stretch
