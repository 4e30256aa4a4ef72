"""Choice of the networks as settings, and the registry behind it.

:data:`NETWORKS` holds for each name how a generator, a trunk and a head are built from the choice. Methods
take both players from :func:`build_networks` and put further heads on the trunk's features themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, Protocol, cast

from torch import nn

from image_gans.networks.autoencoder_networks import (
    AutoencoderConfig,
    AutoencoderGenerator,
    AutoencoderTrunk,
    autoencoder_head,
)
from image_gans.networks.blocks.norms import DiscriminatorNorm, GeneratorNorm
from image_gans.networks.dcgan_networks import (
    DCGANConfig,
    DCGANGenerator,
    DCGANTrunk,
    Variant,
    dcgan_head,
)
from image_gans.networks.modern_resnet import (
    ModernConfig,
    ModernGenerator,
    ModernTrunk,
    modern_head,
)
from image_gans.networks.picture_mlp import (
    PictureMLPConfig,
    PictureMLPGenerator,
    PictureMLPTrunk,
    picture_mlp_head,
)
from image_gans.networks.resnet import ResNetConfig, ResNetGenerator, ResNetTrunk, resnet_head
from image_gans.networks.style.style_discriminator import StyleTrunk, style_head
from image_gans.networks.style.style_generator import StyleConfig, StyleGenerator
from seqgan_kit.core.bounds import Share, Size, Units, bounded
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.runs.machine.memory import check_training_memory
from seqgan_kit.data.images.image_config import ImageData
from seqgan_kit.errors import UsageError, unknown

_UNITS_OF_WIDTH = 16  # as a DCGAN's layer of 4x4 pixels


@dataclass(frozen=True)
@bounded
class NetworkChoice:
    """Settings of the networks: the pair and its size."""

    network: Literal["dcgan", "mlp", "resnet", "autoencoder", "modern", "style"] = "dcgan"
    """Networks of G and D. dcgan: strided convolutions; resnet: residual blocks; autoencoder: D
    reconstructs images and G is a decoder (BEGAN); modern: residual blocks of grouped convolutions
    without norm (R3GAN); style: modulated convolutions and a residual D (StyleGAN2); these five at
    16, 32, 64, 128 or 256 pixels. mlp: fully connected layers, at any size.
    """
    width: Size = 64
    """dcgan: channels of the layer next to the image; they double towards 4x4, up to 8 times. resnet, modern
    and style: the same, up to ``growth`` times. autoencoder: channels of the decoder's layers and the
    encoder's first. mlp: a hidden layer has 16 times as many units."""
    latent: Size = 100
    """Dimensions of the latent vector."""
    variant: Variant = "batchnorm"
    """dcgan: batchnorm, as in its paper, or selu, self-normalising, without normalisation layers."""
    generator_norm: GeneratorNorm = "auto"
    """Normalisation of G's layers; auto: as in the network's paper."""
    discriminator_norm: DiscriminatorNorm = "auto"
    """Normalisation of D's layers; auto: as in the network's paper. A gradient penalty excludes batch norm.
    """
    pieces: Size = 1
    """mlp: linear maps per maxout unit of D; 1 for LeakyReLU instead of maxout."""
    dropout: Share = 0.0
    """mlp: dropout rate of D's hidden units."""
    growth: Size = 1
    """resnet, modern, style: channels double towards 4x4 up to this many times the width (1: alike in all
    blocks, as for CIFAR; 16 for larger images)."""
    generator_width: Units = 0
    """resnet: width of G if it differs from D's; 0 for the same."""
    attention: Units = 0
    """resnet: side in pixels of the feature map with self-attention, in G and D; 0 for none."""
    blocks: Size = 1
    """modern: residual blocks at each size of the feature maps (2 in the paper)."""
    mapping: Size = 8
    """style: layers of the mapping network (8 in the paper)."""
    noise: bool = True
    """style: add noise to each layer of G, as in the paper. In short training it stays in the images."""


class Trunk(Protocol):
    """Attributes that a trunk exposes."""

    features: int
    """Number of features per image."""


@dataclass(frozen=True)
class NetworkKind:
    """Builders of a pair of networks."""

    config: Callable[[NetworkChoice, ImageData], Any]
    """Their common shape, checked."""
    generator: Callable[[Any], nn.Module]
    """G of a shape."""
    trunk: Callable[[Any, int], nn.Module]
    """D's trunk of a shape and a number of input channels."""
    head: Callable[[Any, int, int], nn.Module]
    """A head of a shape and numbers of features and outputs."""
    options: frozenset[str] = frozenset()
    """Settings that it reads, in addition to network, width and latent."""


def _dcgan(choice: NetworkChoice, data: ImageData) -> DCGANConfig:
    return DCGANConfig(
        data.size, data.channels, choice.latent, choice.width,
        choice.variant, choice.generator_norm, choice.discriminator_norm,
    )  # fmt: skip


