"""Settings and builders of encoder and decoder networks."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from image_gans.networks.dcgan_networks import DCGANConfig, DCGANGenerator
from image_gans.networks.translators.image_encoder import CodeEncoder, GaussianEncoder
from seqgan_kit.core.bounds import Size, bounded
from seqgan_kit.data.images.image_config import ImageData


@dataclass(frozen=True)
@bounded
class CodeNetworks:
    """The size of encoder and decoder: DCGAN's two networks, at 16 to 256 pixels."""

    latent: Size = 100
    """Dimensions of the code."""
    width: Size = 64
    """Channels of the layers next to the image; they double towards 4x4, up to 8 times."""


def build_autoencoder(choice: CodeNetworks, data: ImageData) -> tuple[nn.Module, nn.Module]:
    """Return an encoder that gives one code, and a decoder."""
    shape = _shape(choice, data)
    return CodeEncoder(shape), DCGANGenerator(shape)


def build_variational_autoencoder(
    choice: CodeNetworks, data: ImageData
) -> tuple[nn.Module, nn.Module]:
    """Return an encoder that gives a normal distribution over codes, and a decoder."""
    shape = _shape(choice, data)
    return GaussianEncoder(shape), DCGANGenerator(shape)


def _shape(choice: CodeNetworks, data: ImageData) -> DCGANConfig:
    return DCGANConfig(data.size, data.channels, choice.latent, choice.width)
