"""Images of a run's test data, cut from the sheets that the run drew, to try a translator on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from seqgan_kit.core.runs.log import SHEET_COLUMNS, SHEETS
from seqgan_kit.data.images.pixels import to_float

_GAP = 2  # white pixels around each image of a sheet
_SOURCES, _, _TARGETS = SHEETS


def example_images(folder: Path, verb: str, size: int, channels: int) -> Tensor:
    """Return the images [N,C,H,W] in [-1,1] of a run's sheet that a verb takes; N is 0 without a sheet.

    Args:
        folder: the run's directory.
        verb: ``translate``, ``rebuild`` or ``reverse``, which takes targets.
        size: side of the model's images in pixels.
        channels: 1 or 3.
    """
    path = folder / "figures" / (_TARGETS if verb == "reverse" else _SOURCES)
    try:
        with Image.open(path) as opened:
            sheet = np.array(opened.convert("L" if channels == 1 else "RGB"))
    except OSError:
        return torch.empty(0, channels, size, size)
    return to_float(_cut(torch.from_numpy(sheet).view(*sheet.shape[:2], channels), size))


def _cut(sheet: Tensor, size: int) -> Tensor:
    """Return the images [N,C,H,W] of a sheet [H,W,C], which shows each pixel several times."""
    _, width, channels = sheet.shape
    cell, rest = divmod(width - _GAP, SHEET_COLUMNS)
    scale, uneven = divmod(cell - _GAP, size)
    if rest or uneven or scale < 1:
        return sheet.new_empty(0, channels, size, size)
    rows = sheet[_GAP:, _GAP:].unfold(0, cell - _GAP, cell).unfold(1, cell - _GAP, cell)
    images = rows[..., ::scale, ::scale].flatten(0, 1)
    return images[(images != 255).flatten(1).any(1)]  # The last row may have empty places.
