"""Named views: the source and target images of one scene at one moment.

parts, outline      part map or outline -> image
unlit               flat colours without light and shade, as a simple simulator draws -> image
near                small and far -> large and near
glasses, hat        without -> with
kitten, old         adult -> another age
hand                a hand before the face -> without
ATTRIBUTE=VALUE     as it is -> with that attribute changed, such as coat=ginger
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqgan_kit.data.catworld.captions.caption import CatWorld
from seqgan_kit.data.catworld.drawing.draw_scene import blank, draw_moment
from seqgan_kit.data.catworld.drawing.hand import Hand, covered
from seqgan_kit.data.catworld.drawing.moment import Moment
from seqgan_kit.data.catworld.scenes.scene import Scene
from seqgan_kit.data.catworld.views.edits import AGE, EDITABLE, edited, may_change
from seqgan_kit.data.catworld.views.part_maps import outline_image, part_image
from seqgan_kit.errors import unknown

Picture = NDArray[np.uint8]
Shown = tuple[Scene, Moment]


@dataclass(frozen=True)
class PairOfViews:
    """Two images of one scene at one moment."""

    source: Picture
    """`[size, size, 3]`."""
    target: Picture
    """`[size, size, 3]`."""
    mask: NDArray[np.bool_]
    """Pixels that may differ `[size, size]`."""
    labels: dict[str, int]
    """Of the target, as `Scene.labels`."""


def scene_of_face(seed: int, stream: int, number: int) -> Shown:
    """Return the scene and the moment of a face, as drawn by ``build``."""
    rng = np.random.default_rng((seed, stream, number))
    scene, _ = CatWorld().sample_pair(rng)
    return scene, Moment.sampled(scene, rng)


def draw_views(name: str, scene: Scene, moment: Moment, size: int) -> PairOfViews:
    """Draw the source and target images of a view.

    Args:
        name: name of the view.
        scene: what to show.
        moment: everything that the scene does not determine.
        size: height and width in pixels, 16 to 256.

    Raises:
        UsageError: for an unknown name.
    """
    check_view(name)
    if name in _WHOLE:
        source, target = _WHOLE[name](scene, moment, size), draw_moment(scene, moment, size)
        return PairOfViews(source, target, np.ones((size, size), dtype=bool), scene.labels())
    if name == HAND:
        return _with_hand(scene, moment, size)
    attribute, before, after = _EDITS.get(name) or (
        name.partition("=")[0],
        "",
        name.partition("=")[2],
    )
    shown = edited(scene, moment, attribute, before) if before else (scene, moment)
    wanted = edited(scene, moment, attribute, after)
    mask = may_change(scene, moment, attribute, size)
    return PairOfViews(
        draw_moment(*shown, size), draw_moment(*wanted, size), mask, wanted[0].labels()
    )


def check_view(name: str) -> None:
    """Raise UsageError for an unknown view."""
    attribute, sign, value = name.partition("=")
    if sign and attribute in EDITABLE:
        if value not in EDITABLE[attribute]:
            raise unknown(attribute, value, EDITABLE[attribute])
    elif name not in VIEWS:
        edits = [f"{attribute}=VALUE" for attribute in EDITABLE]
        raise unknown("view of the cat world", name, [*VIEWS, *edits])


def _flat(scene: Scene, moment: Moment, size: int) -> Picture:
    return draw_moment(scene, moment, size, flat=True)


def hand_of(moment: Moment) -> Hand:
    """Return the hand of a moment, drawn by a generator of its own, so that nothing else changes."""
    return Hand.sampled(np.random.default_rng(copy.deepcopy(moment.background).integers(2**63)))


def _with_hand(scene: Scene, moment: Moment, size: int) -> PairOfViews:
    hand, (_, factor) = hand_of(moment), blank(size)
    source = draw_moment(scene, moment, size, hand=hand)
    mask = covered(size, factor, hand)
    return PairOfViews(source, draw_moment(scene, moment, size), mask, scene.labels())


_WHOLE: Mapping[str, Callable[[Scene, Moment, int], Picture]] = {
    "parts": part_image,
    "outline": outline_image,
    "unlit": _flat,
}
_EDITS: Mapping[str, tuple[str, str, str]] = {
    "near": ("size", "small", "large"),
    "glasses": ("accessory", "nothing", "glasses"),
    "hat": ("accessory", "nothing", "hat"),
    "kitten": (AGE, "adult", "kitten"),
    "old": (AGE, "adult", "old"),
}
HAND = "hand"
VIEWS = (*_WHOLE, *_EDITS, HAND)
"""Views with a fixed name."""
