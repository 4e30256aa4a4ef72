"""Draw a scene of the cat world as an image: one to three cats, seen from the front.

Shapes are drawn at a larger size and reduced by averaging, which antialiases them.
Left and right are the viewer's: `left_eye` is on the left of the image, a cat tilted to the left
leans to the left edge, and the first cat of several is the leftmost.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from seqgan_kit.data.catworld.drawing.accessories import draw_headwear, draw_neckwear
from seqgan_kit.data.catworld.drawing.backgrounds import draw_background
from seqgan_kit.data.catworld.drawing.expression import (
    draw_eyes,
    draw_muzzle,
    draw_whiskers,
)
from seqgan_kit.data.catworld.drawing.face import Proportions, aged, draw_body, draw_head
from seqgan_kit.data.catworld.drawing.hand import Hand, draw_hand
from seqgan_kit.data.catworld.drawing.moment import (
    PLACES,
    Light,
    Looks,
    Moment,
    back_to_front,
    sampled_looks,
)
from seqgan_kit.data.catworld.drawing.palette import Fur, shifted_fur
from seqgan_kit.data.catworld.drawing.pen import Pen, picture_pen
from seqgan_kit.data.catworld.scenes.scene import Cat, Scene
from seqgan_kit.errors import UsageError

SMALLEST_PIXELS, LARGEST_PIXELS = 16, 256

# Half the head's width as a fraction of the image's width, for one cat.
_HEAD = {"small": 0.28, "medium": 0.34, "large": 0.40}
_TILT_RADIANS = {"left": -0.27, "straight": 0.0, "right": 0.27}
_LEAST_CANVAS_PIXELS = 128


LAYERS = ("body", "head", "muzzle", "eyes", "whiskers", "neckwear", "headwear")
"""Layers of a cat, in drawing order."""


def draw(scene: Scene, size: int, rng: np.random.Generator) -> np.ndarray:
    """Draw a scene.

    The same scene, size and state of `rng` give the same image. Successive draws differ
    in position, scale, proportions, colours and light.

    Args:
        scene: what to show.
        size: pixels a side, from 16 to 256.
        rng: source of everything that the scene does not determine.

    Returns:
        uint8 RGB image `[size, size, 3]`.

    Raises:
        UsageError: if the size is out of range.
    """
    canvas, factor = blank(size)
    draw_background(scene.background, picture_pen(canvas, factor), rng)
    draw_cats(canvas, factor, scene, sampled_looks(scene, rng))
    return lit(reduced(canvas, factor), scene.background, Light.sampled(rng))


def draw_moment(
    scene: Scene, moment: Moment, size: int, *, flat: bool = False, hand: Hand | None = None
) -> np.ndarray:
    """Draw a scene at a moment; equal to `draw` for the scene that the moment was sampled for.

    Args:
        scene: what to show, with as many cats as the moment.
        moment: everything that the scene does not determine.
        size: pixels a side, from 16 to 256.
        flat: whether to omit light and shade, as in a simple simulator.
        hand: a hand before the cats.
    """
    canvas, factor = blank(size)
    draw_background(scene.background, picture_pen(canvas, factor), copy.deepcopy(moment.background))
    draw_cats(canvas, factor, scene, moment.cats, shaded=not flat)
    if hand is not None:
        draw_hand(canvas, factor, hand)
    image = reduced(canvas, factor)
    return image if flat else lit(image, scene.background, moment.light)


def blank(size: int) -> tuple[Image.Image, int]:
    """Return an empty canvas for an image of `size` pixels, and how many times larger it is."""
    _check(size)
    factor = _oversampling(size)
    return Image.new("RGB", (size * factor, size * factor)), factor


def reduced(canvas: Image.Image, factor: int) -> np.ndarray:
    """Return the image whose pixels are averages of the canvas."""
    return np.asarray(canvas.reduce(factor))


def draw_cats(
    canvas: Image.Image, factor: int, scene: Scene, looks: Sequence[Looks], *, shaded: bool = True
) -> None:
    """Draw all cats of a scene."""
    for number in back_to_front(scene):
        painter = CatPainter.of(canvas, factor, scene, number, looks[number])
        for layer in LAYERS:
            painter.paint(layer, shaded=shaded)


@dataclass(frozen=True)
class CatPainter:
    """Paints the layers of one cat."""

    canvas: Image.Image
    cat: Cat
    fur: Fur
    shape: Proportions
    body: Pen
    head: Pen

    @classmethod
    def of(
        cls, canvas: Image.Image, factor: int, scene: Scene, number: int, looks: Looks
    ) -> CatPainter:
        """Return the painter of one of a scene's cats."""
        picture, place = picture_pen(canvas, factor), PLACES[len(scene.cats)][number]
        size = _HEAD[scene.size] * place.shrink * looks.scale * picture.scale
        centre = complex(looks.x, looks.y) * picture.scale
        body = Pen(picture.draw, centre, size, thinnest=picture.thinnest)
        turn = _TILT_RADIANS[scene.tilt] + looks.turn
        head = Pen(picture.draw, centre, size, turn, picture.thinnest)
        cat = scene.cats[number]
        return cls(
            canvas,
            cat,
            shifted_fur(cat.coat, looks.fur_shift),
            aged(looks.shape, looks.age),
            body,
            head,
        )

    def paint(self, layer: str, *, shaded: bool = True) -> None:
        """Paint one of LAYERS."""
        if layer == "body":
            draw_body(self.body, self.cat, self.fur, self.shape)
        elif layer == "head":
            draw_head(self.canvas, self.head, self.cat, self.fur, self.shape, shaded=shaded)
        elif layer == "muzzle":
            draw_muzzle(self.head, self.cat, self.fur, self.shape)
        elif layer == "eyes":
            draw_eyes(self.head, self.cat, self.fur, self.shape)
        elif layer == "whiskers":
            draw_whiskers(self.head, self.fur)
        elif layer == "neckwear":
            draw_neckwear(self.body, self.cat.accessory)
        else:
            draw_headwear(self.head, self.cat.accessory, self.fur, self.shape)


def _check(size: int) -> None:
    if not SMALLEST_PIXELS <= size <= LARGEST_PIXELS:
        raise UsageError(
            f"cannot draw an image of {size} pixels; the size may be {SMALLEST_PIXELS} to "
            f"{LARGEST_PIXELS} pixels."
        )


def _oversampling(size: int) -> int:
    """Return the factor of oversampling: small images need more, large ones cost more."""
    return max(math.ceil(_LEAST_CANVAS_PIXELS / size), 3 if size <= 128 else 2)


def lit(picture: np.ndarray, background: str, light: Light) -> np.ndarray:
    """Return the image `[size, size, 3]` under a light, which is weaker and bluer at night."""
    across = np.linspace(-1, 1, len(picture), dtype=np.float32)
    slanted = 1 + light.slant[0] * across[None, :, None] + light.slant[1] * across[:, None, None]
    tint = light.tint * (0.86, 0.89, 0.98) if background == "night" else light.tint
    shown = picture * (slanted * tint.astype(np.float32))
    return np.clip(np.rint(shown), 0, 255).astype(np.uint8)
