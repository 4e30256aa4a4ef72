"""Scenes with an attribute changed, and the pixels that such a change may touch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from seqgan_kit.data.catworld.drawing.draw_scene import draw_moment
from seqgan_kit.data.catworld.drawing.face import AGES
from seqgan_kit.data.catworld.drawing.moment import Moment
from seqgan_kit.data.catworld.scenes.scene import LABEL_NAMES, Scene
from seqgan_kit.errors import unknown

AGE = "age"
OF_SCENES = ("background", "tilt", "size")
EDITABLE: dict[str, tuple[str, ...]] = {
    **{name: values for name, values in LABEL_NAMES.items() if name != "cats"},
    AGE: AGES,
}
"""Attributes that can be edited, with their values. The number of cats is excluded: it moves the cats."""


def edited(scene: Scene, moment: Moment, attribute: str, value: str) -> tuple[Scene, Moment]:
    """Return the scene with an attribute changed (of all its cats), and the moment to draw it at.

    Nothing else changes: each cat keeps its position, its proportions and its shade of colour.

    Raises:
        UsageError: for an unknown attribute or value.
    """
    if attribute not in EDITABLE:
        raise unknown("attribute", attribute, EDITABLE)
    if value not in EDITABLE[attribute]:
        raise unknown(attribute, value, EDITABLE[attribute])
    if attribute == AGE:
        return scene, replace(moment, cats=tuple(replace(cat, age=value) for cat in moment.cats))
    if attribute in OF_SCENES:
        return Scene(**{**vars(scene), attribute: value}), moment
    return replace(
        scene, cats=tuple(replace(cat, **{attribute: value}) for cat in scene.cats)
    ), moment


def may_change(scene: Scene, moment: Moment, attribute: str, size: int) -> NDArray[np.bool_]:
    """Return the pixels `[size, size]` that differ between any two values of an attribute.

    A translator that edits the attribute may change these and no others.
    """
    shown = [
        draw_moment(*edited(scene, moment, attribute, value), size) for value in EDITABLE[attribute]
    ]
    differs: NDArray[np.bool_] = (np.stack(shown) != shown[0]).any((0, 3))
    return differs
