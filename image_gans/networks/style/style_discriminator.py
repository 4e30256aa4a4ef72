"""The residual discriminator of StyleGAN2 (Karras et al. 2020, "Analyzing and improving the image quality of
StyleGAN", section 4.1).

    1x1 convolution -> blocks, each halves the size -> deviation in the batch -> 3x3 convolution -> linear
    block(x) = (halving 3x3(3x3 x) + halving 1x1 x) / sqrt(2)
"""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn

from image_gans.networks.blocks.shapes import check_pictures
from image_gans.networks.style.equalised import GAIN, EqualisedConv, EqualisedLinear, activated
from image_gans.networks.style.style_generator import StyleConfig

_GROUP = 4


def batch_deviation(x: Tensor, group: int = _GROUP) -> Tensor:
    """Return the mean deviation of features within groups of a batch: [N,C,H,W] -> [N,1,1,1].

        mean over channels and pixels of sqrt(variance over the images of a group + eps)

    Args:
        x: features.
        group: images in a group, or the largest smaller number by which N can be divided; images n and
            n + N/group are in one group.
    """
    group = max(size for size in range(1, min(group, len(x)) + 1) if len(x) % size == 0)
    groups = x.unflatten(0, (group, -1))
    deviation = (groups.var(0, unbiased=False) + 1e-8).sqrt().mean((1, 2, 3))
    return deviation.repeat(group).view(-1, 1, 1, 1)


class HalvingBlock(nn.Module):
    """A residual block [N,before,H,W] -> [N,after,H/2,W/2]."""

    def __init__(self, before: int, after: int):
        super().__init__()
        # The factor 1/sqrt(2) of the sum is part of both branches' gains.
        self.first = EqualisedConv(before, before, 3, gain=GAIN)
        self.second = EqualisedConv(before, after, 3, halves=True)
        self.shortcut = EqualisedConv(before, after, 1, halves=True, gain=0.5**0.5, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        branch = activated(self.second(activated(self.first(x))))
        return cast(Tensor, branch + self.shortcut(x))


class StyleTrunk(nn.Module):
    """D's trunk [N,C,H,W] -> [N,F]. A row's features depend on its group in the batch.

    Args:
        config: the shape.
        in_channels: channels of its input, if that is more than an image.
    """

    def __init__(self, config: StyleConfig, in_channels: int | None = None):
        super().__init__()
        self.config, self.in_channels = config, in_channels or config.channels
        widths = list(reversed(config.widths))
        self.start = EqualisedConv(self.in_channels, widths[0], 1, gain=GAIN)
        self.blocks = nn.Sequential(*(HalvingBlock(a, b) for a, b in pairwise(widths)))
        self.features = widths[-1]
        self.last = EqualisedConv(self.features + 1, self.features, 3, gain=GAIN)
        self.dense = EqualisedLinear(16 * self.features, self.features, gain=GAIN)

    def forward(self, x: Tensor) -> Tensor:
        """[N,C,H,W] -> [N,F]."""
        check_pictures(x, self.in_channels, self.config.size)
        x = self.blocks(activated(self.start(x)))
        deviation = batch_deviation(x).expand(-1, 1, *x.shape[2:])
        x = activated(self.last(torch.cat([x, deviation], 1)))
        return activated(self.dense(x.flatten(1)))


def style_head(config: StyleConfig, features: int, outputs: int) -> EqualisedLinear:
    """Return a linear head with an equalised learning rate."""
    return EqualisedLinear(features, outputs)
