"""SimGAN's two networks (Shrivastava et al. 2017, section 3.1): they change an image, or judge it, in places.

    refiner: 3x3 convolution, residual blocks of two 3x3 convolutions, 1x1 convolution; no down-sampling
    discriminator: 3x3 of stride 2, 3x3 of stride 2, 3x3 max pooling of stride 1, 3x3, 1x1, and a score of 1x1

Each score sees a patch of the image only, so the discriminator has many local verdicts of each image.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from torch import Tensor, nn

from image_gans.networks.translators.translator_shape import check_images, through
from seqgan_kit.core.bounds import Size, bounded
from seqgan_kit.core.discriminator import Discriminator


@dataclass(frozen=True)
@bounded
class RefinerConfig:
    """The shape of a refiner."""

    size: Size = 32
    """Side of the images in pixels."""
    channels: Size = 3
    """Channels of an image."""
    width: Size = 64
    """Channels of its layers (64 in the paper)."""
    blocks: Size = 4
    """Residual blocks (4 in the paper)."""


class RefinerBlock(nn.Module):
    """ReLU of x plus two convolutions of x."""

    def __init__(self, width: int):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """[N,F,H,W] -> [N,F,H,W]."""
        return (x + self.layers(x)).relu()


class Refiner(nn.Module):
    """Images [N,C,H,W] to images of the same shape in [-1,1]."""

    checkpointing = False

    def __init__(self, config: RefinerConfig):
        super().__init__()
        self.config, width = config, config.width
        self.first = nn.Sequential(nn.Conv2d(config.channels, width, 3, padding=1), nn.ReLU())
        self.blocks = nn.ModuleList(RefinerBlock(width) for _ in range(config.blocks))
        self.last = nn.Sequential(nn.Conv2d(width, config.channels, 1), nn.Tanh())

    def forward(self, x: Tensor) -> Tensor:
        """[N,C,H,W] -> [N,C,H,W] in [-1,1]."""
        check_images(x, self.config.channels, 1, "this refiner")
        seen = self.first(x)
        for block in self.blocks:
            seen = through(block, seen, self.checkpointing)
        return cast(Tensor, self.last(seen))


class LocalTrunk(nn.Module):
    """Images [N,C,H,W] to a map of features [N,F,h,w]."""

    rows_are_independent = True

    def __init__(self, channels: int, width: int):
        super().__init__()
        self.channels = channels
        self.layers = nn.Sequential(
            nn.Conv2d(channels, width, 3, 2, 1), nn.ReLU(),
            nn.Conv2d(width, width * 2 // 3 or 1, 3, 2, 1), nn.ReLU(),
            nn.MaxPool2d(3, 1, 1),
            nn.Conv2d(width * 2 // 3 or 1, width // 3 or 1, 3, 1, 1), nn.ReLU(),
            nn.Conv2d(width // 3 or 1, width // 3 or 1, 1), nn.ReLU(),
        )  # fmt: skip
        self.features = width // 3 or 1

    def forward(self, x: Tensor) -> Tensor:
        """[N,C,H,W] -> [N,F,h,w]."""
        check_images(x, self.channels, 1, "this discriminator")
        return cast(Tensor, self.layers(x))


@dataclass(frozen=True)
@bounded
class LocalConfig:
    """The shape of SimGAN's discriminator."""

    width: Size = 96
    """Channels of its first convolution (96 in the paper); the later ones have two and one third of it."""


def local_discriminator(config: LocalConfig, channels: int) -> Discriminator:
    """Return a discriminator with a score for each place of the last map."""
    trunk = LocalTrunk(channels, config.width)
    return Discriminator(trunk, trunk.features, score=nn.Conv2d(trunk.features, 1, 1))
