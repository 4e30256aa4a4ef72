"""Which networks: the choice as settings, and what it stands for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import nn

from image_gans.networks.dcgan import DCGANConfig, DCGANGenerator, Variant, dcgan_discriminator
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.data.image_config import ImageData
from seqgan_kit.errors import unknown

NETWORKS = ("dcgan",)


@dataclass(frozen=True)
class NetworkChoice:
    """One of the pairs of networks, and its size."""

    network: Literal["dcgan"] = "dcgan"
    """Which pair of networks plays."""
    width: int = 64
    """Channels of the layer next to the picture; they double towards 4x4, up to 8 times."""
    latent: int = 100
    """Dimensions of the latent vector."""
    variant: Variant = "batchnorm"
    """batchnorm: as in DCGAN's paper. selu: self-normalising, without normalisation layers."""


def build_networks(choice: NetworkChoice, data: ImageData) -> tuple[nn.Module, Discriminator]:
    """Generator and discriminator for pictures of the data's size and channels."""
    if choice.network not in NETWORKS:
        raise unknown("network", choice.network, NETWORKS)
    shape = DCGANConfig(data.size, data.channels, choice.latent, choice.width, choice.variant)
    return DCGANGenerator(shape), dcgan_discriminator(shape)
