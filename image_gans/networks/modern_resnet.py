"""The generator and discriminator of R3GAN (Huang et al. 2024: "The GAN is dead; long live the GAN! A modern
baseline GAN", section 4): symmetric residual networks without normalisation.

    block       x + conv1x1(act(grouped conv3x3(act(conv1x1 x))))       act: LeakyReLU of slope 0.2
    transition  linear interpolation to twice or half the size, conv1x1 where the channels change
    G: learnt 4x4 maps, scaled by a linear layer of z -> blocks -> (transition -> blocks)* -> conv1x1
    D: conv1x1 -> blocks -> (transition -> blocks)* -> 4x4 depthwise convolution -> features

The inner layers are wider than x, and a group has 16 channels. Initialisation as fix-up (Zhang et al. 2019):
the last layer of a block is 0, so a block starts as the identity, and the other two are Kaiming's, times
L^(-1/4) with L blocks in the network. Resampling has the filter [1,3,3,1]. The output is not bounded.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from image_gans.networks.blocks.resampling import doubled, halved
from image_gans.networks.blocks.shapes import FromLatents, check_pictures, check_shape

_SLOPE = 0.2
_GROUP = 16  # channels of a group


@dataclass(frozen=True)
class ModernConfig:
    """The shape of both networks."""

    size: int = 32
    """Height and width of the images in pixels: 16, 32, 64, 128 or 256."""
    channels: int = 3
    """Colour channels: 1 (grayscale) or 3 (RGB)."""
    latent: int = 64
    """Dimensions of the latent vector z (64 in the paper)."""
    width: int = 32
    """Channels of the blocks next to the image; they double towards 4x4 up to ``growth`` times."""
    growth: int = 4
    """Largest number of channels, in units of the width."""
    blocks: int = 1
    """Residual blocks at each size (2 in the paper)."""
    expansion: int = 2
    """Channels inside a block, in units of those outside."""

    def __post_init__(self) -> None:
        widths = {
            name: getattr(self, name)
            for name in ("latent", "width", "growth", "blocks", "expansion")
        }
        check_shape("a modern residual network", self.size, self.channels, widths)

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels at 4x4, then at each larger size."""
        doublings = int(math.log2(self.size)) - 2
        return tuple(
            self.width * min(self.growth, 2**left) for left in reversed(range(doublings + 1))
        )

    @property
    def depth(self) -> int:
        """Number L of blocks of a network."""
        return self.blocks * len(self.widths)


class ModernBlock(nn.Module):
    """A residual block [N,C,H,W] -> [N,C,H,W] of grouped convolutions, the identity at first."""

    def __init__(self, channels: int, expansion: int, depth: int):
        super().__init__()
        inner = channels * expansion
        groups = inner // _GROUP if inner % _GROUP == 0 else 1
        self.widen = nn.Conv2d(channels, inner, 1)
        self.mix = nn.Conv2d(inner, inner, 3, padding=1, groups=groups)
        self.narrow = nn.Conv2d(inner, channels, 1, bias=False)
        for layer in (self.widen, self.mix):
            _kaiming(layer, depth**-0.25)
        nn.init.zeros_(self.narrow.weight)

    def forward(self, x: Tensor) -> Tensor:
        hidden = F.leaky_relu(self.mix(F.leaky_relu(self.widen(x), _SLOPE)), _SLOPE)
        return cast(Tensor, x + self.narrow(hidden))


class Transition(nn.Module):
    """Filtered resampling, with a 1x1 convolution where the number of channels changes."""

    def __init__(self, before: int, after: int, *, doubles: bool):
        super().__init__()
        self.doubles = doubles
        self.change = nn.Conv2d(before, after, 1, bias=False) if before != after else nn.Identity()
        if isinstance(self.change, nn.Conv2d):
            _kaiming(self.change, 2**-0.5)  # no activation follows

    def forward(self, x: Tensor) -> Tensor:
        """[N,before,H,W] -> [N,after,2H,2W] or [N,after,H/2,W/2]; the convolution at the smaller size."""
        if self.doubles:
            return doubled(self.change(x))
        return cast(Tensor, self.change(halved(x)))


class ModernGenerator(FromLatents):
    """A generator from latent vectors to images, about in [-1,1] (not bounded)."""

    def __init__(self, config: ModernConfig):
        super().__init__()
        self.config = config
        first, *rest = config.widths
        self.basis = nn.Parameter(torch.randn(first, 4, 4))
        self.scale = nn.Linear(config.latent, first, bias=False)
        _kaiming(self.scale, 2**-0.5)
        layers: list[nn.Module] = [*_blocks(config, first)]
        for before, after in zip((first, *rest), rest, strict=False):
            layers += [Transition(before, after, doubles=True), *_blocks(config, after)]
        output = nn.Conv2d(config.widths[-1], config.channels, 1)
        _kaiming(output, 2**-0.5)
        self.layers = nn.Sequential(*layers, output)

    def forward(self, z: Tensor) -> Tensor:
        """[N,latent] -> [N,C,H,W]."""
        return cast(Tensor, self.layers(self.basis * self.scale(z)[:, :, None, None]))


class ModernTrunk(nn.Module):
    """D's trunk [N,C,H,W] -> [N,F].

    Args:
        config: the shape.
        in_channels: channels of its input, if that is more than an image.
    """

    rows_are_independent = True

    def __init__(self, config: ModernConfig, in_channels: int | None = None):
        super().__init__()
        self.config, self.in_channels = config, in_channels or config.channels
        *rest, last = reversed(config.widths)
        start = nn.Conv2d(self.in_channels, (*rest, last)[0], 1)
        _kaiming(start, 2**-0.5)
        layers: list[nn.Module] = [start]
        for before, after in zip(rest, (*rest[1:], last), strict=True):
            layers += [*_blocks(config, before), Transition(before, after, doubles=False)]
        end = nn.Conv2d(last, last, 4, groups=last, bias=False)
        _kaiming(end, 2**-0.5)
        self.layers = nn.Sequential(*layers, *_blocks(config, last), end)
        self.features = last

    def forward(self, x: Tensor) -> Tensor:
        """[N,C,H,W] -> [N,F]."""
        check_pictures(x, self.in_channels, self.config.size)
        return cast(Tensor, self.layers(x)).flatten(1)


def modern_head(config: ModernConfig, features: int, outputs: int) -> nn.Linear:
    """A linear head that keeps the variance of its input."""
    head = nn.Linear(features, outputs)
    _kaiming(head, 2**-0.5)
    return head


def _blocks(config: ModernConfig, channels: int) -> list[ModernBlock]:
    return [ModernBlock(channels, config.expansion, config.depth) for _ in range(config.blocks)]


def _kaiming(layer: nn.Conv2d | nn.Linear, factor: float) -> None:
    """Draw weights of variance 2 factor^2 / fan_in, and set the bias to 0."""
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    with torch.no_grad():
        layer.weight *= factor
        if layer.bias is not None:
            layer.bias.zero_()
