"""Images to codes, or to a normal distribution over codes (Kingma and Welling 2014, "Auto-encoding
variational Bayes").

    x [N,C,H,W] -> layers of a discriminator -> mean [N,d], log variance [N,d]

The layers are those of DCGAN's discriminator, or fully connected ones.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from image_gans.conditions import Conditions
from image_gans.networks.blocks.label_vectors import label_vectors, total_width
from image_gans.networks.dcgan_networks import DCGANConfig, DCGANTrunk, initialise
from image_gans.networks.picture_mlp import (
    PictureMLPConfig,
    PictureMLPTrunk,
    picture_mlp_head,
)
from image_gans.networks.resnet import ResNetConfig, ResNetTrunk, resnet_head
from seqgan_kit.core.gaussian_codes import mean_and_log_variance

EncoderShape = DCGANConfig | PictureMLPConfig
LatentShape = EncoderShape | ResNetConfig


class CodeEncoder(nn.Module):
    """An encoder that outputs one code.

    Args:
        config: the shape of DCGAN's networks or of fully connected ones; its latent is the code's length.
    """

    def __init__(self, config: EncoderShape):
        super().__init__()
        self.config = config
        self.trunk, self.head = _trunk_and_head(config, config.latent)

    def forward(self, x: Tensor) -> Tensor:
        """Return codes [N,d] of images [N,C,H,W]."""
        return cast(Tensor, self.head(self.trunk(x)))


class TanhEncoder(nn.Module):
    """An encoder that outputs a latent vector with values in (-1, 1) (Schlegl et al. 2019).

    Args:
        config: the shape of the generator's and the discriminator's networks.
    """

    def __init__(self, config: LatentShape):
        super().__init__()
        self.config = config
        self.trunk, self.head = _trunk_and_head(config, config.latent)

    def forward(self, x: Tensor) -> Tensor:
        """Return latent vectors [N,d] of images [N,C,H,W]."""
        return cast(Tensor, self.head(self.trunk(x)).tanh())


class GaussianEncoder(nn.Module):
    """An encoder that outputs a mean and a log variance for each dimension of the code.

    Args:
        config: the shape of DCGAN's networks or of fully connected ones; its latent is the code's length.
    """

    def __init__(self, config: EncoderShape):
        super().__init__()
        self.config = config
        self.trunk, self.head = _trunk_and_head(config, 2 * config.latent)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log variance [N,d] of images [N,C,H,W]."""
        return mean_and_log_variance(self.head(self.trunk(x)))

    def mean(self, x: Tensor) -> Tensor:
        """Return the mean code [N,d]."""
        return cast(Tensor, self(x)[0])


class LabelledEncoder(nn.Module):
    """An encoder of images and their labels that outputs a mean and a log variance for each dimension.

    Args:
        config: the shape of DCGAN's networks or of fully connected ones; its latent is the code's length.
        conditions: the labels, one-hot beside the features.
    """

    def __init__(self, config: EncoderShape, conditions: Conditions):
        super().__init__()
        self.config, told = config, total_width(conditions, 0)
        self.trunk, self.head = _trunk_and_head(config, 2 * config.latent, told)
        self.tables = label_vectors(conditions, 0)

    def forward(self, x: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log variance [N,d] of images [N,C,H,W] with labels [N,K]."""
        features = self.trunk(x)
        told = [table(labels[:, i]).to(features) for i, table in enumerate(self.tables)]
        return mean_and_log_variance(self.head(torch.cat([features, *told], 1)))


def _trunk_and_head(
    config: LatentShape, outputs: int, further: int = 0
) -> tuple[nn.Module, nn.Module]:
    """Return a trunk, and a head on its features and ``further`` inputs."""
    if isinstance(config, PictureMLPConfig):
        flat = PictureMLPTrunk(config)
        return flat, picture_mlp_head(config, flat.features + further, outputs)
    if isinstance(config, ResNetConfig):
        residual = ResNetTrunk(config)
        return residual, resnet_head(config, residual.features + further, outputs)
    trunk = DCGANTrunk(config)
    head = nn.Linear(trunk.features + further, outputs)
    initialise(head, config, "discriminator")
    return trunk, head


def code_of(encoder: nn.Module, images: Tensor) -> Tensor:
    """Return an encoder's codes of images [N,C,H,W]: the mean ones, where it gives a distribution."""
    mean = getattr(encoder, "mean", None)
    return cast(Tensor, encoder(images) if mean is None else mean(images))
