"""Grids of images in one PNG."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from seqgan_kit.core.runs.log import write_whole
from seqgan_kit.data.images.pixels import to_uint8
from seqgan_kit.errors import UsageError

_BACKGROUND = 255


def grid(images: Tensor, *, columns: int | None = None, padding: int = 2, scale: int = 1) -> Tensor:
    """[N,C,H,W] in [-1,1] or uint8 -> [C,rows*(h+padding)+padding,columns*(w+padding)+padding] uint8.

    Row after row from the top left; what the last row lacks is white, as the padding around every image.

    Args:
        images: the images.
        columns: images in a row; the root of N, rounded up, unless given.
        padding: white pixels around each image.
        scale: how many pixels of the grid, in each direction, show one of an image (h = scale * H).
    """
    if images.dim() != 4 or images.shape[1] not in (1, 3) or len(images) == 0:
        raise UsageError(
            f"a grid takes images of shape [N,1,H,W] or [N,3,H,W] with N > 0, not {list(images.shape)}."
        )
    columns = math.ceil(math.sqrt(len(images))) if columns is None else columns
    if columns < 1 or padding < 0 or scale < 1:
        raise UsageError(
            "a grid needs columns of 1 or more, padding of 0 or more and scale of 1 or more, "
            f"got {columns}, {padding} and {scale}."
        )
    pixels = (images if images.dtype == torch.uint8 else to_uint8(images)).cpu()
    pixels = pixels.repeat_interleave(scale, 2).repeat_interleave(scale, 3)
    _, channels, height, width = pixels.shape
    rows, down, across = math.ceil(len(pixels) / columns), height + padding, width + padding
    sheet = torch.full(
        (channels, rows * down + padding, columns * across + padding),
        _BACKGROUND,
        dtype=torch.uint8,
    )
    for number, picture in enumerate(pixels):
        top, left = padding + number // columns * down, padding + number % columns * across
        sheet[:, top : top + height, left : left + width] = picture
    return sheet


def enlargement(images: Tensor) -> int:
    """Return the factor that makes images [...,W] about as wide as 96 pixels, to be visible in a report."""
    return max(1, 96 // images.shape[-1])


def save_grid(
    images: Tensor, path: Path, *, columns: int | None = None, padding: int = 2, scale: int = 1
) -> Path:
    """Write :func:`grid` of the images as a PNG, making its folder; return the path."""
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise UsageError(f"a grid is written as PNG, but {path} does not end in .png.")
    sheet = grid(images, columns=columns, padding=padding, scale=scale).numpy()
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = sheet[0] if len(sheet) == 1 else np.ascontiguousarray(sheet.transpose(1, 2, 0))
    return save_picture(Image.fromarray(pixels), path)


def save_each(images: Tensor, folder: Path) -> Path:
    """Write each of [N,C,H,W] images into a PNG of its own, numbered from 0; return the folder."""
    pixels = (images if images.dtype == torch.uint8 else to_uint8(images)).cpu().numpy()
    digits = max(5, len(str(len(pixels) - 1)))
    for number, image in enumerate(pixels):
        flat = image[0] if len(image) == 1 else np.ascontiguousarray(image.transpose(1, 2, 0))
        save_one_of_many(Image.fromarray(flat), folder / f"{number:0{digits}}.png")
    return folder


def save_one_of_many(picture: Image.Image, path: Path) -> None:
    """Write an image as PNG, whole or not at all.

    Not synchronised one by one: a thousand files would take a minute on a slow disk.
    """
    begun = path.with_name(f".{path.name}.part")
    try:
        picture.save(begun, "PNG")
        begun.replace(path)
    except OSError as error:
        begun.unlink(missing_ok=True)
        error.filename = str(path)  # A full disk's error has no name of its own.
        raise


def save_picture(picture: Image.Image, path: Path, kind: str = "PNG", **options: Any) -> Path:
    """Write an image whole or not at all; return the path."""
    content = io.BytesIO()
    picture.save(content, format=kind, **options)
    write_whole(path, content.getvalue())
    return path
