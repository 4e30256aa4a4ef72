"""Super-resolution by sub-pixel convolutions (Shi et al. 2016; SRResNet of Ledig et al. 2017, figure 4).

The source of a pair has the size of its target, with every pixel repeated. The network first averages the
repeated pixels, so all layers but the last work at the low resolution.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from torch import Tensor, nn

from image_gans.networks.translators.translator_shape import check_images, through
from seqgan_kit.core.bounds import Several, Size, bounded
from seqgan_kit.data.images.corruptions import averaged
from seqgan_kit.errors import UsageError


@dataclass(frozen=True)
@bounded
class UpscalerConfig:
    """The shape of an upscaler."""

    size: Size = 32
    """Side of the images in pixels."""
    channels: Size = 3
    """Channels of a source; a target has the same number."""
    factor: Several = 4
    """How many times larger the target is; a power of two."""
    width: Size = 64
    """Channels of its layers (64 in the paper)."""
    blocks: Size = 16
    """Residual blocks (16 in the paper)."""


class UpscalerBlock(nn.Module):
    """x plus two normalised convolutions of x."""

    def __init__(self, width: int):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.PReLU(),
            nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """[N,F,H,W] -> [N,F,H,W]."""
        return cast(Tensor, x + self.layers(x))


class Upscaler(nn.Module):
    """Images [N,C,H,W] of repeated pixels to images of the same shape in [-1,1]."""

    checkpointing = False

    def __init__(self, config: UpscalerConfig):
        super().__init__()
        self.config, width = config, config.width
        doublings = config.factor.bit_length() - 1
        if config.factor != 2**doublings:
            raise UsageError(f"factor is {config.factor}; allowed are powers of two: 2, 4, 8.")
        self.first = nn.Sequential(nn.Conv2d(config.channels, width, 9, padding=4), nn.PReLU())
        self.blocks = nn.Sequential(
            *(UpscalerBlock(width) for _ in range(config.blocks)),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
        )
        ups = [layer for _ in range(doublings) for layer in sub_pixel(width)]
        self.last = nn.Sequential(*ups, nn.Conv2d(width, config.channels, 9, padding=4), nn.Tanh())

    def forward(self, x: Tensor) -> Tensor:
        """[N,C,H,W] -> [N,C,H,W] in [-1,1]."""
        check_images(x, self.config.channels, self.config.factor, "this upscaler")
        low = self.first(averaged(x, self.config.factor))
        deep = low
        for block in self.blocks:
            deep = through(block, deep, self.checkpointing and isinstance(block, UpscalerBlock))
        return through(self.last, low + deep, self.checkpointing)


def sub_pixel(width: int) -> list[nn.Module]:
    """Return layers that double the resolution: a convolution whose channels become pixels."""
    return [nn.Conv2d(width, 4 * width, 3, padding=1), nn.PixelShuffle(2), nn.PReLU()]
