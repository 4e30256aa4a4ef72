"""Residual generator and discriminator (Gulrajani et al. 2017, "Improved training of Wasserstein GANs",
appendix F; Miyato et al. 2018, "Spectral normalization for generative adversarial networks", appendix B.4).

    G: z -> linear -> [N,c,4,4] -> (block, size doubled)* -> norm, ReLU, conv 3x3, tanh
    D: [N,C,H,W] -> (block, size halved)* -> block(s) of one size -> ReLU, pooling over pixels

The blocks are those of residual_blocks.py. With ``growth`` 1 they are both papers' networks for CIFAR: the
same channels everywhere (Miyato's G has twice D's), and D ends with two blocks at 8x8. With a larger growth
they are Miyato's for 128 pixels: channels double towards 4x4, where D ends with one block. (At 64 pixels the
authors' D halves once more and has no such block.) D sums over pixels with spectral norm, as Miyato does,
and takes the mean otherwise, as Gulrajani does. The score of Miyato's D for CIFAR has no bias. Attention
(attention.py) may follow the blocks that make maps of a given size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast, get_args

from torch import Tensor, nn

from image_gans.networks.blocks.attention import SelfAttention
from image_gans.networks.blocks.norms import (
    PLAIN_NORMS,
    DiscriminatorNorm,
    GeneratorNorm,
    norm_layer,
)
from image_gans.networks.blocks.residual_blocks import (
    DiscriminatorBlock,
    GeneratorBlock,
    initialise,
)
from image_gans.networks.blocks.shapes import CHANNELS, SIZES, FromLatents, check_pictures
from image_gans.networks.blocks.spectral import spectrally_normalised
from seqgan_kit.errors import UsageError, unknown


@dataclass(frozen=True)
class ResNetConfig:
    """The shape of both networks."""

    size: int = 32
    """Height and width of the images in pixels: 16, 32, 64, 128 or 256."""
    channels: int = 3
    """Colour channels: 1 (grayscale) or 3 (RGB)."""
    latent: int = 128
    """Dimensions of the latent vector z (128 in the papers)."""
    width: int = 128
    """Channels of the block next to the image."""
    generator_width: int = 0
    """The same for G alone (256 with D's 128 in Miyato's networks for CIFAR); 0: as many as D's."""
    growth: int = 1
    """Channels double towards 4x4 up to this many times the width: 1 for CIFAR's networks, 16 for larger."""
    attention: int = 0
    """Side in pixels of the feature map with self-attention, in both networks; 0 for none."""
    generator_norm: GeneratorNorm = "auto"
    """Normalisation of G's layers; auto: batch."""
    discriminator_norm: DiscriminatorNorm = "auto"
    """Normalisation of D's layers or weights; auto: none."""

    def __post_init__(self) -> None:
        sides = tuple(side for side in SIZES if side < self.size)
        for name, given, allowed in (
            ("size", self.size, SIZES),
            ("channels", self.channels, CHANNELS),
            ("attention", self.attention, (0, 8, *sides)),
        ):
            if given not in allowed:
                raise UsageError(
                    f"a residual network's {name} cannot be {given}. Allowed: {', '.join(map(str, allowed))}."
                )
        if self.generator_width < 0:
            raise UsageError(
                f"a residual network's generator_width cannot be {self.generator_width}; give 0 for D's "
                "width or a number of channels."
            )
        for name in ("latent", "width", "growth"):
            if getattr(self, name) < 1:
                raise UsageError(
                    f"a residual network's {name} cannot be {getattr(self, name)}; it needs at least 1."
                )
        for name, norm, known in (
            ("generator norm", self.generator_norm, PLAIN_NORMS),
            ("discriminator norm", self.discriminator_norm, get_args(DiscriminatorNorm)),
        ):
            if norm not in known:
                raise unknown(name, norm, known)

    @property
    def generator_channels(self) -> tuple[int, ...]:
        """Return the channels at 4x4, then after each block up to the image's size."""
        doublings = int(math.log2(self.size)) - 2
        return tuple(
            (self.generator_width or self.width) * min(self.growth, 2**left)
            for left in reversed(range(doublings + 1))
        )

    @property
    def discriminator_channels(self) -> tuple[int, ...]:
        """Return channels after each halving block: down to 8x8 with growth 1, to 4x4 otherwise."""
        halvings = int(math.log2(self.size)) - (3 if self.growth == 1 else 2)
        return tuple(self.width * min(self.growth, 2**level) for level in range(halvings))


class ResNetGenerator(FromLatents):
    """A generator from latent vectors to images in [-1,1]."""

    def __init__(self, config: ResNetConfig):
        super().__init__()
        self.config = config
        norm = "batch" if config.generator_norm == "auto" else config.generator_norm
        first, *rest = config.generator_channels
        self.project = nn.Linear(config.latent, first * 16)
        layers: list[nn.Module] = []
        for level, (before, after) in enumerate(zip((first, *rest), rest, strict=False)):
            layers.append(GeneratorBlock(before, after, norm))
            layers += _attention(config, after, side=8 << level)
        last = config.generator_channels[-1]
        output = nn.Conv2d(last, config.channels, 3, padding=1)
        self.layers = nn.Sequential(*layers, *norm_layer(norm, last), nn.ReLU(), output)
        initialise(self)

    def forward(self, z: Tensor) -> Tensor:
        """[N,latent] -> [N,C,H,W] in [-1,1]."""
        return cast(Tensor, self.layers(self.project(z).view(len(z), -1, 4, 4)).tanh())


class ResNetTrunk(nn.Module):
    """A trunk from images to features, for a :class:`~seqgan_kit.core.discriminator.Discriminator`.

    Args:
        config: the shape.
        in_channels: channels of its input, if that is more than an image (default: the image's).
    """

    def __init__(self, config: ResNetConfig, in_channels: int | None = None):
        super().__init__()
        self.config, self.in_channels = config, in_channels or config.channels
        norm = "none" if config.discriminator_norm == "auto" else config.discriminator_norm
        self.rows_are_independent = norm != "batch"
        self.sums_pixels = norm == "spectral"
        before, layers = self.in_channels, list[nn.Module]()
        for level, after in enumerate(config.discriminator_channels):
            layers.append(DiscriminatorBlock(before, after, norm, halves=True, first=level == 0))
            layers += _attention(config, after, side=config.size >> (level + 1))
            before = after
        self.features = config.width * min(config.growth, 2 ** len(config.discriminator_channels))
        for _ in range(2 if config.growth == 1 else 1):
            layers.append(DiscriminatorBlock(before, self.features, norm))
            before = self.features
        self.layers = nn.Sequential(*layers, nn.ReLU())
        initialise(self)
        if norm == "spectral":
            spectrally_normalised(self)

    def forward(self, x: Tensor) -> Tensor:
        """[N,in_channels,H,W] -> [N,features]."""
        check_pictures(x, self.in_channels, self.config.size)
        maps = self.layers(x)
        return cast(Tensor, maps.sum((2, 3)) if self.sums_pixels else maps.mean((2, 3)))


def resnet_head(config: ResNetConfig, features: int, outputs: int = 1) -> nn.Module:
    """Return a linear layer on features, initialised and normalised like D's other layers."""
    spectral = config.discriminator_norm == "spectral"
    head = nn.Linear(features, outputs, bias=not (spectral and config.growth == 1 and outputs == 1))
    initialise(head)
    return spectrally_normalised(head) if spectral else head


def _attention(config: ResNetConfig, channels: int, side: int) -> list[nn.Module]:
    return [SelfAttention(channels)] if side == config.attention else []
