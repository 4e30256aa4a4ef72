"""Images of a scene and their exact twins after an edit, with what a user would draw to ask for it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seqgan_kit.data.catworld.drawing.draw_scene import draw_moment
from seqgan_kit.data.catworld.drawing.moment import Moment
from seqgan_kit.data.catworld.scenes.scene import Scene
from seqgan_kit.data.catworld.views.edits import AGE, edited, may_change
from seqgan_kit.data.catworld.views.part_maps import outline_image
from seqgan_kit.errors import UsageError

_WINDOW = 0.3
"""Half the side of a window around a head, as a fraction of the image's side."""


@dataclass(frozen=True)
class EditedPair:
    """An image and its edited twin."""

    source: NDArray[np.uint8]
    """`[size, size, 3]`."""
    twin: NDArray[np.uint8]
    """`[size, size, 3]`."""
    mask: NDArray[np.bool_]
    """Pixels that may differ `[size, size]`."""
    lines: NDArray[np.bool_]
    """Borders between the parts of the twin that may differ from the source `[size, size]`."""
    window: NDArray[np.bool_]
    """A square around the first cat's head in the source `[size, size]`."""


def attribute_twins(
    scene: Scene, moment: Moment, attribute: str, value: str, size: int
) -> EditedPair:
    """Return a scene, and the same with an attribute changed."""
    after = edited(scene, moment, attribute, value)
    mask = may_change(scene, moment, attribute, size)
    return _twins((scene, moment), after, mask, size)


def moved_twins(scene: Scene, moment: Moment, across: int, size: int) -> EditedPair:
    """Return a scene, and the same with all its cats moved to the right by pixels (to the left, if negative).

    The mask has the pixels that differ; light is not moved.
    """
    if not 0 < abs(across) < size // 2:
        raise UsageError(
            f"cats are moved by {across} pixels; allowed are 1 to {size // 2 - 1} pixels, to the left by "
            "negative numbers."
        )
    cats = tuple(replace(looks, x=looks.x + across / size) for looks in moment.cats)
    after = scene, replace(moment, cats=cats)
    differs = draw_moment(scene, moment, size) != draw_moment(*after, size)
    return _twins((scene, moment), after, differs.any(2), size)


def split_view(view: str) -> tuple[str, str]:
    """Return attribute and value of an edit such as ``coat=ginger``."""
    attribute, sign, value = view.partition("=")
    if not sign:
        raise UsageError(
            f"the edit {view!r} has no value: give ATTRIBUTE=VALUE, such as coat=ginger or {AGE}=old."
        )
    return attribute, value


def _twins(
    before: tuple[Scene, Moment], after: tuple[Scene, Moment], mask: NDArray[np.bool_], size: int
) -> EditedPair:
    lines = outline_image(*after, size)[:, :, 0] == 0
    looks = before[1].cats[0]
    places = (np.arange(size) + 0.5) / size
    near = [np.abs(places - centre) < _WINDOW for centre in (looks.y, looks.x)]
    window = near[0][:, None] & near[1][None]
    return EditedPair(
        draw_moment(*before, size), draw_moment(*after, size), mask, lines & mask, window
    )
