"""Everything in an image that the scene does not determine: positions and looks of cats, and the light."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
from PIL import Image

from seqgan_kit.data.catworld.drawing.backgrounds import draw_background
from seqgan_kit.data.catworld.drawing.face import Proportions
from seqgan_kit.data.catworld.drawing.palette import fur_shift
from seqgan_kit.data.catworld.drawing.pen import picture_pen
from seqgan_kit.data.catworld.scenes.scene import Cat, Scene


@dataclass(frozen=True)
class Place:
    """Position of one of several cats, as fractions of the image size."""

    x: float
    y: float
    shrink: float


PLACES: dict[int, tuple[Place, ...]] = {
    1: (Place(0.5, 0.535, 1.0),),
    2: (Place(0.27, 0.55, 0.62), Place(0.73, 0.55, 0.62)),
    3: (Place(0.21, 0.66, 0.5), Place(0.5, 0.42, 0.5), Place(0.79, 0.66, 0.5)),
}


@dataclass(frozen=True)
class Looks:
    """Random looks of one cat, sampled once so that an edited scene shows the same cat."""

    shape: Proportions
    fur_shift: np.ndarray
    """Shift of the coat's colours `[3]`."""
    x: float
    y: float
    """Centre of the head as fractions of the image size, shifted to make room for the first accessory."""
    scale: float
    """Scale factor of the head, near 1."""
    turn: float
    """Rotation in radians, added to the scene's tilt."""
    age: str = "adult"
    """One of AGES."""

    @classmethod
    def sampled(cls, cat: Cat, place: Place, rng: np.random.Generator) -> Looks:
        """Draw one cat's looks at a place."""
        shape, shift = Proportions.sampled(rng), fur_shift(rng)
        x, y = place.x + rng.uniform(-0.02, 0.02), place.y + rng.uniform(-0.02, 0.02)
        scale = rng.uniform(0.97, 1.03)
        return cls(shape, shift, x, y + _headroom(cat), scale, rng.uniform(-0.035, 0.035))


@dataclass(frozen=True)
class Light:
    """A slightly slanted, slightly coloured light."""

    slant: np.ndarray
    """Horizontal and vertical gradient of the brightness `[2]`."""
    tint: np.ndarray
    """Factor of each colour channel `[3]`."""

    @classmethod
    def sampled(cls, rng: np.random.Generator) -> Light:
        """Draw a light."""
        slant = rng.uniform(-0.05, 0.05, 2).astype(np.float32)
        return cls(slant, rng.uniform(0.96, 1.02) + rng.uniform(-0.015, 0.015, 3))


@dataclass(frozen=True)
class Moment:
    """All random choices that a scene does not determine, so that two scenes can share them.

    The background has a separate random generator, so changing the background leaves the rest of the image
    unchanged.
    """

    background: np.random.Generator
    """Copied before every use."""
    cats: tuple[Looks, ...]
    """Looks of each cat, in the order of the scene's cats."""
    light: Light

    @classmethod
    def sampled(cls, scene: Scene, rng: np.random.Generator) -> Moment:
        """Draw a moment, using the same random numbers in the same order as :func:`draw`."""
        background = copy.deepcopy(rng)
        draw_background(scene.background, picture_pen(Image.new("RGB", (1, 1)), 1), rng)
        return cls(background, sampled_looks(scene, rng), Light.sampled(rng))


def sampled_looks(scene: Scene, rng: np.random.Generator) -> tuple[Looks, ...]:
    """Return looks in the order of the cats; they are sampled from back to front."""
    found: dict[int, Looks] = {}
    for number in back_to_front(scene):
        place = PLACES[len(scene.cats)][number]
        found[number] = Looks.sampled(scene.cats[number], place, rng)
    return tuple(found[number] for number in range(len(scene.cats)))


def back_to_front(scene: Scene) -> list[int]:
    """Return the numbers of the cats in the order of drawing: higher in the image is further away."""
    places = PLACES[len(scene.cats)]
    return sorted(range(len(scene.cats)), key=lambda number: places[number].y)


def _headroom(cat: Cat) -> float:
    """Return the downward shift that keeps ears and accessory in view, as a fraction of the image height."""
    above = 0.02 * (cat.ears == "tufted") + 0.025 * (cat.accessory == "hat")
    return above - 0.025 * (cat.accessory in ("collar", "scarf"))
