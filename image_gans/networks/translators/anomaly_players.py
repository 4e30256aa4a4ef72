"""Players of anomaly detection: encoders for a chosen generator, and a VAE of the same size."""

from __future__ import annotations

from typing import cast

from torch import nn

from image_gans.networks.choice import NetworkChoice, build_networks
from image_gans.networks.translators.code_networks import (
    CodeNetworks,
    build_variational_autoencoder,
)
from image_gans.networks.translators.image_encoder import LatentShape, TanhEncoder
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.data.images.image_config import ImageData
from seqgan_kit.errors import UsageError

_NETWORKS = ("dcgan", "mlp", "resnet")
_WIDEST_BASELINE = 64


def build_anomaly_players(
    choice: NetworkChoice, data: ImageData
) -> tuple[nn.Module, Discriminator, nn.Module, tuple[nn.Module, nn.Module]]:
    """Return G, D, the encoder of G's latent space, and encoder and decoder of a VAE of DCGAN's networks."""
    if choice.network not in _NETWORKS:
        raise UsageError(
            f"--network {choice.network}: an encoder into the latent space has the networks "
            f"{', '.join(_NETWORKS)}; give one of them."
        )
    generator, discriminator = build_networks(choice, data)
    encoder = TanhEncoder(cast(LatentShape, generator.config))
    width = min(choice.width, _WIDEST_BASELINE)
    codes = CodeNetworks("mlp" if choice.network == "mlp" else "dcgan", choice.latent, width)
    return generator, discriminator, encoder, build_variational_autoencoder(codes, data)
