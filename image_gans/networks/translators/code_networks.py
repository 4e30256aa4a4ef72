"""Settings and builders of encoder and decoder networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import nn

from image_gans.networks.choice import NetworkChoice
from image_gans.networks.dcgan_networks import DCGANConfig, DCGANGenerator
from image_gans.networks.picture_mlp import PictureMLPConfig, PictureMLPGenerator
from image_gans.networks.translators.image_encoder import (
    CodeEncoder,
    EncoderShape,
    GaussianEncoder,
)
from seqgan_kit.core.bounds import Size, bounded
from seqgan_kit.data.images.image_config import ImageData

_UNITS_OF_WIDTH = 16  # as a DCGAN's layer of 4x4 pixels


@dataclass(frozen=True)
@bounded
class CodeNetworks:
    """The networks of encoder and decoder, and their size."""

    network: Literal["dcgan", "mlp"] = "dcgan"
    """dcgan: DCGAN's two networks, at 16, 32, 64, 128 or 256 pixels. mlp: two hidden layers each, at any size
    (the networks of Burda et al. 2016, with ReLU)."""
    latent: Size = 100
    """Dimensions of the code."""
    width: Size = 64
    """dcgan: channels of the layers next to the image; they double towards 4x4, up to 8 times. mlp: a hidden
    layer has 16 times as many units."""


def build_autoencoder(choice: CodeNetworks, data: ImageData) -> tuple[nn.Module, nn.Module]:
    """Return an encoder that gives one code, and a decoder."""
    shape = encoder_shape(choice, data)
    return CodeEncoder(shape), _decoder(shape)


def build_variational_autoencoder(
    choice: CodeNetworks, data: ImageData
) -> tuple[nn.Module, nn.Module]:
    """Return an encoder that gives a normal distribution over codes, and a decoder."""
    shape = encoder_shape(choice, data)
    return GaussianEncoder(shape), _decoder(shape)


def _decoder(shape: EncoderShape) -> nn.Module:
    return (
        PictureMLPGenerator(shape) if isinstance(shape, PictureMLPConfig) else DCGANGenerator(shape)
    )


def encoder_shape(choice: CodeNetworks | NetworkChoice, data: ImageData) -> EncoderShape:
    """Return the shape of an encoder of the chosen width: fully connected for ``mlp``, else DCGAN's."""
    if choice.network == "mlp":
        units = _UNITS_OF_WIDTH * choice.width
        return PictureMLPConfig(data.size, data.channels, choice.latent, units)
    return DCGANConfig(data.size, data.channels, choice.latent, choice.width)
