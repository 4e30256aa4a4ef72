"""Images to codes, or to a normal distribution over codes (Kingma and Welling 2014, "Auto-encoding
variational Bayes").

    x [N,C,H,W] -> strided convolutions -> mean [N,d], log variance [N,d]

The convolutions are those of DCGAN's discriminator.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from image_gans.conditions import Conditions
from image_gans.networks.blocks.label_vectors import label_vectors, total_width
from image_gans.networks.dcgan_networks import DCGANConfig, DCGANTrunk, initialise
from seqgan_kit.core.gaussian_codes import mean_and_log_variance


class CodeEncoder(nn.Module):
    """An encoder that outputs one code.

    Args:
        config: DCGAN's shape; its latent is the code's length.
    """

    def __init__(self, config: DCGANConfig):
        super().__init__()
        self.config = config
        self.trunk = DCGANTrunk(config)
        self.head = nn.Linear(self.trunk.features, config.latent)
        initialise(self.head, config, "discriminator")

    def forward(self, x: Tensor) -> Tensor:
        """Return codes [N,d] of images [N,C,H,W]."""
        return cast(Tensor, self.head(self.trunk(x)))


class GaussianEncoder(nn.Module):
    """An encoder that outputs a mean and a log variance for each dimension of the code.

    Args:
        config: DCGAN's shape; its latent is the code's length.
    """

    def __init__(self, config: DCGANConfig):
        super().__init__()
        self.config = config
        self.trunk = DCGANTrunk(config)
        self.head = nn.Linear(self.trunk.features, 2 * config.latent)
        initialise(self.head, config, "discriminator")

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log variance [N,d] of images [N,C,H,W]."""
        return mean_and_log_variance(self.head(self.trunk(x)))

    def mean(self, x: Tensor) -> Tensor:
        """Return the mean code [N,d]."""
        return cast(Tensor, self(x)[0])


class LabelledEncoder(nn.Module):
    """An encoder of images and their labels that outputs a mean and a log variance for each dimension.

    Args:
        config: DCGAN's shape; its latent is the code's length.
        conditions: the labels, one-hot beside the features.
    """

    def __init__(self, config: DCGANConfig, conditions: Conditions):
        super().__init__()
        self.config = config
        self.trunk, self.tables = DCGANTrunk(config), label_vectors(conditions, 0)
        joined = self.trunk.features + total_width(conditions, 0)
        self.head = nn.Linear(joined, 2 * config.latent)
        initialise(self.head, config, "discriminator")

    def forward(self, x: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log variance [N,d] of images [N,C,H,W] with labels [N,K]."""
        features = self.trunk(x)
        told = [table(labels[:, i]).to(features) for i, table in enumerate(self.tables)]
        return mean_and_log_variance(self.head(torch.cat([features, *told], 1)))
