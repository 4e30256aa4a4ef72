"""U-Net: an encoder and a decoder with a connection at every resolution (Ronneberger et al. 2015; as a
translator Isola et al. 2017, "Image-to-image translation with conditional adversarial networks", section
6.1).

    down: convolution 4x4 stride 2, instance norm, LeakyReLU 0.2; channels double up to 8 times the width
    up:   transposed convolution 4x4 stride 2, instance norm, dropout in the three innermost, ReLU; then the
          layer of the same resolution on the way down is laid behind it
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from image_gans.networks.translators.translator_shape import (
    check_images,
    drawn_small,
    instance_norm,
    through,
)
from seqgan_kit.core.bounds import Share, Size, bounded
from seqgan_kit.errors import UsageError

_LARGEST_MULTIPLE = 8
_WITH_DROPOUT = 3


@dataclass(frozen=True)
@bounded
class UNetConfig:
    """The shape of a U-Net."""

    size: Size = 32
    """Side of the images in pixels."""
    channels: Size = 3
    """Channels of a source; a target has the same number."""
    width: Size = 64
    """Channels of the layers next to the image (64 in the paper)."""
    dropout: Share = 0.5
    """Share of units dropped in the three innermost layers of the decoder."""
    blend: bool = False
    """Whether a share of each pixel, which the network outputs too, stays the source's."""

    @property
    def levels(self) -> int:
        """Return how often the resolution is halved: down to 1x1 for powers of two."""
        return (self.size & -self.size).bit_length() - 1


class UNet(nn.Module):
    """Images [N,C,H,W] to images of the same shape in [-1,1]."""

    checkpointing = False

    def __init__(self, config: UNetConfig):
        super().__init__()
        if config.levels < 2:
            raise UsageError(
                f"a U-Net cannot halve images of {config.size} pixels twice: give --size a multiple of 4."
            )
        self.config = config
        levels = config.levels
        widths = [config.width * min(_LARGEST_MULTIPLE, 2**level) for level in range(levels)]
        pixels = [config.size // 2 ** (level + 1) for level in range(levels)]
        downs, ups = [], []
        for level, channels in enumerate(widths):
            before = config.channels if level == 0 else widths[level - 1]
            # The first layer has no norm, so that it sees brightness; a single pixel has no statistics.
            norm = [instance_norm(channels)] if level and pixels[level] > 1 else []
            downs.append(
                nn.Sequential(nn.Conv2d(before, channels, 4, 2, 1), *norm, nn.LeakyReLU(0.2))
            )
        for level in reversed(range(1, levels)):
            inner = widths[level] * (1 if level == levels - 1 else 2)
            drop = [nn.Dropout(config.dropout)] if levels - level <= _WITH_DROPOUT else []
            ups.append(
                nn.Sequential(
                    nn.ConvTranspose2d(inner, widths[level - 1], 4, 2, 1),
                    instance_norm(widths[level - 1]), *drop, nn.ReLU(),
                )
            )  # fmt: skip
        self.downs, self.ups = nn.ModuleList(downs), nn.ModuleList(ups)
        outputs = config.channels + config.blend
        self.out = nn.ConvTranspose2d(2 * widths[0], outputs, 4, 2, 1)
        drawn_small(self.modules())

    def forward(self, x: Tensor) -> Tensor:
        """[N,C,H,W] -> [N,C,H,W] in [-1,1]."""
        check_images(x, self.config.channels, 2**self.config.levels, "this U-Net")
        source, passed = x, []
        for down in self.downs:
            x = through(down, x, self.checkpointing)
            passed.append(x)
        for up, beside in zip(self.ups, reversed(passed[:-1]), strict=True):
            x = torch.cat([through(up, x, self.checkpointing), beside], 1)
        output = cast(Tensor, self.out(x))
        if not self.config.blend:
            return output.tanh()
        replaced = output[:, -1:].sigmoid()
        return source + replaced * (output[:, :-1].tanh() - source)
