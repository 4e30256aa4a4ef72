"""A discriminator of patches (Isola et al. 2017, "Image-to-image translation with conditional adversarial
networks", sections 3.2.2 and 6.1.2): each score depends on one patch only.

    layers of stride 2, one of stride 1, and a score of 4x4; with 3 of stride 2 a patch has 70x70 pixels

The score of an image is a map, and all scores in it have equal weight. With several scales, networks of one
shape judge the image and its averages of 2x2, 4x4, ... pixels (Wang et al. 2018, "High-resolution image
synthesis and semantic manipulation with conditional GANs").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from image_gans.networks.translators.translator_shape import drawn_small, instance_norm
from seqgan_kit.core.bounds import Size, bounded
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.data.images.corruptions import averaged
from seqgan_kit.errors import UsageError

_LARGEST_MULTIPLE = 8
_KERNEL = 4


@dataclass(frozen=True)
@bounded
class PatchConfig:
    """The shape of a discriminator of patches."""

    width: Size = 64
    """Channels of its first layer (64 in the paper); they double up to 8 times."""
    halvings: Size = 3
    """Layers of stride 2: 3 for patches of 70 pixels (the paper's), 2 for 34, 1 for 16."""
    scales: Size = 1
    """Discriminators: one for the image, and one for each further halving of its resolution."""

    @property
    def patch_pixels(self) -> int:
        """Return the side in pixels of the patch that one score sees."""
        seen = 1
        for stride in (1, 1, *(2,) * self.halvings):
            seen = (seen - 1) * stride + _KERNEL
        return seen


class PatchTrunk(nn.Module):
    """Images [N,C,H,W] to a map of features [N,F,h,w]."""

    rows_are_independent = True

    def __init__(self, config: PatchConfig, in_channels: int):
        super().__init__()
        self.config, self.in_channels = config, in_channels
        before, layers = in_channels, list[nn.Module]()
        for level in range(config.halvings + 1):
            after = config.width * min(_LARGEST_MULTIPLE, 2**level)
            stride = 2 if level < config.halvings else 1
            layers += [nn.Conv2d(before, after, _KERNEL, stride, 1)]
            layers += [instance_norm(after)] if level else []
            layers += [nn.LeakyReLU(0.2)]
            before = after
        self.layers, self.features = nn.Sequential(*layers), before
        drawn_small(self.modules())

    def forward(self, x: Tensor) -> Tensor:
        """[N,C,H,W] -> [N,F,h,w]."""
        smallest = 2**self.config.halvings * 3
        if x.shape[1] != self.in_channels or min(x.shape[2:]) < smallest:
            raise UsageError(
                f"this discriminator of patches takes images [N,{self.in_channels},H,W] of at least "
                f"{smallest} pixels a side; these are {list(x.shape)}. Use fewer --discriminator.halvings "
                "or larger images."
            )
        return cast(Tensor, self.layers(x))


class MultiScaleTrunk(nn.Module):
    """Images [N,C,H,W] to the scores [N,S] of all patches of all scales."""

    rows_are_independent = True

    def __init__(self, parts: list[Discriminator]):
        super().__init__()
        self.parts = nn.ModuleList(parts)

    def forward(self, x: Tensor) -> Tensor:
        """[N,C,H,W] -> [N,S]."""
        shown = [averaged(x, 2**scale) for scale in range(len(self.parts))]
        scores = [part(y).score for part, y in zip(self.parts, shown, strict=True)]
        return torch.cat([score.view(len(x), -1) for score in scores], 1)


def patch_discriminator(config: PatchConfig, in_channels: int) -> Discriminator:
    """Return a discriminator of patches, at one or several scales.

    Args:
        config: the shape.
        in_channels: channels of what it judges, such as a source and a target together.
    """
    parts = [_of_one_scale(config, in_channels) for _ in range(config.scales)]
    if len(parts) == 1:
        return parts[0]
    return Discriminator(MultiScaleTrunk(parts), 1, score=nn.Identity())


def _of_one_scale(config: PatchConfig, in_channels: int) -> Discriminator:
    trunk = PatchTrunk(config, in_channels)
    score = nn.Conv2d(trunk.features, 1, _KERNEL, 1, 1)
    drawn_small([score])
    return Discriminator(trunk, trunk.features, score=score)
