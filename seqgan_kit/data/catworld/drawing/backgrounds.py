"""Draw the six backgrounds, in a frame where the image is the unit square."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from seqgan_kit.data.catworld.drawing.palette import RGB, WHITE, mix, shifted
from seqgan_kit.data.catworld.drawing.pen import Pen

_PLAIN: tuple[RGB, ...] = ((250, 196, 208), (250, 206, 176), (214, 190, 240))


def draw_background(name: str, pen: Pen, rng: np.random.Generator) -> None:
    """Paint the named background over the whole image.

    Args:
        name: one of BACKGROUNDS.
        pen: a pen whose frame has the image as unit square.
        rng: source of the positions of small objects (flowers, stars) and of the colour shades.
    """
    _PLACES[name](pen, rng)


def _meadow(pen: Pen, rng: np.random.Generator) -> None:
    pen.box(0, 0, 1, 1, _shade((142, 206, 250), rng))
    side = rng.choice([0.1, 0.9])
    pen.dot((side, rng.uniform(0.08, 0.14)), 0.1, (255, 226, 92))
    _cloud(pen, 1 - side + rng.uniform(-0.06, 0.06), rng.uniform(0.12, 0.22))
    grass = _shade((112, 190, 78), rng)
    pen.ellipse((rng.uniform(0.1, 0.3), 1.0), (0.75, 0.5), mix(grass, (40, 110, 60), 0.25))
    pen.ellipse((rng.uniform(0.7, 0.9), 1.05), (0.9, 0.45), grass)
    pen.box(0, 0.88, 1, 1, grass)
    petals: tuple[RGB, ...] = (WHITE, (255, 150, 190), (255, 226, 92))
    for x in np.linspace(0.04, 0.96, 9) + rng.uniform(-0.03, 0.03, 9):
        petal = petals[int(rng.integers(len(petals)))]
        pen.dot((float(x), rng.uniform(0.76, 0.97)), 0.026, petal)


def _cloud(pen: Pen, x: float, y: float) -> None:
    for dx, dy, radius in ((-0.07, 0.01, 0.04), (0.0, -0.015, 0.06), (0.07, 0.01, 0.045)):
        pen.dot((x + dx, y + dy), radius, (246, 251, 255))


def _sofa(pen: Pen, rng: np.random.Generator) -> None:
    pen.box(0, 0, 1, 1, _shade((238, 222, 196), rng))
    cloth = _shade((168, 58, 84), rng)
    dark = mix(cloth, (60, 10, 30), 0.45)
    top = rng.uniform(0.26, 0.32)
    for x in (0.25, 0.75):
        pen.ellipse((x, top + 0.08), (0.30, 0.10), cloth)
    pen.box(0.0, top + 0.08, 1, 1, cloth)
    pen.box(0.49, top + 0.02, 0.51, 1, dark)
    pen.box(0.0, 0.80, 1, 0.815, dark)
    for x in (0.02, 0.98):
        pen.ellipse((x, 0.64), (0.12, 0.11), mix(cloth, WHITE, 0.18))
        pen.box(x - 0.12, 0.64, x + 0.12, 1, mix(cloth, WHITE, 0.18))


def _window(pen: Pen, rng: np.random.Generator) -> None:
    pen.box(0, 0, 1, 1, (250, 246, 238))
    pane = _shade((186, 232, 250), rng)
    for left, right in ((0.08, 0.475), (0.525, 0.92)):
        pen.box(left, 0.04, right, 0.36, pane)
        pen.box(left, 0.41, right, 0.84, mix(pane, (150, 214, 170), 0.35))
    _cloud(pen, rng.uniform(0.28, 0.72), rng.uniform(0.12, 0.2))
    curtain = _shade((250, 190, 60), rng)
    width = rng.uniform(0.13, 0.17)
    for side in (0.0, 1.0):
        inward = 1 - 2 * side
        edge, tie = side + inward * (width + 0.05), side + inward * (width - 0.05)
        pen.polygon([(side, 0), (edge, 0), (tie, 0.55), (edge, 0.88), (side, 0.88)], curtain)
        fold = side + inward * width * 0.5
        pen.box(fold - 0.012, 0, fold + 0.012, 0.88, mix(curtain, (170, 100, 20), 0.4))
    pen.box(0, 0.88, 1, 1, _shade((196, 148, 104), rng))


def _night(pen: Pen, rng: np.random.Generator) -> None:
    sky = _shade((24, 28, 76), rng)
    pen.box(0, 0, 1, 1, sky)
    pen.ellipse((0.5, 0.75), (0.85, 0.4), mix(sky, (70, 70, 150), 0.35))
    for x, y in zip(rng.uniform(0.02, 0.98, 16), rng.uniform(0.02, 0.7, 16), strict=True):
        pen.dot((float(x), float(y)), rng.uniform(0.008, 0.017), (255, 250, 214))
    side = float(rng.choice([0.12, 0.88]))
    height = rng.uniform(0.11, 0.16)
    pen.dot((side, height), 0.095, (255, 244, 190))
    pen.dot((side + 0.045, height - 0.025), 0.08, sky)
    pen.ellipse((rng.uniform(0.2, 0.8), 1.12), (0.95, 0.32), (12, 30, 44))


def _kitchen(pen: Pen, rng: np.random.Generator) -> None:
    pen.box(0, 0, 1, 1, (232, 250, 242))
    tile = _shade((98, 196, 176), rng)
    shift = rng.uniform(-0.05, 0.05, 2)
    for row in range(-1, 7):
        for column in range(-1, 8):
            if (row + column) % 2:
                left, top = column * 0.15 + shift[0], row * 0.15 + shift[1]
                pen.box(left, top, left + 0.15, top + 0.15, tile)
    pen.box(0, 0.80, 1, 1, _shade((206, 150, 92), rng))
    pen.box(0, 0.80, 1, 0.83, (240, 196, 140))
    pot = float(rng.choice([0.08, 0.92]))
    pen.box(pot - 0.1, 0.66, pot + 0.1, 0.81, (214, 60, 56))
    pen.box(pot - 0.12, 0.64, pot + 0.12, 0.67, (150, 34, 40))


def _plain(pen: Pen, rng: np.random.Generator) -> None:
    colour = _shade(_PLAIN[int(rng.integers(len(_PLAIN)))], rng)
    pen.box(0, 0, 1, 1, colour)
    pen.dot((0.5, 0.5), 0.47, mix(colour, WHITE, 0.3))


def _shade(colour: RGB, rng: np.random.Generator) -> RGB:
    return shifted(colour, rng.uniform(-8, 8) + rng.uniform(-4, 4, 3))


_PLACES: dict[str, Callable[[Pen, np.random.Generator], None]] = {
    "meadow": _meadow,
    "sofa": _sofa,
    "window": _window,
    "night": _night,
    "kitchen": _kitchen,
    "plain": _plain,
}
