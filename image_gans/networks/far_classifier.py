"""A classifier whose features of small objects are made like those of large ones (Li et al. 2017, "Perceptual
generative adversarial networks for small object detection", figure 3a)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from image_gans.networks.translators.upscaler import UpscalerBlock
from seqgan_kit.core.bounds import Count, Positive, Size, bounded
from seqgan_kit.data.images.corruptions import interpolated


@dataclass(frozen=True)
@bounded
class FarClassifierConfig:
    """Shape of the images, and of the residual's network."""

    channels: Size
    """Channels of the images, 1 or 3."""
    size: Size
    """Side of the images in pixels."""
    low: Size
    """Channels of the classifier's first feature map, which has the images' size."""
    high: Size
    """Channels of its last feature map."""
    halvings: Count
    """How many times the last map is smaller than the first, in powers of two."""
    blocks: Positive
    """Residual blocks."""
    reduction: Positive = 1
    """Pixels of an image, in each direction, that show one pixel of a small object; 1 leaves images as they
    are."""


class FeatureResidual(nn.Module):
    """Feature maps f [N,low,H,H] of the first layer to a residual [N,high,h,h] of the last one.

    Convolutions of 3x3 with stride 2, one of 1x1, residual blocks, and a last convolution, which starts at 0.
    """

    def __init__(self, config: FarClassifierConfig):
        super().__init__()
        layers, width = list[nn.Module](), config.low
        for _ in range(config.halvings):
            after = min(2 * width, config.high)
            layers += [nn.Conv2d(width, after, 3, 2, 1, bias=False), nn.BatchNorm2d(after)]
            layers, width = [*layers, nn.ReLU()], after
        layers += [nn.Conv2d(width, config.high, 1, bias=False), nn.BatchNorm2d(config.high)]
        layers += [nn.ReLU(), *(UpscalerBlock(config.high) for _ in range(config.blocks))]
        last = nn.Conv2d(config.high, config.high, 3, padding=1)
        for parameter in last.parameters():
            nn.init.zeros_(parameter)
        self.layers = nn.Sequential(*layers, last)

    def forward(self, low: Tensor) -> Tensor:
        """[N,low,H,H] -> [N,high,h,h]."""
        return cast(Tensor, self.layers(low))


class FarClassifier(nn.Module):
    """Images [N,C,H,H] of small objects to logits by label, by the heads of a classifier of large ones.

    Args:
        config: the shape.
        inner: the classifier, a recogniser, which offers ``maps`` and ``named``.
        residual: the network of the residual (default: an untrained one).
    """

    def __init__(
        self, config: FarClassifierConfig, inner: nn.Module, residual: nn.Module | None = None
    ):
        super().__init__()
        self.config, self.inner = config, inner
        self.residual = FeatureResidual(config) if residual is None else residual

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """[N,C,H,H] in [-1,1] -> logits [N,K] by label."""
        features = lifted(self.residual, *far_features(self.inner, self.config, x))
        return cast(dict[str, Tensor], cast(Any, self.inner).named(features))


def far_features(
    recogniser: nn.Module, config: FarClassifierConfig, x: Tensor
) -> tuple[Tensor, Tensor]:
    """Return f [N,low,H,H] and F [N,high,h,h] of images, whose pixels are first interpolated."""
    maps = cast(Any, recogniser).maps(enlarged(x, config.reduction))
    return maps[0], maps[-1]


def lifted(residual: nn.Module, low: Tensor, high: Tensor) -> Tensor:
    """Return max(0, F + G(f)): features of small objects like those of large ones."""
    return torch.relu(high + residual(low))


def enlarged(x: Tensor, reduction: int) -> Tensor:
    """Return images of repeated pixels with these interpolated by bicubic splines."""
    return interpolated(x, reduction) if reduction > 1 else x
