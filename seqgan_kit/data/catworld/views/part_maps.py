"""Part maps and outlines of a scene at a moment, exact to the pixel of the canvas.

A layer covers the pixels that have the same colour when it is painted on black and on white.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from seqgan_kit.data.catworld.drawing.draw_scene import LAYERS, CatPainter, blank
from seqgan_kit.data.catworld.drawing.moment import Looks, Moment, back_to_front
from seqgan_kit.data.catworld.drawing.palette import RGB
from seqgan_kit.data.catworld.scenes.scene import BACKGROUNDS, Scene

PARTS = (*BACKGROUNDS, "body", "head", "muzzle", "eyes", "neckwear", "headwear")
"""The classes of a part map; the background is a part, and whiskers belong to the part behind them."""

PART_COLOURS: dict[str, RGB] = {
    "meadow": (96, 160, 64),
    "sofa": (128, 64, 64),
    "window": (160, 208, 224),
    "night": (24, 24, 72),
    "kitchen": (64, 144, 136),
    "plain": (208, 176, 208),
    "body": (232, 128, 32),
    "head": (248, 216, 64),
    "muzzle": (248, 248, 248),
    "eyes": (32, 224, 224),
    "neckwear": (216, 16, 32),
    "headwear": (168, 32, 224),
}
"""Display colour of each part."""


def part_map(scene: Scene, moment: Moment, size: int) -> NDArray[np.uint8]:
    """Return the index in PARTS of the part at the centre of each pixel, uint8 `[size, size]`."""
    parts, factor = _canvas_parts(scene, moment, size)
    return parts[factor // 2 :: factor, factor // 2 :: factor]


def part_image(scene: Scene, moment: Moment, size: int) -> NDArray[np.uint8]:
    """Return the part map in PART_COLOURS, uint8 `[size, size, 3]`."""
    colours = np.array([PART_COLOURS[part] for part in PARTS], dtype=np.uint8)
    return colours[part_map(scene, moment, size)]


def outline_image(scene: Scene, moment: Moment, size: int) -> NDArray[np.uint8]:
    """Return the borders between parts as dark lines on white, uint8 `[size, size, 3]`."""
    parts, factor = _canvas_parts(scene, moment, size)
    edges = np.zeros(parts.shape, dtype=bool)
    edges[:, 1:] |= parts[:, 1:] != parts[:, :-1]
    edges[1:] |= parts[1:] != parts[:-1]
    blocks = edges.reshape(size, factor, size, factor).any((1, 3))
    return np.where(blocks, 0, 255).astype(np.uint8)[:, :, None].repeat(3, 2)


def _canvas_parts(scene: Scene, moment: Moment, size: int) -> tuple[NDArray[np.uint8], int]:
    """Return the parts of the oversampled canvas, and the factor of oversampling."""
    canvas, factor = blank(size)
    place = PARTS.index(scene.background)
    parts = np.full((canvas.height, canvas.width), place, dtype=np.uint8)
    for number in back_to_front(scene):
        for layer in LAYERS:
            if layer in PARTS:
                covered = _covered(scene, number, moment.cats[number], layer, canvas.size, factor)
                parts[covered] = PARTS.index(layer)
    return parts, factor


def _covered(
    scene: Scene, number: int, looks: Looks, layer: str, size: tuple[int, int], factor: int
) -> NDArray[np.bool_]:
    """Return the pixels of the canvas that a layer covers."""
    painted = []
    for ground in ("black", "white"):
        canvas = Image.new("RGB", size, ground)
        CatPainter.of(canvas, factor, scene, number, looks).paint(layer, shaded=False)
        painted.append(np.asarray(canvas))
    covered: NDArray[np.bool_] = (painted[0] == painted[1]).all(2)
    return covered
