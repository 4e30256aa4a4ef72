"""Distances between images that a translator can be trained by: pure, differentiable, one value an image."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor

from image_gans.metrics.ms_ssim import ssim

Distance = Callable[[Tensor, Tensor], Tensor]


def absolute(x: Tensor, y: Tensor) -> Tensor:
    """Return the mean |x - y| of each image: [N,...] twice -> [N] (L1)."""
    return (x - y).abs().flatten(1).mean(1)


def squared(x: Tensor, y: Tensor) -> Tensor:
    """Return the mean (x - y)^2 of each image: [N,...] twice -> [N] (L2)."""
    return (x - y).square().flatten(1).mean(1)


def structural(x: Tensor, y: Tensor) -> Tensor:
    """Return 1 - SSIM of each image in [-1,1]: [N,C,H,W] twice -> [N]."""
    return (1 - ssim(x, y)).to(x.dtype)


def over_features(features: Callable[[Tensor], Tensor], x: Tensor, y: Tensor) -> Tensor:
    """Return the mean squared difference of features of each image -> [N] (a perceptual distance)."""
    return squared(features(x), features(y))


def total_variation(x: Tensor) -> Tensor:
    """Return the mean |difference| of neighbouring pixels of each image: [N,C,H,W] -> [N]."""
    down, across = x.diff(dim=2).abs(), x.diff(dim=3).abs()
    return down.flatten(1).mean(1) + across.flatten(1).mean(1)


DISTANCES: Mapping[str, Distance] = {
    "l1": absolute,
    "l2": squared,
    "ssim": structural,
}
"""Distances of two images by name."""
