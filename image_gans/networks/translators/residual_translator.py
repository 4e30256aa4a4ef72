"""Residual translator (Johnson et al. 2016; in CycleGAN, Zhu et al. 2017, appendix 7.2).

    7x7 convolution, two of stride 2, residual blocks at a quarter of the size, two transposed ones, 7x7

with reflection padding and instance norm; 6 blocks at 128 pixels and 9 from 256 in the paper.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from torch import Tensor, nn

from image_gans.networks.translators.translator_shape import (
    check_images,
    drawn_small,
    instance_norm,
    through,
)
from seqgan_kit.core.bounds import Size, bounded

_HALVINGS = 2


@dataclass(frozen=True)
@bounded
class ResidualTranslatorConfig:
    """The shape of a residual translator."""

    size: Size = 32
    """Side of the images in pixels."""
    channels: Size = 3
    """Channels of a source; a target has the same number."""
    width: Size = 64
    """Channels of the first and last layers (64 in the paper)."""
    blocks: Size = 6
    """Residual blocks (6 or 9 in the paper)."""


class ResidualBlock(nn.Module):
    """x plus two convolutions of x."""

    def __init__(self, channels: int):
        super().__init__()
        self.layers = nn.Sequential(
            *_convolved(channels, channels, 3), nn.ReLU(), *_convolved(channels, channels, 3)
        )

    def forward(self, x: Tensor) -> Tensor:
        """[N,F,H,W] -> [N,F,H,W]."""
        return cast(Tensor, x + self.layers(x))


class ResidualTranslator(nn.Module):
    """Images [N,C,H,W] to images of the same shape in [-1,1], of any size that is a multiple of 4."""

    checkpointing = False

    def __init__(self, config: ResidualTranslatorConfig):
        super().__init__()
        self.config, width = config, config.width
        layers: list[nn.Module] = [*_convolved(config.channels, width, 7), nn.ReLU()]
        for _ in range(_HALVINGS):
            layers += [nn.Conv2d(width, 2 * width, 3, 2, 1), instance_norm(2 * width), nn.ReLU()]
            width *= 2
        layers += [ResidualBlock(width) for _ in range(config.blocks)]
        for _ in range(_HALVINGS):
            up = nn.ConvTranspose2d(width, width // 2, 3, 2, 1, output_padding=1)
            width //= 2
            layers += [up, instance_norm(width), nn.ReLU()]
        layers += [nn.ReflectionPad2d(3), nn.Conv2d(width, config.channels, 7), nn.Tanh()]
        self.layers = nn.Sequential(*layers)
        drawn_small(self.modules())

    def forward(self, x: Tensor) -> Tensor:
        """[N,C,H,W] -> [N,C,H,W] in [-1,1]."""
        check_images(x, self.config.channels, 2**_HALVINGS, "this residual translator")
        if not self.checkpointing:
            return cast(Tensor, self.layers(x))
        for layer in self.layers:
            x = through(layer, x, isinstance(layer, ResidualBlock))
        return x


def _convolved(before: int, after: int, kernel: int) -> list[nn.Module]:
    return [nn.ReflectionPad2d(kernel // 2), nn.Conv2d(before, after, kernel), instance_norm(after)]
