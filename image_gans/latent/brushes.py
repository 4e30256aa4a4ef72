"""Brushes of edits: what an edited image is asked to show, as distances of images.

Zhu et al. 2016, "Generative Visual Manipulation on the Natural Image Manifold" (iGAN), has three:

    colour   the pixels under the stroke have its colour
    sketch   the image has edges along the drawn lines, in their direction (HOG, Dalal and Triggs 2005)
    warp     a square window is dragged; where it ends, the image has its colours and its edges

Directions of edges are those of HOG, without a sign: with the gradient (g_x, g_y) of the brightness, of
length m and angle phi, averages over cells of a few pixels of

    h_k = m max(0, cos 2 (phi - theta_k)),   theta_k = pi k / K,  k < K

each cell divided by the length of its vector h. The brightness of a line does not matter, nor its side.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from seqgan_kit.errors import UsageError

_DIRECTIONS = 8
_FAINT = 0.05
"""Mean gradient of a cell, in brightness per pixel, that counts as half an edge."""


class Brush(Protocol):
    """What an edited image is asked to show."""

    def loss(self, images: Tensor) -> Tensor:
        """Return how far images [N,C,H,W] are from it [N]."""


@dataclass(frozen=True)
class Strokes:
    """Colours that were painted over an image."""

    colours: Tensor
    """[C,H,W] in [-1,1]; read where the mask is set."""
    mask: Tensor
    """[H,W], True on stroked pixels."""

    def __post_init__(self) -> None:
        if self.colours.shape[1:] != self.mask.shape:
            raise UsageError(
                f"the strokes have colours {list(self.colours.shape)} and a mask {list(self.mask.shape)}: "
                "give both for the same pixels."
            )
        if not self.mask.any():
            raise UsageError("no pixel is stroked: paint on the image first.")

    def loss(self, images: Tensor) -> Tensor:
        """Return the mean squared colour differences [N] of images [N,C,H,W] on the stroked pixels."""
        if images.shape[1:] != self.colours.shape:
            raise UsageError(
                f"the images are {list(images.shape[1:])} and the strokes {list(self.colours.shape)}: paint "
                "in the size and channels of the model's images."
            )
        wanted = self.colours.to(images)[:, self.mask]
        return (images[:, :, self.mask] - wanted).square().flatten(1).mean(1)


@dataclass(frozen=True)
class Outline:
    """Edges that an image is to have, by the directions in cells."""

    directions: Tensor
    """[K,h,w], of length 1 or less in each cell."""
    cells: Tensor
    """[h,w], True where they are wanted."""
    cell: int
    """Side of a cell in pixels."""
    weight: float = 0.05
    """Weight of the mean squared difference."""

    def __post_init__(self) -> None:
        if not self.cells.any():
            raise UsageError("no line is drawn: draw on the image first.")

    @classmethod
    def of_lines(cls, lines: Tensor, cell: int = 2) -> Outline:
        """Return the outline of drawn lines [H,W], 1 on a line and 0 elsewhere."""
        found = directions(-lines.to(torch.float32)[None, None], cell)[0]
        return cls(found, found.square().sum(0) > 0.25, cell)

    @classmethod
    def of_part(cls, image: Tensor, mask: Tensor, cell: int = 2) -> Outline:
        """Return the edges of an image [C,H,W] in the cells that lie in a mask [H,W] by half or more."""
        covered = functional.avg_pool2d(mask.to(torch.float32)[None, None], cell)[0, 0]
        return cls(directions(image[None], cell)[0], covered >= 0.5, cell)

    def loss(self, images: Tensor) -> Tensor:
        """Return the weighted mean squared differences [N] of directions of images [N,C,H,W]."""
        found = directions(images, self.cell)
        if found.shape[1:] != self.directions.shape:
            raise UsageError(
                f"the images have {list(found.shape[2:])} cells and the outline "
                f"{list(self.cells.shape)}: draw in the size of the model's images."
            )
        away = (found - self.directions.to(found)).square().sum(1)[:, self.cells]
        return self.weight * away.mean(1)


def directions(images: Tensor, cell: int) -> Tensor:
    """Return the directions of edges [N,K,h,w] of images [N,C,H,W], in cells of ``cell`` pixels a side."""
    if cell < 1 or cell > min(images.shape[2:]):
        raise UsageError(
            f"cells of {cell} pixels do not fit images of {list(images.shape[2:])} pixels."
        )
    padded = functional.pad(images.mean(1, keepdim=True), (1, 1, 1, 1), mode="replicate")
    across = (padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2]) / 2
    down = (padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1]) / 2
    length = (across.square() + down.square() + 1e-12).sqrt()
    # The angle is doubled by these formulas, so opposite gradients are one direction.
    doubled = (across.square() - down.square()) / length, 2 * across * down / length
    angles = [2 * math.pi * k / _DIRECTIONS for k in range(_DIRECTIONS)]
    soft = [math.cos(a) * doubled[0] + math.sin(a) * doubled[1] for a in angles]
    cells = functional.avg_pool2d(torch.cat(soft, 1).relu(), cell)
    return cells / (cells.square().sum(1, keepdim=True) + _FAINT**2).sqrt()


def warped(image: Tensor, window: Tensor, down: int, across: int, cell: int = 2) -> list[Brush]:
    """Return the brushes of a window that is dragged: its colours and edges at its new place.

    Args:
        image: [C,H,W] before the edit.
        window: [H,W], True on the pixels of the window.
        down, across: pixels by which it is dragged; what leaves the image is lost.
        cell: side of a cell in pixels.
    """
    height, width = window.shape
    if abs(down) >= height or abs(across) >= width:
        raise UsageError(
            f"the window is dragged by {down} and {across} pixels, out of an image of {height} x {width}: "
            "drag it by less."
        )
    moved, mask = (shifted(x, down, across) for x in (image, window[None].to(image)))
    if not mask.any():
        raise UsageError("the whole window is dragged out of the image: drag it by less.")
    place = mask[0] > 0
    return [Strokes(moved, place), Outline.of_part(moved, place, cell)]


def shifted(x: Tensor, down: int, across: int) -> Tensor:
    """Return [C,H,W] moved by pixels, with zeros where nothing comes from."""
    moved = torch.zeros_like(x)
    height, width = x.shape[1:]
    rows, columns = (
        (slice(max(0, by), size + min(0, by)), slice(max(0, -by), size + min(0, -by)))
        for by, size in ((down, height), (across, width))
    )
    moved[:, rows[0], columns[0]] = x[:, rows[1], columns[1]]
    return moved


def total_loss(brushes: Sequence[Brush], images: Tensor) -> Tensor:
    """Return the sum of the losses of brushes [N]."""
    return torch.stack([brush.loss(images) for brush in brushes]).sum(0)
