"""Faces of a law without hats and odd eyes, and faces of the same law with one of them, with exact masks.

    normal      the law of the world, with probability 0 for hats and odd eyes
    hat         the first cat wears a hat in place of what it wears
    odd eyes    the first cat's right eye has another colour

All else is drawn alike. A face that is tested has a first cat with open eyes, so that the colour of both
shows. The mask holds the pixels that differ between the face and the same face, at the same moment, without
the hat or with equal eyes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seqgan_kit.data.catworld.drawing.draw_scene import draw_moment
from seqgan_kit.data.catworld.drawing.moment import Moment
from seqgan_kit.data.catworld.scenes.scene import ACCESSORIES, EYE_COLOURS, Cat, Scene, SceneLaw

HAT, ODD_EYES = "hat", "odd eyes"
STRANGE = (HAT, ODD_EYES)


def law_without(law: SceneLaw) -> SceneLaw:
    """Return the law with probability 0 for hats and odd eyes; what cats wear is rescaled to sum to 1."""
    worn = tuple(
        0.0 if name == HAT else p for name, p in zip(ACCESSORIES, law.accessory, strict=True)
    )
    total = sum(worn)
    return replace(
        law,
        accessory=tuple(p / total for p in worn),
        odd_eyes_given_coat=(0.0,) * len(law.odd_eyes_given_coat),
    )


NORMAL_LAW = law_without(SceneLaw())


@dataclass(frozen=True)
class Face:
    """An image of cats and the pixels that are anomalous."""

    image: NDArray[np.uint8]
    """`[size, size, 3]`."""
    mask: NDArray[np.bool_]
    """`[size, size]`; nothing in a normal face."""


def normal_face(rng: np.random.Generator, size: int, *, tested: bool = False) -> Face:
    """Draw a face of the normal law; one that is tested has a first cat with open eyes."""
    scene = _scene(rng, tested=tested)
    image = draw_moment(scene, Moment.sampled(scene, rng), size)
    return Face(image, np.zeros((size, size), dtype=bool))


def strange_face(kind: str, rng: np.random.Generator, size: int) -> Face:
    """Draw a face with an anomaly of a kind in ``STRANGE`` that shows.

    The moment is drawn for the strange scene, so that a hat has its place in the image.
    """
    face = _strange(kind, rng, size)
    while not face.mask.any():  # hidden behind another cat
        face = _strange(kind, rng, size)
    return face


def _strange(kind: str, rng: np.random.Generator, size: int) -> Face:
    scene = _scene(rng, tested=True)
    cat = scene.cats[0]
    if kind == HAT:
        strange, usual = replace(cat, accessory=HAT), replace(cat, accessory="nothing")
    else:
        others = [colour for colour in EYE_COLOURS if colour != cat.left_eye]
        strange, usual = replace(cat, right_eye=others[rng.integers(len(others))]), cat
    shown = _with_first(scene, strange)
    moment = Moment.sampled(shown, rng)
    image, twin = (draw_moment(s, moment, size) for s in (shown, _with_first(scene, usual)))
    return Face(image, (image != twin).any(2))


def _with_first(scene: Scene, cat: Cat) -> Scene:
    return replace(scene, cats=(cat, *scene.cats[1:]))


def _scene(rng: np.random.Generator, *, tested: bool) -> Scene:
    scene = NORMAL_LAW.sample(rng)
    while tested and scene.cats[0].eyes != "open":
        scene = NORMAL_LAW.sample(rng)
    return scene
