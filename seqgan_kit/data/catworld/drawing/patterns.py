"""Draw the patterns of a coat on head and body, in a frame whose unit is half the head's width."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from seqgan_kit.data.catworld.drawing.palette import Fur
from seqgan_kit.data.catworld.drawing.pen import Pen, Point, rounded, shape_of

_SIDES = (-1, 1)


def draw_head_pattern(pen: Pen, pattern: str, fur: Fur, shifts: np.ndarray) -> None:
    """Draw the pattern on the coat's image, which is later clipped to the head.

    Args:
        pen: in the head's frame, on the coat's image.
        pattern: one of PATTERNS.
        fur: the cat's colours.
        shifts: offsets of this cat's markings from the default positions, `[13,2]`.
    """
    if pattern != "plain":
        _ON_HEAD[pattern](pen, fur, shifts)


def draw_body_pattern(pen: Pen, pattern: str, fur: Fur, shifts: np.ndarray) -> None:
    """Draw the pattern on the shoulders; the arguments are those of `draw_head_pattern`."""
    if pattern == "bicolour":
        pen.ellipse((0, 1.65), (0.42, 1.0), fur.mask)
    elif pattern == "tabby":
        for side in _SIDES:
            for y in (1.14, 1.44, 1.74):
                start, bend, end = (side * 0.78, y), (side * 0.6, y + 0.1), (side * 0.28, y)
                pen.curve(start, bend, end, 0.14, fur.marking, "tapered")
    elif pattern == "spotted":
        for (x, y), (dx, dy) in zip(_BODY_SPOTS, shifts.tolist(), strict=False):
            pen.dot((x + dx, y + dy), 0.11, fur.marking)


_BODY_SPOTS: tuple[Point, ...] = ((-0.6, 1.30), (0.6, 1.35), (-0.3, 1.5), (0.3, 1.6), (0.0, 1.3))


def _tabby(pen: Pen, fur: Fur, shifts: np.ndarray) -> None:
    """Draw the M on the forehead and the bars on the cheeks."""
    dx, dy = shifts[0].tolist()
    pen.curve((dx, -1.0), (dx, -0.6), (dx, -0.30 + dy), 0.17, fur.marking, "tapered")
    for side, (sx, sy) in zip(_SIDES, shifts[1:3].tolist(), strict=True):
        for top, bend, foot, width in (
            ((0.30, -1.00), (0.36, -0.6), (0.22, -0.36), 0.16),
            ((0.66, -0.86), (0.68, -0.5), (0.52, -0.34), 0.14),
            ((1.25, -0.06), (0.90, 0.12), (0.74, 0.06), 0.16),
            ((1.25, 0.18), (0.90, 0.36), (0.64, 0.30), 0.16),
            ((1.20, 0.44), (0.85, 0.60), (0.54, 0.54), 0.15),
        ):
            placed = [(side * x + sx, y + sy) for x, y in (top, bend, foot)]
            pen.curve(placed[0], placed[1], placed[2], width, fur.marking, "tapered")


# (x, y, radius); the order has no effect.
_SPOTS: tuple[tuple[float, float, float], ...] = (
    *((-0.02, -0.62, 0.12), (-0.36, -0.56, 0.11), (0.34, -0.58, 0.12), (-0.17, -0.38, 0.09)),
    *((0.18, -0.36, 0.09), (-0.72, -0.42, 0.10), (0.72, -0.40, 0.10), (-0.90, 0.02, 0.11)),
    *((0.90, 0.04, 0.11), (-0.76, 0.34, 0.13), (0.78, 0.32, 0.13), (-0.52, 0.62, 0.10)),
    (0.54, 0.60, 0.10),
)


def _spotted(pen: Pen, fur: Fur, shifts: np.ndarray) -> None:
    for (x, y, radius), (dx, dy) in zip(_SPOTS, shifts.tolist(), strict=True):
        pen.dot((x + dx, y + dy), radius, fur.marking)


_HALF_BLAZE = [(0.02, -0.86), (0.08, -0.40), (0.12, -0.05), (0.30, 0.22), (0.64, 0.36), (0.74, 1.0)]
_BLAZE = rounded(shape_of(_HALF_BLAZE + [(-x, y) for x, y in reversed(_HALF_BLAZE)]))


def _bicolour(pen: Pen, fur: Fur, shifts: np.ndarray) -> None:
    """Draw a blaze that widens from the forehead over the muzzle to the chin."""
    pen.fill(_BLAZE + float(shifts[0, 0]), fur.mask)


_ON_HEAD: dict[str, Callable[[Pen, Fur, np.ndarray], None]] = {
    "tabby": _tabby,
    "spotted": _spotted,
    "bicolour": _bicolour,
}
