"""Draw shapes on a PIL image, in a rotated, scaled and translated frame.

Points are complex numbers x + iy with y growing downwards, as in images. Rotating, scaling
and translating a shape is then one product and one sum. Rotating the points rather than the finished
image keeps edges sharp at every tilt.
"""

from __future__ import annotations

import cmath
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from seqgan_kit.data.catworld.drawing.palette import RGB

Point = tuple[float, float]
Shape = NDArray[np.complex128]
Ink = RGB | int

CIRCLE: Shape = np.exp(2j * np.pi * np.arange(64) / 64)
"""The unit circle, `[64]` points."""

# Up to these radii in canvas pixels, every n-th point of CIRCLE looks round.
_COARSE_CIRCLES = ((5.0, CIRCLE[::4].copy()), (24.0, CIRCLE[::2].copy()))

_STEPS = np.linspace(0.0, 1.0, 11)
# Matrices on the three control points of a quadratic Bezier curve: _LINE gives the points of the curve, and
# _ASIDE the direction of its normal, towards the two edges of the stroke.
_LINE = np.stack([(1 - _STEPS) ** 2, 2 * _STEPS * (1 - _STEPS), _STEPS**2], axis=1) + 0j
_ASIDE = 1j * np.stack([_STEPS - 1, 1 - 2 * _STEPS, _STEPS], axis=1)
_HALF_WIDTHS = {"even": np.full(11, 0.5), "tapered": 0.5 * np.sqrt(1 - _STEPS)}


@dataclass(frozen=True)
class Pen:
    """Draws shapes given in a local frame whose unit is `scale` pixels."""

    draw: ImageDraw.ImageDraw
    centre: complex
    scale: float
    turn: float = 0.0
    """Rotation of the frame in radians, clockwise on screen."""
    thinnest: float = 0.0
    """Strokes are at least this many canvas pixels wide, so that whiskers survive the reduction."""

    def on(self, image: Image.Image) -> Pen:
        """Return the same frame on another image."""
        return replace(self, draw=ImageDraw.Draw(image))

    def fill(self, shape: Shape, ink: Ink) -> None:
        """Fill a closed shape, complex `[N]`."""
        self._fill_pixels(shape * cmath.rect(self.scale, self.turn) + self.centre, ink)

    def polygon(self, corners: Sequence[Point], ink: Ink) -> None:
        """Fill the closed shape with the given corners."""
        self.fill(shape_of(corners), ink)

    def box(self, left: float, top: float, right: float, bottom: float, ink: Ink) -> None:
        """Fill an upright rectangle."""
        x, y = self.centre.real, self.centre.imag
        corners = [(x + left * self.scale, y + top * self.scale)]
        corners += [(x + right * self.scale - 1, y + bottom * self.scale - 1)]
        if corners[1][0] >= corners[0][0] and corners[1][1] >= corners[0][1]:
            self.draw.rectangle(corners, fill=ink)

    def ellipse(self, centre: Point, radii: Point, ink: Ink, lean: float = 0.0) -> None:
        """Fill an ellipse rotated by `lean` radians."""
        self.fill(ellipse(centre, radii, lean), ink)

    def dot(self, centre: Point, radius: float, ink: Ink) -> None:
        """Fill a circle."""
        pixels = radius * self.scale
        circle = next((points for limit, points in _COARSE_CIRCLES if pixels < limit), CIRCLE)
        middle = complex(*centre) * cmath.rect(self.scale, self.turn) + self.centre
        self._fill_pixels(circle * pixels + middle, ink)

    def curve(
        self, start: Point, bend: Point, end: Point, width: float, ink: Ink, profile: str = "even"
    ) -> None:
        """Stroke a quadratic Bezier curve.

        Args:
            start: first point.
            bend: control point.
            end: last point.
            width: maximum width of the stroke, in units of the frame.
            ink: colour.
            profile: "even", or "tapered" to a point at the end.
        """
        control = np.array([complex(*start), complex(*bend), complex(*end)])
        control = control * cmath.rect(self.scale, self.turn) + self.centre
        line, aside = _LINE @ control, _ASIDE @ control
        pixels = max(width * self.scale, self.thinnest)
        aside *= pixels * _HALF_WIDTHS[profile] / (np.abs(aside) + 1e-9)
        self._fill_pixels(np.concatenate([line + aside, (line - aside)[::-1]]), ink)

    def _fill_pixels(self, shape: Shape, ink: Ink) -> None:
        self.draw.polygon(shape.view(np.float64).tolist(), fill=ink)


def picture_pen(canvas: Image.Image, factor: int) -> Pen:
    """Return the pen whose frame has the whole canvas as unit square.

    Args:
        canvas: the image to draw on.
        factor: size of the canvas relative to the final image.
    """
    return Pen(ImageDraw.Draw(canvas), 0j, canvas.width, thinnest=0.5 * factor)


def shape_of(corners: Sequence[Point]) -> Shape:
    """Return the corners as complex points `[N]`."""
    return np.array(corners, dtype=np.float64).view(np.complex128).ravel()


def ellipse(centre: Point, radii: Point, lean: float = 0.0) -> Shape:
    """Return the border of an ellipse, `[64]`."""
    points: Shape = CIRCLE.real * radii[0] + 1j * radii[1] * CIRCLE.imag
    return points * cmath.rect(1.0, lean) + complex(*centre)


def mirrored(shape: Shape, side: int) -> Shape:
    """Return the shape as it is on the right (`side` = 1) or reflected to the left (-1)."""
    return shape if side > 0 else -shape.conj()


def rounded(shape: Shape, times: int = 2) -> Shape:
    """Return the shape with its corners cut (Chaikin 1974), `[N]` to `[N * 2**times]`."""
    for _ in range(times):
        after = np.roll(shape, -1)
        shape = np.stack([0.75 * shape + 0.25 * after, 0.25 * shape + 0.75 * after], 1).ravel()
    return shape


def stretched(shape: Shape, height: float) -> Shape:
    """Return the shape scaled vertically about y = 0."""
    return shape.real + 1j * height * shape.imag


def grown(shape: Shape, by: float) -> Shape:
    """Return the shape with its border moved outwards by `by`, for outlines; `[N]` to `[N]`."""
    along = np.roll(shape, -1) - np.roll(shape, 1)
    outwards = -1j * along / (np.abs(along) + 1e-9)
    area_twice = (shape.conj() * np.roll(shape, -1)).imag.sum()
    return shape + outwards * (by if area_twice > 0 else -by)
