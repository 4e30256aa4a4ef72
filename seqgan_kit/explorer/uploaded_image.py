"""Images that a visitor uploads: bounded in bytes and pixels before they are decoded."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from seqgan_kit.data.images.pixels import decode, to_float
from seqgan_kit.errors import DataError

MOST_BYTES = 10_000_000
MOST_PIXELS = 40_000_000


def read_upload(file: str | Path | None, size: int, channels: int) -> Tensor:
    """Return the central square of an uploaded image file as [1,C,H,W] in [-1,1], resized.

    Args:
        file: path of the upload; None if there is none.
        size: side in pixels.
        channels: 1 or 3.

    Raises:
        DataError: no file, too many bytes or pixels, or no image.
    """
    if file is None:
        raise DataError("no image was given: upload a PNG or JPEG file.")
    path = Path(file)
    if (count := path.stat().st_size) > MOST_BYTES:
        raise DataError(
            f"the file has {count / 1e6:.0f} MB: upload an image of {MOST_BYTES / 1e6:.0f} MB or less."
        )
    data = path.read_bytes()
    _check_pixels(data)
    with warnings.catch_warnings():
        # Pillow warns about odd metadata in images that it reads correctly.
        warnings.filterwarnings("ignore", module=r"PIL\.")
        try:
            pixels = decode(data, size=size, channels=channels, crop="centre").pixels
        except DataError as error:
            raise DataError(
                f"the image is damaged ({error}): upload another PNG or JPEG file."
            ) from None
    return to_float(torch.from_numpy(pixels)[None])


def _check_pixels(data: bytes) -> None:
    """Refuse too large images by their header, before any pixel is decoded."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data)) as opened:
                width, height = opened.size
    except Image.DecompressionBombError:
        width = height = MOST_PIXELS
    except Exception:  # Pillow's readers raise many kinds of errors for bytes that are no image.
        raise DataError("the file is not an image: upload a PNG or JPEG file.") from None
    if width * height > MOST_PIXELS:
        raise DataError(
            f"the image has more than {MOST_PIXELS / 1e6:.0f} million pixels: upload a smaller one."
        )
