"""The preprocessing that a model's ``preprocessor_config.json`` states, without torchvision.

Images are rounded to 8 bits and resized with antialiasing, as the library's own processors do with Pillow;
pixels are rounded after each axis. Pillow computes in integers, so a pixel may differ by 2 of 255.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from seqgan_kit.data.images.pixels import to_uint8
from seqgan_kit.errors import DataError

FILE = "preprocessor_config.json"
_FILTERS = {2: "bilinear", 3: "bicubic"}
"""Pillow's numbers of filters."""


@dataclass(frozen=True)
class ImageProcessing:
    """Resize, crop the centre, scale, normalise; None leaves a step out."""

    shortest: int | None = None
    """Pixels of the shorter side after resizing."""
    exact: tuple[int, int] | None = None
    """Height and width after resizing, instead of ``shortest``."""
    resampling: str = "bicubic"
    crop: tuple[int, int] | None = None
    scale: float = 1 / 255
    mean: tuple[float, ...] = (0.0,) * 3
    std: tuple[float, ...] = (1.0,) * 3

    def __call__(self, images: Tensor) -> Tensor:
        """[N,C,H,W] in [-1,1] or uint8, C = 1 or 3 -> [N,3,h,w] as the model reads them."""
        if images.dim() != 4 or images.shape[1] not in (1, 3):
            raise DataError(
                f"features of pretrained models are of images [N,1,H,W] or [N,3,H,W]; got "
                f"{list(images.shape)}."
            )
        pixels = images if images.dtype == torch.uint8 else to_uint8(images)
        pixels = self._cropped(self._resized(pixels.float().expand(-1, 3, -1, -1)))
        mean, std = (pixels.new_tensor(x).view(3, 1, 1) for x in (self.mean, self.std))
        return (pixels * self.scale - mean) / std

    def _resized(self, pixels: Tensor) -> Tensor:
        height, width = pixels.shape[2:]
        size = self.exact
        if self.shortest is not None:
            long = int(self.shortest * max(height, width) / min(height, width))
            size = (self.shortest, long) if height <= width else (long, self.shortest)
        if size is None or size == (height, width):
            return pixels
        for target in ((height, size[1]), size):  # As Pillow does: columns first, then rows.
            pixels = functional.interpolate(pixels, target, mode=self.resampling, antialias=True)
            pixels = pixels.round().clamp(0, 255)
        return pixels

    def _cropped(self, pixels: Tensor) -> Tensor:
        if self.crop is None:
            return pixels
        (height, width), (rows, columns) = pixels.shape[2:], self.crop
        if rows > height or columns > width:
            raise DataError(
                f"the model's {FILE} crops {rows}x{columns} pixels out of {height}x{width}: correct "
                "its sizes."
            )
        top, left = (height - rows) // 2, (width - columns) // 2
        return pixels[:, :, top : top + rows, left : left + columns]


def read_processing(folder: Path) -> ImageProcessing:
    """Read ``preprocessor_config.json`` of a model's folder; refuse what it cannot do."""
    path = folder / FILE
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(
            f"{folder} has no {FILE}, which states how images are resized and normalised: copy it from the "
            "model's page."
        ) from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is no JSON file of settings ({error}).") from None
    if not isinstance(found, dict):
        raise DataError(f"{path} holds no mapping of settings: give the model's own file.")
    try:
        return _parsed(found)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{path} cannot be followed: {str(error) or type(error).__name__}. It may resize (bilinear or "
            "bicubic), crop the centre, scale and normalise three channels."
        ) from None


def _parsed(found: Mapping[str, Any]) -> ImageProcessing:
    shortest, exact, crop = None, None, None
    if found.get("do_resize", True):
        shortest, exact = _size(found["size"])
    if found.get("do_center_crop", False):
        side, crop = _size(found["crop_size"])
        crop = crop or (side, side)  # type: ignore[assignment]
    if found.get("do_pad", False):
        raise ValueError("it pads images")
    resampling = _FILTERS.get(found.get("resample", 3))
    if resampling is None:
        raise ValueError(f"resample is {found['resample']}, not 2 (bilinear) or 3 (bicubic)")
    scale = float(found.get("rescale_factor", 1 / 255)) if found.get("do_rescale", True) else 1.0
    mean: tuple[float, ...] = (0.0,) * 3
    std: tuple[float, ...] = (1.0,) * 3
    if found.get("do_normalize", True):
        mean, std = (tuple(float(x) for x in found[f"image_{name}"]) for name in ("mean", "std"))
    if len(mean) != 3 or len(std) != 3 or not all(x > 0 for x in std):
        raise ValueError("image_mean and image_std are not three numbers, the latter above 0")
    return ImageProcessing(shortest, exact, resampling, crop, scale, mean, std)


def _size(size: Any) -> tuple[int | None, tuple[int, int] | None]:
    """Return (shortest, exact) of a size: a number, ``shortest_edge``, or ``height`` and ``width``."""
    if isinstance(size, int):
        return _pixels(size), None
    if "shortest_edge" in size and "longest_edge" not in size:
        return _pixels(size["shortest_edge"]), None
    return None, (_pixels(size["height"]), _pixels(size["width"]))


def _pixels(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 4096:
        raise ValueError(f"a size of {value!r} is not 1 to 4,096 pixels")
    return value
