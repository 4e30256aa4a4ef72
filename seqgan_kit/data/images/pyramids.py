"""Laplacian pyramids of images (Burt and Adelson 1983, "The Laplacian pyramid as a compact image code").

    I_0 = x,   I_{k+1} = halved(I_k),   h_k = I_k - doubled(I_{k+1}),   I_k = h_k + doubled(I_{k+1})

``halved`` blurs and keeps every second pixel; ``doubled`` spreads pixels out and blurs. The details h_k and
the smallest copy I_K hold the whole image, so the last equation gives it back exactly.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional

_BLUR = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)


def smaller_copies(pictures: Tensor, count: int) -> list[Tensor]:
    """Return the images I_0 [N,C,H,W], ..., I_count, each half as large as the one before."""
    copies = [pictures.float()]
    for _ in range(count):
        copies.append(halved(copies[-1]))
    return copies


def laplacian_pyramid(pictures: Tensor, count: int) -> list[Tensor]:
    """Return ``count`` details h_k [N,C,H,W] of falling size, then the smallest copy."""
    copies = smaller_copies(pictures, count)
    pairs = pairwise(copies)
    return [*(larger - doubled(smaller, larger.shape[2:]) for larger, smaller in pairs), copies[-1]]


def from_pyramid(levels: list[Tensor]) -> Tensor:
    """Return the images of a pyramid."""
    *details, rest = levels
    for detail in reversed(details):
        rest = detail + doubled(rest, detail.shape[2:])
    return rest


def halved(pictures: Tensor) -> Tensor:
    """Blur images [N,C,H,W] and keep every second pixel; the border is mirrored."""
    return _blurred(pictures, 1.0, stride=2)


def doubled(pictures: Tensor, size: torch.Size) -> Tensor:
    """Enlarge images [N,C,h,w] to ``size``, which :func:`halved` reduces to h, w; keeps the brightness."""
    n, channels = pictures.shape[:2]
    wide = pictures.new_zeros(n, channels, *size)
    wide[:, :, ::2, ::2] = pictures
    return _blurred(wide, 4.0, stride=1)


def _blurred(pictures: Tensor, gain: float, stride: int) -> Tensor:
    """Convolve with a binomial kernel, in float32 also under autocast: bfloat16 has fewer digits than
    images."""
    channels = pictures.shape[1]
    with torch.autocast(pictures.device.type, enabled=False):
        pictures = pictures.float()
        line = torch.tensor(_BLUR, device=pictures.device)
        kernel = gain * torch.outer(line, line).expand(channels, 1, 5, 5)
        padded = functional.pad(pictures, (2, 2, 2, 2), mode="reflect")
        return functional.conv2d(padded, kernel, stride=stride, groups=channels)
