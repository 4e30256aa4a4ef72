"""True tangents of the cat world: how a face changes with a continuous parameter of its moment.

    dx/dp = (x(p + h) - x(p - h)) / 2h        central difference of redrawn images, pixels in [-1,1]

tilt: rotation of the heads in radians. size: scale factor of the heads. light: brightness of the light.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from seqgan_kit.data.catworld.drawing.draw_scene import draw_moment
from seqgan_kit.data.catworld.drawing.moment import Moment
from seqgan_kit.data.catworld.scenes.scene import Scene
from seqgan_kit.errors import unknown


def turned(moment: Moment, by: float) -> Moment:
    """Return the moment with all heads turned by ``by`` radians."""
    return replace(moment, cats=tuple(replace(cat, turn=cat.turn + by) for cat in moment.cats))


def scaled(moment: Moment, by: float) -> Moment:
    """Return the moment with all heads larger by the fraction ``by``."""
    cats = tuple(replace(cat, scale=cat.scale * (1 + by)) for cat in moment.cats)
    return replace(moment, cats=cats)


def brightened(moment: Moment, by: float) -> Moment:
    """Return the moment in a light that is brighter by the fraction ``by``."""
    return replace(moment, light=replace(moment.light, tint=moment.light.tint * (1 + by)))


TANGENTS: Mapping[str, tuple[Callable[[Moment, float], Moment], float]] = {
    "tilt": (turned, 0.05),
    "size": (scaled, 0.04),
    "light": (brightened, 0.04),
}
"""Change of a moment, and the step h, by parameter. A step moves edges by about half a pixel of 32, since
smaller ones drown in the rounding of pixels."""


def tangent(scene: Scene, moment: Moment, parameter: str, size: int) -> NDArray[np.float64]:
    """Return the derivative `[3, size, size]` of a face by a parameter, for pixels in [-1,1].

    Raises:
        UsageError: for an unknown parameter.
    """
    if parameter not in TANGENTS:
        raise unknown("parameter of a moment", parameter, TANGENTS)
    change, step = TANGENTS[parameter]
    ahead, behind = (
        draw_moment(scene, change(moment, by), size).astype(np.float64) for by in (step, -step)
    )
    return ((ahead - behind) / (127.5 * 2 * step)).transpose(2, 0, 1)
