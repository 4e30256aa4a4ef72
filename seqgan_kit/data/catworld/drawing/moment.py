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
    """Where one of several cats sits, in shares of the image."""

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
    """What a scene leaves open about one cat: drawn once, so that an edited scene shows the same cat."""

    shape: Proportions
    fur_shift: np.ndarray
    """Shift of the coat's colours `[3]`."""
    x: float
    y: float
    """Centre of the head in shares of the image, with the room that its first accessory took."""
    scale: float
    """Of the head, near 1."""
    turn: float
    """Radians beside the scene's tilt."""
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
    """Across and down `[2]`."""
    tint: np.ndarray
    """Factors of the colours `[3]`."""

    @classmethod
    def sampled(cls, rng: np.random.Generator) -> Light:
        """Draw a light."""
        slant = rng.uniform(-0.05, 0.05, 2).astype(np.float32)
        return cls(slant, rng.uniform(0.96, 1.02) + rng.uniform(-0.015, 0.015, 3))


@dataclass(frozen=True)
class Moment:
    """All that a scene leaves open, so that two scenes can be drawn with the same chance.

    The background has a random generator of its own: another place takes other numbers from it, and
    nothing else moves.
    """

    background: np.random.Generator
    """Copied before every use."""
    cats: tuple[Looks, ...]
    """In the order of the scene's cats."""
    light: Light

    @classmethod
    def sampled(cls, scene: Scene, rng: np.random.Generator) -> Moment:
        """Draw a moment, with the numbers that :func:`draw` takes from `rng`, in its order."""
        background = copy.deepcopy(rng)
        draw_background(scene.background, picture_pen(Image.new("RGB", (1, 1)), 1), rng)
        return cls(background, sampled_looks(scene, rng), Light.sampled(rng))


def sampled_looks(scene: Scene, rng: np.random.Generator) -> tuple[Looks, ...]:
    """In the order of the cats, drawn from the back to the front."""
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
    """How far down the cat moves, in shares of the image, so that what it wears can be seen."""
    above = 0.02 * (cat.ears == "tufted") + 0.025 * (cat.accessory == "hat")
    return above - 0.025 * (cat.accessory in ("collar", "scarf"))
