"""Decode one image to a small array: orientation, colour, crop, antialiased resizing."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor

from seqgan_kit.errors import DataError, unknown

Crop = Literal["centre", "smart"]
_SIXTEEN_BIT = ("I;16", "I;16L", "I;16B", "I;16N", "I")
_ORIENTATION = ("exif", "xmp", "XML:com.adobe.xmp", "Raw profile type exif")
"""Metadata that may state the orientation; without them it is not read, which saves a third of the time."""
_LOOKING_PIXELS = 64
"""Short side at which a smart crop measures gradients; finer detail is mostly noise and JPEG artefacts."""


@dataclass(frozen=True)
class Picture:
    """A decoded image.

    Attributes:
        pixels: ``[C,H,W]`` uint8, square.
        width, height: as stored, in pixels.
    """

    pixels: NDArray[np.uint8]
    width: int
    height: int


def to_float(images: Tensor) -> Tensor:
    """Convert uint8 0..255 to float32 in [-1, 1], on the images' device."""
    return images.to(torch.float32).div_(127.5).sub_(1.0)


def to_uint8(images: Tensor) -> Tensor:
    """Invert :func:`to_float`, with rounding and clipping."""
    return images.to(torch.float32).add(1.0).mul_(127.5).round_().clamp_(0, 255).to(torch.uint8)


def decode(data: bytes, *, size: int, channels: int, crop: Crop) -> Picture:
    """Decode one image.

    Args:
        data: an encoded image of any size and mode; of an animation, the first frame is used.
        size: height and width of the result in pixels.
        channels: 1 for grey, 3 for RGB.
        crop: ``centre``, or ``smart``: the square along the longer side with the most gradient energy.

    Raises:
        DataError: the bytes are not an image, or the image is damaged.
    """
    try:
        with Image.open(io.BytesIO(data)) as opened:
            # JPEG decoders can shrink by 2, 4 or 8 at no cost; twice the target size leaves enough for the
            # resize filter.
            opened.draft(None, (2 * size, 2 * size))
            width, height = opened.size
            opened.draft(None, (2 * size, 2 * size))
            opened.load()
            turned = opened.format == "TIFF" or any(key in opened.info for key in _ORIENTATION)
            flat = flatten(ImageOps.exif_transpose(opened) if turned else opened, channels)
    except MemoryError:
        raise
    # Each of Pillow's decoders raises its own errors for unreadable files, including RuntimeError,
    # NotImplementedError and struct.error. All of them mean that the bytes are not a valid image.
    except Exception as error:
        raise DataError(str(error).strip().split("\n")[0] or type(error).__name__) from None
    box = crop_box(flat, crop)
    if box != (0, 0, *flat.size) or flat.size != (size, size):
        resized = flat.resize((size, size), Image.Resampling.LANCZOS, box=box, reducing_gap=3.0)
    else:
        resized = flat
    array = np.asarray(resized, dtype=np.uint8).reshape(size, size, channels)
    return Picture(array.transpose(2, 0, 1).copy(), width, height)


def flatten(image: Image.Image, channels: int) -> Image.Image:
    """Convert to mode L or RGB: transparency over white, 16 bits to 8, palettes and CMYK to colours."""
    if image.mode in _SIXTEEN_BIT:
        # Pillow's own conversion clips at 255, which turns most of a 16-bit image white.
        values = np.asarray(image).astype(np.float64).clip(0, 65535) / 257.0
        image = Image.fromarray(np.rint(values).astype(np.uint8))
    if image.mode == "F":
        raise ValueError(
            "the range of floating-point pixels is unknown; save the image with 8 or 16 bits"
        )
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, image)
    return image.convert("L" if channels == 1 else "RGB")


def crop_box(image: Image.Image, crop: Crop) -> tuple[int, int, int, int]:
    """Return the left, upper, right and lower edges of the square to keep."""
    width, height = image.size
    side = min(width, height)
    if crop == "centre" or width == height:
        left, upper = (width - side) // 2, (height - side) // 2
    elif crop == "smart":
        scale = min(1.0, _LOOKING_PIXELS / side)
        small = image.convert("L").resize(
            (max(1, round(width * scale)), max(1, round(height * scale))), Image.Resampling.BOX
        )
        grey = np.asarray(small, dtype=np.float64)
        offset = busiest_window(grey if width > height else grey.T)
        offset = min(round(offset / scale), max(width, height) - side)
        left, upper = (offset, 0) if width > height else (0, offset)
    else:
        raise unknown("crop", crop, ("centre", "smart"))
    return left, upper, left + side, upper + side


def busiest_window(grey: NDArray[np.float64]) -> int:
    """Return the first column of the square window with the most gradient energy.

    The energy of a window is the sum of the squared brightness gradient over its pixels, so edges and texture
    count, and uniform areas do not. If several windows are equal, the one nearest the centre is taken.

    Args:
        grey: ``[H,W]`` brightness, W at least H.
    """
    height, width = grey.shape
    energy = np.zeros(width)
    if width > 1:
        energy += (np.gradient(grey, axis=1) ** 2).sum(axis=0)
    if height > 1:
        energy += (np.gradient(grey, axis=0) ** 2).sum(axis=0)
    total = np.concatenate([[0.0], np.cumsum(energy)])
    windows = total[height:] - total[: width - height + 1]
    best = np.flatnonzero(windows >= windows.max() * (1 - 1e-9))
    centre = (width - height) / 2
    return int(best[np.argmin(np.abs(best - centre))])
