"""BEGAN's networks (Berthelot et al. 2017, "BEGAN: boundary equilibrium generative adversarial networks",
section 3.5 and figure 1): D is an auto-encoder, G has its decoder's shape.

    encoder  conv 3x3, then two conv 3x3 of n, 2n, 3n, ... channels at each size down to 8x8 -> linear -> h
    decoder  h -> linear -> h0 [N,n,8,8], then two conv 3x3 of n channels at each size -> conv 3x3
    D's verdict on x: the score -L(x), L(x) = mean |x - decoder(encoder(x))| over pixels and channels

ELU after every convolution but the last; sizes are halved by stride 2 and doubled by nearest upsampling,
after which h0, upsampled too, is joined to the map (the paper's skip connections). An image that D
reconstructs well has a high score, so any objective on scores can use D; BEGAN uses the Wasserstein one.
As in the paper, the output has no tanh.

Differs from the paper: normal latents in place of uniform ones (the paper's are on [-1,1]), so that any
rotation of the latent space looks the same to G and spherical interpolation stays where G was trained.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from image_gans.networks.blocks.residual_blocks import UpsampledConv
from image_gans.networks.blocks.shapes import FromLatents, check_pictures, check_shape

_SIDE = 8  # side of the last feature map, for every image size


@dataclass(frozen=True)
class AutoencoderConfig:
    """Settings of both networks."""

    size: int = 32
    """Height and width of the images in pixels: 16, 32, 64, 128 or 256."""
    channels: int = 3
    """Colour channels: 1 (grayscale) or 3 (RGB)."""
    latent: int = 64
    """Dimensions of the latent vector z, and of the code h (64 in the paper)."""
    width: int = 64
    """n: channels of the first layer of the encoder and of all of the decoder (64 or 128 in the paper)."""

    def __post_init__(self) -> None:
        widths = {"latent": self.latent, "width": self.width}
        check_shape("an auto-encoder", self.size, self.channels, widths)

    @property
    def doublings(self) -> int:
        """Number of doublings from the smallest map to the image."""
        return int(math.log2(self.size // _SIDE))


class Decoder(nn.Module):
    """A decoder from vectors to images."""

    def __init__(self, config: AutoencoderConfig, out_channels: int):
        super().__init__()
        n = config.width
        self.project = nn.Linear(config.latent, n * _SIDE**2)
        self.start = nn.Sequential(*_conv(n, n), *_conv(n, n))
        self.levels = nn.ModuleList(
            nn.Sequential(UpsampledConv(2 * n, n, 3, padding=1), nn.ELU(inplace=True), *_conv(n, n))
            for _ in range(config.doublings)
        )
        self.output = nn.Conv2d(n, out_channels, 3, padding=1)

    def forward(self, h: Tensor) -> Tensor:
        """[N,latent] -> [N,C,H,W], not squashed."""
        first = self.project(h).view(len(h), -1, _SIDE, _SIDE)
        x = self.start(first)
        for level, layers in enumerate(self.levels):
            # The layers begin with upsampling; joining before it is equivalent, at a quarter of the cost.
            skipped = F.interpolate(first, scale_factor=2**level) if level else first
            x = layers(torch.cat([x, skipped], 1))
        return cast(Tensor, self.output(x))


class Encoder(nn.Module):
    """An encoder from images to vectors."""

    def __init__(self, config: AutoencoderConfig, in_channels: int):
        super().__init__()
        n = config.width
        layers = [*_conv(in_channels, n), *_conv(n, n), *_conv(n, n)]
        for level in range(1, config.doublings + 1):
            before, after = level * n, (level + 1) * n
            layers += [*_conv(before, after, stride=2), *_conv(after, after)]
        deepest = (config.doublings + 1) * n * _SIDE**2
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(deepest, config.latent))

    def forward(self, x: Tensor) -> Tensor:
        """[N,C,H,W] -> [N,latent], linear."""
        return cast(Tensor, self.layers(x))


class AutoencoderGenerator(FromLatents):
    """A generator from latent vectors to images, with a decoder of its own."""

    def __init__(self, config: AutoencoderConfig):
        super().__init__()
        self.config = config
        self.decoder = Decoder(config, config.channels)

    def forward(self, z: Tensor) -> Tensor:
        """[N,latent] -> [N,C,H,W], near [-1,1] once it has learned."""
        return cast(Tensor, self.decoder(z))


class AutoencoderTrunk(nn.Module):
    """A trunk from images to reconstruction errors, for BEGAN's D.

    Args:
        config: the shape.
        in_channels: channels of its input, if that is more than an image (default: the image's).
    """

    rows_are_independent = True

    def __init__(self, config: AutoencoderConfig, in_channels: int | None = None):
        super().__init__()
        self.config, self.in_channels = config, in_channels or config.channels
        self.encoder = Encoder(config, self.in_channels)
        self.decoder = Decoder(config, self.in_channels)
        self.features = self.in_channels * config.size**2

    def forward(self, x: Tensor) -> Tensor:
        """[N,C,H,W] -> [N,C*H*W]: |x - reconstruction|."""
        check_pictures(x, self.in_channels, self.config.size)
        return (x - self.reconstructed(x)).abs().flatten(1)

    def reconstructed(self, x: Tensor) -> Tensor:
        """[N,C,H,W] -> [N,C,H,W]."""
        return cast(Tensor, self.decoder(self.encoder(x)))


class MeanError(nn.Module):
    """Score of an auto-encoding D: minus its mean error."""

    def forward(self, errors: Tensor) -> Tensor:
        """[N,F] -> [N]."""
        return -errors.mean(1)


def autoencoder_head(config: AutoencoderConfig, features: int, outputs: int = 1) -> nn.Module:
    """Return the score's head; further heads are linear in the errors."""
    return MeanError() if outputs == 1 else nn.Linear(features, outputs)


def _conv(before: int, after: int, stride: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(before, after, 3, stride, padding=1), nn.ELU(inplace=True)]
