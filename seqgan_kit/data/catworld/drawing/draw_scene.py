"""Draws a scene of the cat world as a picture: one to three frontal cats in a place.

Shapes are drawn larger than asked and reduced by averaging, which is all the antialiasing needed.
Left and right are the viewer's: `left_eye` is on the left of the picture, a cat tilted to the left
leans to the left edge, and the first cat of several is the leftmost.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from seqgan_kit.data.catworld.drawing.accessories import draw_headwear, draw_neckwear
from seqgan_kit.data.catworld.drawing.backgrounds import draw_background
from seqgan_kit.data.catworld.drawing.expression import draw_features
from seqgan_kit.data.catworld.drawing.face import Proportions, draw_body, draw_head
from seqgan_kit.data.catworld.drawing.palette import jittered_fur
from seqgan_kit.data.catworld.drawing.pen import Pen
from seqgan_kit.data.catworld.scenes.scene import Cat, Scene
from seqgan_kit.errors import UsageError

SMALLEST_PIXELS, LARGEST_PIXELS = 16, 256

# Half the head's width as a share of the picture, for one cat.
_HEAD = {"small": 0.28, "medium": 0.34, "large": 0.40}
_TILT_RADIANS = {"left": -0.27, "straight": 0.0, "right": 0.27}
_LEAST_CANVAS_PIXELS = 128


@dataclass(frozen=True)
class _Place:
    """Where one of several cats sits, in shares of the picture."""

    x: float
    y: float
    shrink: float


_PLACES: dict[int, tuple[_Place, ...]] = {
    1: (_Place(0.5, 0.535, 1.0),),
    2: (_Place(0.27, 0.55, 0.62), _Place(0.73, 0.55, 0.62)),
    3: (_Place(0.21, 0.66, 0.5), _Place(0.5, 0.42, 0.5), _Place(0.79, 0.66, 0.5)),
}


def draw(scene: Scene, size: int, rng: np.random.Generator) -> np.ndarray:
    """Draw a scene.

    The same scene, size and state of `rng` give the same picture; every draw differs from the last
    in position, scale, proportions, colours and light.

    Args:
        scene: what to show.
        size: pixels a side, from 16 to 256.
        rng: the source of all that the scene leaves open.

    Returns:
        uint8 `[size, size, 3]`, red green blue.

    Raises:
        UsageError: if the size is out of range.
    """
    _check(size)
    factor = _oversampling(size)
    canvas = Image.new("RGB", (size * factor, size * factor))
    pen = Pen(ImageDraw.Draw(canvas), 0j, size * factor, thinnest=0.5 * factor)
    draw_background(scene.background, pen, rng)
    places = _PLACES[len(scene.cats)]
    # From the back to the front: higher in the picture is further away.
    for place, cat in sorted(zip(places, scene.cats, strict=True), key=lambda pair: pair[0].y):
        _draw_cat(canvas, pen, scene, cat, place, rng)
    return _lit(np.asarray(canvas.reduce(factor)), scene.background, rng)


def _check(size: int) -> None:
    if not SMALLEST_PIXELS <= size <= LARGEST_PIXELS:
        raise UsageError(
            f"cannot draw a picture of {size} pixels; the size may be {SMALLEST_PIXELS} to "
            f"{LARGEST_PIXELS} pixels."
        )


def _oversampling(size: int) -> int:
    """How many times larger to draw: small pictures need it more, large ones cost more."""
    return max(math.ceil(_LEAST_CANVAS_PIXELS / size), 3 if size <= 128 else 2)


def _draw_cat(
    canvas: Image.Image,
    picture: Pen,
    scene: Scene,
    cat: Cat,
    place: _Place,
    rng: np.random.Generator,
) -> None:
    shape, fur = Proportions.sampled(rng), jittered_fur(cat.coat, rng)
    x, y = place.x + rng.uniform(-0.02, 0.02), place.y + rng.uniform(-0.02, 0.02)
    head = _HEAD[scene.size] * place.shrink * rng.uniform(0.97, 1.03)
    pixels = picture.scale
    centre = complex(x, y + _headroom(cat)) * pixels
    body = Pen(picture.draw, centre, head * pixels, thinnest=picture.thinnest)
    turn = _TILT_RADIANS[scene.tilt] + rng.uniform(-0.035, 0.035)
    tilted = Pen(picture.draw, centre, head * pixels, turn, picture.thinnest)
    draw_body(body, cat, fur, shape)
    draw_head(canvas, tilted, cat, fur, shape)
    draw_features(tilted, cat, fur, shape)
    draw_neckwear(body, cat.accessory)
    draw_headwear(tilted, cat.accessory, fur, shape)


def _headroom(cat: Cat) -> float:
    """How far down the cat moves, in shares of the picture, so that what it wears can be seen."""
    above = 0.02 * (cat.ears == "tufted") + 0.025 * (cat.accessory == "hat")
    return above - 0.025 * (cat.accessory in ("collar", "scarf"))


def _lit(picture: np.ndarray, background: str, rng: np.random.Generator) -> np.ndarray:
    """Return the picture under a slightly slanted, slightly coloured light `[size, size, 3]`."""
    size = len(picture)
    across = np.linspace(-1, 1, size, dtype=np.float32)
    slant = rng.uniform(-0.05, 0.05, 2).astype(np.float32)
    light = 1 + slant[0] * across[None, :, None] + slant[1] * across[:, None, None]
    tint = rng.uniform(0.96, 1.02) + rng.uniform(-0.015, 0.015, 3)
    if background == "night":
        tint *= (0.86, 0.89, 0.98)
    lit = picture * (light * tint.astype(np.float32))
    return np.clip(np.rint(lit), 0, 255).astype(np.uint8)
