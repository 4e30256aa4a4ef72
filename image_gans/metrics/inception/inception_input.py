"""Images as the Inception network takes them: 8 bits, three channels, 299 pixels a side.

The resizing strongly affects the score (Parmar et al. 2022, "On Aliased Resizing and Surprising
Subtleties in GAN Evaluation"), so its name is in the signature:

* ``clean``: bicubic with a = -1/2, antialiased, on floats, clipped to 0 ... 255: as clean-fid with Pillow;
* ``tf``: bilinear of TensorFlow 1 without antialiasing, pixel i of n at i * old / n: as torch-fidelity.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from image_gans.metrics.inception.inception_network import SIDE
from seqgan_kit.data.images.pixels import to_uint8
from seqgan_kit.errors import DataError, unknown

TO_SIDE = {"clean": "bicubic-antialiased-float", "tf": "bilinear-tf1"}
"""The kinds of resizing, as signatures name them."""


def inception_input(images: Tensor, resizing: str) -> Tensor:
    """Quantise to 8 bits, repeat a single channel three times, resize.

    Args:
        images: [N,C,H,W] in [-1,1] or uint8, C = 1 or 3.
        resizing: clean or tf.

    Returns:
        [N,3,299,299] float32, pixels from 0 to 255.
    """
    if images.dim() != 4 or images.shape[1] not in (1, 3):
        raise DataError(
            f"Inception features are of images [N,1,H,W] or [N,3,H,W]; got {list(images.shape)}."
        )
    pixels = (images if images.dtype == torch.uint8 else to_uint8(images)).float()
    return resized(pixels.expand(-1, 3, -1, -1), resizing)


def resized(pixels: Tensor, resizing: str) -> Tensor:
    """[N,C,H,W] float, 0 to 255 -> [N,C,299,299]."""
    if resizing not in TO_SIDE:
        raise unknown("resizing", resizing, TO_SIDE)
    height, width = pixels.shape[2:]
    if resizing == "tf":
        return _rows_of_tf(height).to(pixels) @ pixels @ _rows_of_tf(width).to(pixels).T
    if (height, width) == (SIDE, SIDE):
        return pixels
    size = (SIDE, SIDE)
    bicubic = functional.interpolate(pixels, size, mode="bicubic", antialias=True)
    return bicubic.clamp(0.0, 255.0)


def _rows_of_tf(old: int) -> Tensor:
    """[299,old] float64: the weights of TensorFlow 1's bilinear resizing along one axis."""
    places = torch.arange(SIDE, dtype=torch.float64) * (old / SIDE)
    lower = places.floor().long()
    upper = (lower + 1).clamp(max=old - 1)
    share = (places - lower).unsqueeze(1)
    weights = torch.zeros(SIDE, old, dtype=torch.float64)
    weights.scatter_add_(1, lower.unsqueeze(1), 1.0 - share)
    return weights.scatter_add_(1, upper.unsqueeze(1), share)
