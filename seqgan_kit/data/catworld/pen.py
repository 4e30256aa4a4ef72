"""Shapes in a turned, scaled and shifted frame, put on a PIL image.

Turning the points rather than the finished picture keeps every edge sharp at every tilt.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageDraw

from seqgan_kit.data.catworld.palette import RGB

Point = tuple[float, float]
Ink = RGB | int

_ANGLES = np.linspace(0.0, 2.0 * np.pi, 48, endpoint=False)
CIRCLE = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1)
"""Points of the unit circle `[48,2]`; y grows downwards, as in pictures."""

_STEPS = np.linspace(0.0, 1.0, 11)
# A quadratic Bezier curve and its derivative as matrices on the three control points.
_BEZIER = np.stack([(1 - _STEPS) ** 2, 2 * _STEPS * (1 - _STEPS), _STEPS**2], axis=1)
_BEZIER_SLOPE = np.stack([2 * _STEPS - 2, 2 - 4 * _STEPS, 2 * _STEPS], axis=1)
_EVEN = np.ones((len(_STEPS), 1))
_TAPERED = np.sqrt(np.clip(1 - _STEPS, 0, 1))[:, None]
_LEAF = np.sqrt(np.sin(np.pi * np.clip(_STEPS, 0.03, 0.97)))[:, None]
_PROFILES = {"even": _EVEN, "tapered": _TAPERED, "leaf": _LEAF}


@dataclass(frozen=True)
class Pen:
    """Draws shapes given in a local frame whose unit is `scale` pixels."""

    draw: ImageDraw.ImageDraw
    centre: Point
    scale: float
    turn: float = 0.0
    """Radians clockwise as seen."""
    thinnest: float = 0.0
    """Strokes are at least this many canvas pixels wide, so that whiskers survive the reduction."""

    def on(self, image: Image.Image) -> Pen:
        """The same frame on another image."""
        return replace(self, draw=ImageDraw.Draw(image))

    def polygon(self, points: np.ndarray | list[Point], ink: Ink) -> None:
        """Fills a closed shape, `[N,2]` points."""
        self.draw.polygon(self._placed(np.asarray(points)), fill=ink)

    def border(self, points: np.ndarray, width: float, ink: Ink) -> None:
        """Strokes a closed line of `width` units around `[N,2]` points."""
        closed = np.concatenate([points, points[:2]])
        pixels = max(1, round(max(width * self.scale, self.thinnest)))
        self.draw.line(self._placed(closed), fill=ink, width=pixels)

    def box(self, left: float, top: float, right: float, bottom: float, ink: Ink) -> None:
        """Fills a rectangle."""
        self.polygon([(left, top), (right, top), (right, bottom), (left, bottom)], ink)

    def ellipse(self, centre: Point, radii: Point, ink: Ink, turn: float = 0.0) -> None:
        """Fills an ellipse, itself turned by `turn` radians."""
        self.polygon(ellipse_points(centre, radii, turn), ink)

    def dot(self, centre: Point, radius: float, ink: Ink) -> None:
        """Fills a circle."""
        self.polygon(CIRCLE * radius + np.asarray(centre), ink)

    def curve(
        self, start: Point, bend: Point, end: Point, width: float, ink: Ink, profile: str = "even"
    ) -> None:
        """Strokes a quadratic Bezier curve.

        Args:
            start: first point.
            bend: control point.
            end: last point.
            width: of the stroke, where it is widest, in units of the frame.
            ink: colour.
            profile: "even", "tapered" (thin at the end) or "leaf" (thin at both ends).
        """
        control = np.array([start, bend, end])
        slope = _BEZIER_SLOPE @ control
        length = np.sqrt((slope * slope).sum(axis=1, keepdims=True)) + 1e-9
        half = max(width, self.thinnest / self.scale) / 2 * _PROFILES[profile] / length
        aside = np.stack([-slope[:, 1], slope[:, 0]], axis=1) * half
        line = _BEZIER @ control
        self.polygon(np.concatenate([line + aside, (line - aside)[::-1]]), ink)

    def _placed(self, points: np.ndarray) -> list[float]:
        cos, sin = np.cos(self.turn) * self.scale, np.sin(self.turn) * self.scale
        frame = np.array([[cos, sin], [-sin, cos]])
        flat: list[float] = (points @ frame + np.asarray(self.centre)).ravel().tolist()
        return flat


def ellipse_points(centre: Point, radii: Point, turn: float = 0.0) -> np.ndarray:
    """The border of an ellipse, `[48,2]`."""
    points = CIRCLE * np.asarray(radii)
    if turn:
        cos, sin = np.cos(turn), np.sin(turn)
        points = points @ np.array([[cos, sin], [-sin, cos]])
    shifted: np.ndarray = points + np.asarray(centre)
    return shifted


def mirrored(points: np.ndarray, side: int) -> np.ndarray:
    """The points as they are on the right (`side` = 1) or reflected to the left (-1)."""
    return points * np.array([side, 1.0])