def _mlp(choice: NetworkChoice, data: ImageData) -> PictureMLPConfig:
    return PictureMLPConfig(
        data.size, data.channels, choice.latent, _UNITS_OF_WIDTH * choice.width,
        choice.pieces, choice.dropout, choice.generator_norm, choice.discriminator_norm,
    )  # fmt: skip


def _resnet(choice: NetworkChoice, data: ImageData) -> ResNetConfig:
    return ResNetConfig(
        data.size, data.channels, choice.latent, choice.width, choice.generator_width, choice.growth,
        choice.attention, choice.generator_norm, choice.discriminator_norm,
    )  # fmt: skip


def _modern(choice: NetworkChoice, data: ImageData) -> ModernConfig:
    return ModernConfig(
        data.size, data.channels, choice.latent, choice.width, choice.growth, choice.blocks
    )


def _style(choice: NetworkChoice, data: ImageData) -> StyleConfig:
    return StyleConfig(
        data.size,
        data.channels,
        choice.latent,
        choice.width,
        choice.growth,
        choice.mapping,
        choice.noise,
    )


def _autoencoder(choice: NetworkChoice, data: ImageData) -> AutoencoderConfig:
    return AutoencoderConfig(data.size, data.channels, choice.latent, choice.width)


_NORMS = frozenset({"generator_norm", "discriminator_norm"})
NETWORKS: Mapping[str, NetworkKind] = {
    "dcgan": NetworkKind(_dcgan, DCGANGenerator, DCGANTrunk, dcgan_head, _NORMS | {"variant"}),
    "mlp": NetworkKind(
        _mlp,
        PictureMLPGenerator,
        PictureMLPTrunk,
        picture_mlp_head,
        _NORMS | {"pieces", "dropout"},
    ),
    "resnet": NetworkKind(
        _resnet,
        ResNetGenerator,
        ResNetTrunk,
        resnet_head,
        _NORMS | {"growth", "generator_width", "attention"},
    ),
    "modern": NetworkKind(
        _modern,
        ModernGenerator,
        ModernTrunk,
        modern_head,
        frozenset({"growth", "blocks"}),
    ),
    "style": NetworkKind(
        _style,
        StyleGenerator,
        StyleTrunk,
        style_head,
        frozenset({"growth", "mapping", "noise"}),
    ),
    "autoencoder": NetworkKind(
        _autoencoder,
        AutoencoderGenerator,
        AutoencoderTrunk,
        autoencoder_head,
    ),
}
"""Pairs of networks by name."""


def build_networks(
    choice: NetworkChoice, data: ImageData, *, packing: int = 1
) -> tuple[nn.Module, Discriminator]:
    """Build generator and discriminator for images of the data's size and channels.

    Args:
        choice: which networks.
        data: settings with the size and the channels of the images.
        packing: number of images that D sees at once, stacked along the channels.
    """
    channels = packing * data.channels
    check_training_memory(
        f"the networks {choice.network!r} of width {choice.width:,}",
        lambda: nn.ModuleList([build_generator(choice, data), build_trunk(choice, data, channels)]),
        choice,
        advice="use a smaller width, latent or growth",
    )
    generator = build_generator(choice, data)
    trunk = build_trunk(choice, data, channels)
    features = cast(Trunk, trunk).features
    return generator, Discriminator(trunk, features, score=build_head(choice, data, features))


def block_count(choice: NetworkChoice, data: ImageData) -> int:
    """Return the number of residual blocks of G that have norms: none but in resnet."""
    return len(_resnet(choice, data).generator_channels) - 1 if choice.network == "resnet" else 0


def build_generator(choice: NetworkChoice, data: ImageData) -> nn.Module:
    """Build the generator."""
    kind = _kind(choice)
    return kind.generator(kind.config(choice, data))


def build_trunk(
    choice: NetworkChoice, data: ImageData, in_channels: int | None = None
) -> nn.Module:
    """Build D's trunk, whose ``features`` is its number of outputs.

    Args:
        choice: which networks.
        data: settings with the size and the channels of the images.
        in_channels: channels of its input, if it is not a single image.
    """
    kind = _kind(choice)
    return kind.trunk(kind.config(choice, data), in_channels or data.channels)


def build_head(
    choice: NetworkChoice, data: ImageData, features: int, outputs: int = 1
) -> nn.Module:
    """Build a linear layer on features, initialised and normalised like the trunk's layers."""
    kind = _kind(choice)
    return kind.head(kind.config(choice, data), features, outputs)


def _kind(choice: NetworkChoice) -> NetworkKind:
    """Return the kind that the choice names; refuse settings that this kind does not read."""
    if choice.network not in NETWORKS:
        raise unknown("network", choice.network, NETWORKS)
    kind = NETWORKS[choice.network]
    read = {"network", "width", "latent"} | kind.options
    for field in fields(choice):
        if field.name not in read and getattr(choice, field.name) != field.default:
            raise UsageError(
                f"{field.name} is {getattr(choice, field.name)!r}, which the network "
                f"{choice.network!r} does not use; it reads "
                f"{', '.join(sorted(read - {'network'}))}."
            )
    return kind
