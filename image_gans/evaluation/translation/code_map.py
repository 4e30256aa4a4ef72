"""A map of two-dimensional codes: a panel for each of the labels that the codes tell most of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from image_gans.grids import save_picture

_PALETTE = (
    (0, 114, 178), (230, 159, 0), (0, 158, 115), (204, 121, 167), (213, 94, 0), (86, 180, 233),
    (120, 120, 120), (240, 228, 66),
)  # fmt: skip
"""Colours that colour-blind readers can tell apart (Okabe and Ito 2008)."""
_SIDE, _HEAD, _LINE, _DOT, _EDGE = 360, 34, 14, 2, 8
_PANELS = 3
_INK, _PAPER = (40, 40, 40), (255, 255, 255)


def between_classes(codes: Tensor, classes: Tensor) -> float:
    """Return the share of the codes' variance that lies between classes: [N,d], [N] from 0 -> 0 to 1.

    Rows without a class (-1) are left out. 0: all classes have one mean; 1: a class is one point.
    """
    codes, classes = codes[classes >= 0].double(), classes[classes >= 0]
    total = (codes - codes.mean(0)).square().sum()
    if not len(codes) or total == 0:
        return 0.0
    within = sum(
        (rows - rows.mean(0)).square().sum()
        for rows in (codes[classes == number] for number in classes.unique())
    )
    return float(1 - within / total)


def draw_code_map(
    codes: Tensor,
    labels: Mapping[str, Tensor],
    names: Mapping[str, Sequence[str]],
    path: Path,
) -> Path:
    """Draw codes [N,2] as dots coloured by class; return the path of the PNG.

    Args:
        codes: the codes.
        labels: classes [N] by label; those that tell most of the codes get a panel each.
        names: names of the classes of each label.
        path: of the PNG.
    """
    shares = {name: between_classes(codes, values) for name, values in labels.items()}
    chosen = sorted(shares, key=lambda name: -shares[name])[:_PANELS]
    panels = [
        _panel(codes, labels[n], names[n], f"{n}: {shares[n]:.0%} of the codes' variance")
        for n in chosen
    ] or [_panel(codes, torch.zeros(len(codes), dtype=torch.int64), (), "codes")]
    sheet = Image.new("RGB", (_SIDE * len(panels), panels[0].height), _PAPER)
    for place, panel in enumerate(panels):
        sheet.paste(panel, (place * _SIDE, 0))
    return save_picture(sheet, path)


def _panel(codes: Tensor, classes: Tensor, names: Sequence[str], title: str) -> Image.Image:
    panel = Image.new("RGB", (_SIDE, _SIDE + _HEAD + _LINE), _PAPER)
    draw = ImageDraw.Draw(panel)
    draw.text((_EDGE, _EDGE // 2), title, fill=_INK)
    across = _EDGE
    for number, name in enumerate(names):
        draw.text((across, _EDGE // 2 + _LINE), name, fill=_colour(number))
        across += int(draw.textlength(name)) + _EDGE
    lowest, highest = codes.amin(0), codes.amax(0)
    places = (codes - lowest) / (highest - lowest).clamp_min(1e-9)
    pixels = _EDGE + places * (_SIDE - 2 * _EDGE)
    for (x, y), number in zip(pixels.tolist(), classes.tolist(), strict=True):
        if number >= 0:
            y = _HEAD + _LINE + _SIDE - y
            draw.ellipse((x - _DOT, y - _DOT, x + _DOT, y + _DOT), fill=_colour(number))
    return panel


def _colour(number: int) -> tuple[int, int, int]:
    return _PALETTE[number % len(_PALETTE)]
