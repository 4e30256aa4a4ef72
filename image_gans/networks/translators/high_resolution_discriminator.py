"""SRGAN's discriminator of single images (Ledig et al. 2017, figure 4 and section 2.1.1).

eight 3x3 convolutions, every second one of stride 2; channels double from the width to 8 times it;
batch norm after all but the first; LeakyReLU 0.2; two fully connected layers
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from torch import Tensor, nn

from image_gans.networks.translators.translator_shape import check_images
from seqgan_kit.core.bounds import Size, bounded
from seqgan_kit.core.discriminator import Discriminator

_HALVINGS = 4


@dataclass(frozen=True)
@bounded
class HighResolutionConfig:
    """The shape of SRGAN's discriminator."""

    width: Size = 64
    """Channels of its first convolution (64 in the paper)."""
    hidden: Size = 1024
    """Units of its fully connected layer (1024 in the paper)."""


class HighResolutionTrunk(nn.Module):
    """Images [N,C,H,W] to features [N,F].

    Args:
        config: the shape.
        size: side of the images in pixels; a multiple of 16.
        channels: of the images.
    """

    def __init__(self, config: HighResolutionConfig, size: int, channels: int):
        super().__init__()
        self.channels, layers = channels, list[nn.Module]()
        before, after = channels, config.width
        for level in range(_HALVINGS):
            after = config.width * 2**level
            for stride in (1, 2):
                layers.append(nn.Conv2d(before, after, 3, stride, 1))
                layers += [nn.BatchNorm2d(after)] if len(layers) > 1 else []
                layers.append(nn.LeakyReLU(0.2))
                before = after
        self.layers = nn.Sequential(*layers)
        inputs = after * (size // 2**_HALVINGS) ** 2
        self.full = nn.Sequential(nn.Linear(inputs, config.hidden), nn.LeakyReLU(0.2))

    def forward(self, x: Tensor) -> Tensor:
        """[N,C,H,W] -> [N,F]."""
        check_images(x, self.channels, 2**_HALVINGS, "SRGAN's discriminator")
        return cast(Tensor, self.full(self.layers(x).flatten(1)))


def high_resolution_discriminator(
    config: HighResolutionConfig, size: int, channels: int
) -> Discriminator:
    """Return the discriminator of images of a size."""
    return Discriminator(HighResolutionTrunk(config, size, channels), config.hidden)
