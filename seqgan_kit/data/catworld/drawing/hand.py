"""Draw a hand that somebody holds before a cat's face, and the pixels that it covers."""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from seqgan_kit.data.catworld.drawing.palette import BLACK, RGB, mix
from seqgan_kit.data.catworld.drawing.pen import Ink, Pen, picture_pen

_SKINS: tuple[RGB, ...] = ((240, 200, 170), (216, 160, 120), (160, 108, 76), (104, 68, 48))
_FINGERS = ((-0.42, -1.15), (-0.15, -1.35), (0.13, -1.3), (0.38, -1.05))
_RIM = 0.06


@dataclass(frozen=True)
class Hand:
    """The place and looks of a hand, as fractions of the image."""

    x: float
    y: float
    """Centre of the palm."""
    scale: float
    """Half the palm's height."""
    turn: float
    """Direction of the fingers in radians, 0 upwards; the arm leaves the image on the other side."""
    skin: int

    @classmethod
    def sampled(cls, rng: np.random.Generator) -> Hand:
        """Draw a hand that covers a part of the middle of the image."""
        angle = rng.uniform(0, 2 * math.pi)
        away = rng.uniform(0.02, 0.16)
        x, y = 0.5 + away * math.cos(angle), 0.52 + away * math.sin(angle)
        turn = rng.uniform(-1.2, 1.2)
        return cls(x, y, rng.uniform(0.12, 0.17), turn, int(rng.integers(len(_SKINS))))


def draw_hand(canvas: Image.Image, factor: int, hand: Hand) -> None:
    """Draw a hand on a canvas ``factor`` times larger than the image."""
    skin = _SKINS[hand.skin]
    pen = _pen(canvas, factor, hand)
    _paint(pen, mix(skin, BLACK, 0.55), _RIM)
    _paint(pen, skin, 0.0)


def covered(size: int, factor: int, hand: Hand) -> NDArray[np.bool_]:
    """Return the pixels `[size, size]` that a hand changes, wholly or in part."""
    canvas = Image.new("L", (size * factor, size * factor))
    _paint(_pen(canvas, factor, hand), 255, _RIM)
    blocks = np.asarray(canvas).reshape(size, factor, size, factor)
    return blocks.max((1, 3)) > 0


def _pen(canvas: Image.Image, factor: int, hand: Hand) -> Pen:
    whole = picture_pen(canvas, factor)
    centre = complex(hand.x, hand.y) * whole.scale
    return Pen(whole.draw, centre, hand.scale * whole.scale, hand.turn, whole.thinnest)


def _paint(pen: Pen, ink: Ink, rim: float) -> None:
    """Paint arm, palm, fingers and thumb, all thicker by the rim on each side."""
    # The arm is long enough to leave the image from every place.
    pen.curve((0, 0.4), (0.05, 4), (0, 9), 0.95 + 2 * rim, ink)
    pen.ellipse((0, 0), (0.55 + rim, 0.68 + rim), ink)
    for x, y in _FINGERS:
        _finger(pen, complex(x, -0.3), complex(1.15 * x, y), 0.24, rim, ink)
    _finger(pen, complex(0.4, 0.25), complex(0.95, -0.45), 0.26, rim, ink)


def _finger(pen: Pen, root: complex, tip: complex, width: float, rim: float, ink: Ink) -> None:
    middle = (root + tip) / 2 + cmath.rect(0.03, cmath.phase(tip - root) + math.pi / 2)
    ends = [(point.real, point.imag) for point in (root, middle, tip)]
    pen.curve(ends[0], ends[1], ends[2], width + 2 * rim, ink)
    pen.dot(ends[2], width / 2 + rim, ink)
