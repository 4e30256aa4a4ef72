"""Portraits: scenes of one cat, and the same cat at the same moment at every age."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seqgan_kit.data.catworld.drawing.draw_scene import draw_moment
from seqgan_kit.data.catworld.drawing.face import AGES
from seqgan_kit.data.catworld.drawing.moment import Moment
from seqgan_kit.data.catworld.scenes.scene import LABEL_NAMES, SceneLaw
from seqgan_kit.data.catworld.views.edits import AGE, edited
from seqgan_kit.data.catworld.views.world_views import Shown

PORTRAIT_LABELS: dict[str, tuple[str, ...]] = {
    **{name: values for name, values in LABEL_NAMES.items() if name != "cats"},
    AGE: AGES,
}
"""Labels of a portrait and their values; the number of cats is always one."""
PORTRAIT_LAW = replace(SceneLaw(), cats=(1.0, 0.0, 0.0))


@dataclass(frozen=True)
class AgedPortraits:
    """One cat at every age."""

    images: NDArray[np.uint8]
    """`[ages, size, size, 3]`, in the order of AGES."""
    mask: NDArray[np.bool_]
    """`[size, size]`, True where two ages differ."""


def portrait(rng: np.random.Generator) -> Shown:
    """Draw a scene of one cat, and the moment to draw it at; all else is as in the world."""
    scene = PORTRAIT_LAW.sample(rng)
    return scene, Moment.sampled(scene, rng)


def portrait_labels(shown: Shown, age: int) -> dict[str, int]:
    """Return the labels of a portrait at an age, by its number."""
    labels = shown[0].labels() | {AGE: age}
    return {name: labels[name] for name in PORTRAIT_LABELS}


def draw_at(shown: Shown, age: int, size: int) -> NDArray[np.uint8]:
    """Draw a portrait at an age, by its number, as `[size, size, 3]`."""
    return draw_moment(*edited(*shown, AGE, AGES[age]), size)


def draw_at_every_age(shown: Shown, size: int) -> AgedPortraits:
    """Draw a portrait at every age."""
    images = np.stack([draw_at(shown, age, size) for age in range(len(AGES))])
    return AgedPortraits(images, (images != images[0]).any((0, 3)))
