"""Edits with a known result: images of the cat world, their twins, and the brushes that ask for them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from image_gans.latent.brushes import Brush, Outline, Strokes, shifted, warped
from seqgan_kit.data.catworld.views.twins import attribute_twins, moved_twins, split_view
from seqgan_kit.data.images.pixels import to_float
from seqgan_kit.data.pairs.world_pairs import scene_of_test
from seqgan_kit.errors import UsageError, unknown

COLOUR, OUTLINE, WARP = "colour", "outline", "warp"
BRUSHES = (COLOUR, OUTLINE, WARP)


@dataclass(frozen=True)
class BrushTask:
    """Images, their edited twins, and brushes that tell a part of the edit."""

    sources: Tensor
    """[N,C,H,W] in [-1,1]."""
    twins: Tensor
    """[N,C,H,W]."""
    masks: Tensor
    """[N,1,H,W], True where the edit may change the image."""
    strokes: Tensor
    """[N,H,W], True on pixels that are painted, on drawn lines, or where a dragged window ends."""
    painted: Tensor
    """[N,C,H,W], what is seen there: the twin's colours, black lines, or the window's content."""
    brushes: list[list[Brush]]
    """The brushes of each image."""


def brush_task(
    view: str, images: int, size: int, share: float, seed: int, brush: str = "colour", by: int = 4
) -> BrushTask:
    """Draw test scenes of the cat world that the edit changes, their twins, and brushes.

    Args:
        view: the edit, such as ``coat=ginger``; ``warp`` moves cats instead.
        images: number of scenes to draw; those that the edit leaves as they are, or with several cats to
            move, are left out.
        size: pixels.
        share: ``colour``: of the pixels that may differ, those to stroke with the twin's colours.
        seed: of the strokes.
        brush: colour, outline (borders of the twin's parts where it may differ) or warp (a window around the
            head is dragged).
        by: ``warp``: pixels to the right.
    """
    if brush not in BRUSHES:
        raise unknown("brush", brush, BRUSHES)
    scenes = [scene_of_test(number) for number in range(images)]
    if brush == WARP:
        drawn = [moved_twins(*shown, by, size) for shown in scenes if len(shown[0].cats) == 1]
    else:
        drawn = [attribute_twins(*shown, *split_view(view), size) for shown in scenes]
    kept = [twins for twins in drawn if (twins.source != twins.twin).any()]
    if not kept:
        raise UsageError(
            f"--view {view} changes none of the {images} images: take another edit, or more images."
        )
    sources, twins = (_pixels([getattr(t, name) for t in kept]) for name in ("source", "twin"))
    masks, lines, windows = (
        torch.from_numpy(np.stack([getattr(t, name) for t in kept]))
        for name in ("mask", "lines", "window")
    )
    if brush == COLOUR:
        rng = torch.Generator().manual_seed(seed)
        strokes = masks & (torch.rand(masks.shape, generator=rng) < share)
        asked: list[list[Brush]] = [[Strokes(*pair)] for pair in zip(twins, strokes, strict=True)]
        painted = twins
    elif brush == OUTLINE:
        strokes, painted = lines, torch.full_like(twins, -1.0)
        asked = [[Outline.of_lines(drawing)] for drawing in lines]
    else:
        asked = [warped(*pair, 0, by) for pair in zip(sources, windows, strict=True)]
        strokes = torch.stack([shifted(window[None], 0, by)[0] for window in windows])
        painted = torch.stack([shifted(image, 0, by) for image in sources])
    return BrushTask(sources, twins, masks[:, None], strokes, painted, asked)


def _pixels(images: list[np.ndarray]) -> Tensor:
    return to_float(torch.from_numpy(np.stack(images).transpose(0, 3, 1, 2).copy()))
