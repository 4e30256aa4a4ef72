"""Scatter plots of points in the plane as PNG."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

_MODE, _POINT = (240, 178, 122), (0, 90, 160)
_SEEN_THROUGH = 0.5  # of what lies under one point: a mode full of points gets dark
_DOT = 2


def save_scatter(
    points: Tensor,
    path: Path,
    *,
    centres: Tensor | None = None,
    radius: float = 0.0,
    pixels: int = 512,
) -> Path:
    """Draw points [N,2] over the modes they should lie in; return the path of the PNG.

    Args:
        points: points; those outside the image are left out.
        path: path of the PNG; its folder is created.
        centres: [M,2] of the modes, if they are known; the image shows them and a quarter more in every
            direction, or else all points.
        radius: of the discs that show the modes.
        pixels: side of the image.
    """
    shown = points if centres is None else centres
    half = 1.25 * max(float(shown.abs().max()), 1e-6) + radius
    paper = np.full((pixels, pixels, 3), 255.0)
    if centres is not None:
        paper[_discs(centres, radius, half, pixels)] = _MODE
    dark = 1 - _SEEN_THROUGH ** _counts(points, half, pixels)[:, :, None]
    picture = paper * (1 - dark) + np.array(_POINT, float) * dark
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture.round().astype(np.uint8)).save(path, format="PNG")
    return path


def _discs(centres: Tensor, radius: float, half: float, pixels: int) -> np.ndarray:
    """[pixels,pixels] bool: in a disc around a centre, which is never too small to be seen."""
    places = torch.linspace(-half, half, pixels, dtype=torch.float64)
    across, down = torch.meshgrid(places, -places, indexing="xy")
    cells = torch.stack([across, down], 2).flatten(0, 1)
    nearest = torch.cdist(cells, centres.double().cpu()).amin(1)
    inside: np.ndarray = (nearest <= max(radius, 6 * half / pixels)).view(pixels, pixels).numpy()
    return inside


def _counts(points: Tensor, half: float, pixels: int) -> np.ndarray:
    """[pixels,pixels]: how many points, each a small square, cover each pixel."""
    found = points.detach().double().cpu()
    columns = ((found[:, 0] + half) / (2 * half) * pixels).round()
    rows = ((half - found[:, 1]) / (2 * half) * pixels).round()
    counts = np.zeros((pixels, pixels))
    for right in range(_DOT):
        for lower in range(_DOT):
            at = torch.stack([rows + lower, columns + right], 1) - _DOT // 2
            seen = at[((at >= 0) & (at < pixels)).all(1)].long().numpy()
            np.add.at(counts, (seen[:, 0], seen[:, 1]), 1)
    return counts
