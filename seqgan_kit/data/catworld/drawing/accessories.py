"""Draw the accessories of a cat."""

from __future__ import annotations

import numpy as np

from seqgan_kit.data.catworld.drawing.expression import EYE_HEIGHT, eye_x
from seqgan_kit.data.catworld.drawing.face import Proportions
from seqgan_kit.data.catworld.drawing.palette import BLACK, RGB, WHITE, Fur, luminance, mix
from seqgan_kit.data.catworld.drawing.pen import CIRCLE, Pen, grown, mirrored, rounded, shape_of

_RED: RGB = (216, 30, 48)
_GOLD: RGB = (255, 208, 66)
_PINK: RGB = (244, 52, 148)
_VIOLET: RGB = (98, 56, 176)
_BLUE: RGB = (34, 98, 214)


def draw_neckwear(pen: Pen, accessory: str) -> None:
    """Draw a collar or scarf in the frame of the body, which does not tilt with the head."""
    if accessory == "collar":
        pen.curve((-0.70, 0.64), (0, 1.24), (0.70, 0.64), 0.17, mix(_RED, BLACK, 0.5))
        pen.curve((-0.70, 0.64), (0, 1.24), (0.70, 0.64), 0.12, _RED)
        pen.dot((0, 1.03), 0.15, mix(_GOLD, BLACK, 0.5))
        pen.dot((0, 1.03), 0.12, _GOLD)
    elif accessory == "scarf":
        _draw_scarf(pen)


def _draw_scarf(pen: Pen) -> None:
    rim = mix(_BLUE, BLACK, 0.45)
    pen.polygon([(0.28, 0.85), (0.66, 0.8), (0.76, 1.7), (0.36, 1.75)], rim)
    pen.polygon([(0.32, 0.85), (0.62, 0.8), (0.72, 1.65), (0.40, 1.70)], _BLUE)
    for y in (1.15, 1.4):
        pen.polygon([(0.35, y), (0.66, y - 0.05), (0.67, y + 0.06), (0.36, y + 0.11)], WHITE)
    pen.curve((-0.84, 0.56), (0, 1.34), (0.84, 0.56), 0.38, rim)
    pen.curve((-0.84, 0.56), (0, 1.34), (0.84, 0.56), 0.31, _BLUE)
    for x in (-0.6, -0.3, 0.0, 0.3, 0.6):
        y = 0.94 - 0.5 * x * x
        pen.curve((x - 0.03, y - 0.14), (x, y), (x + 0.03, y + 0.14), 0.09, WHITE)


def draw_headwear(pen: Pen, accessory: str, fur: Fur, shape: Proportions) -> None:
    """Draw a hat, bow or glasses in the frame of the head."""
    if accessory == "hat":
        _draw_hat(pen)
    elif accessory == "bow":
        _draw_bow(pen)
    elif accessory == "glasses":
        _draw_glasses(pen, fur, shape)


def _draw_hat(pen: Pen) -> None:
    rim = mix(_VIOLET, BLACK, 0.5)
    pen.polygon([(-0.35, -0.70), (-0.41, -1.36), (0.41, -1.36), (0.35, -0.70)], rim)
    pen.ellipse((0, -0.70), (0.62, 0.14), rim)
    pen.ellipse((0, -0.71), (0.58, 0.10), _VIOLET)
    pen.polygon([(-0.30, -0.70), (-0.36, -1.31), (0.36, -1.31), (0.30, -0.70)], _VIOLET)
    pen.ellipse((0, -1.31), (0.36, 0.06), mix(_VIOLET, WHITE, 0.25))
    pen.polygon([(-0.31, -0.76), (-0.33, -0.95), (0.33, -0.95), (0.31, -0.76)], _GOLD)


_BOW_LOOP = rounded(shape_of([(-0.1, 0), (0.34, -0.34), (0.47, -0.1), (0.45, 0.16), (0.32, 0.3)]))
_BOW_OUTLINE = grown(_BOW_LOOP, 0.045)


def _draw_bow(pen: Pen) -> None:
    """Draw a bow at the base of the right ear."""
    x, y = 0.46, -0.76
    rim = mix(_PINK, BLACK, 0.5)
    for side in (-1, 1):
        loop = mirrored(_BOW_LOOP, side) + complex(x, y)
        pen.fill(mirrored(_BOW_OUTLINE, side) + complex(x, y), rim)
        pen.fill(loop, _PINK)
        pen.curve((x, y), (x + side * 0.2, y), (x + side * 0.3, y), 0.05, rim)
    pen.dot((x, y), 0.15, rim)
    pen.dot((x, y), 0.11, mix(_PINK, WHITE, 0.35))


# A ring: the outer circle, then the inner circle in reverse.
_OUTER, _INNER = 0.415 * CIRCLE, 0.325 * CIRCLE[::-1]
_RIM = np.concatenate([_OUTER, _OUTER[:1], _INNER[-1:], _INNER])


def _draw_glasses(pen: Pen, fur: Fur, shape: Proportions) -> None:
    frame = (250, 214, 110) if luminance(fur.base) < 105 else (26, 22, 40)
    for side in (-1, 1):
        x = eye_x(side, shape)
        pen.fill(_RIM + complex(x, EYE_HEIGHT), frame)
        pen.curve((x + side * 0.36, 0), (side * 0.9, -0.06), (side * 1.02, -0.1), 0.08, frame)
    inner = eye_x(1, shape) - 0.36
    pen.curve((-inner, -0.02), (0, -0.14), (inner, -0.02), 0.09, frame)
