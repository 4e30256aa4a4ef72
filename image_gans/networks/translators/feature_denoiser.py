"""A denoising autoencoder of standardised features (Nguyen et al. 2017, section 3.3).

    s = (h - mean) / deviation of each feature,     R(s) = s / (1 + sigma^2) + layers(s)

Mean and deviation are running ones, measured in training. Without its layers R is the best denoiser of
independent normal features at noise sigma.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn

from seqgan_kit.core.bounds import Above0, Size, bounded

_SMALLEST_VARIANCE = 1e-4
"""Added to variances, so that a feature that never changes stays where it is."""


@dataclass(frozen=True)
@bounded
class FeatureDenoiserConfig:
    """Shape of a denoiser."""

    features: Size
    """Number of features."""
    width: Size = 256
    """Units of a hidden layer."""
    layers: Size = 2
    """Number of hidden layers."""
    noise: Above0 = 1.0
    """Standard deviation of the noise (sigma), in standard deviations of a feature."""


class FeatureDenoiser(nn.Module):
    """Standardised noisy features [N,F] to what they were without noise."""

    def __init__(self, config: FeatureDenoiserConfig):
        super().__init__()
        self.config = config
        self.scale = nn.BatchNorm1d(config.features, eps=_SMALLEST_VARIANCE, affine=False)
        widths = [config.features, *[config.width] * config.layers]
        layers = list[nn.Module]()
        for before, after in pairwise(widths):
            layers += [nn.Linear(before, after), nn.ReLU()]
        last = nn.Linear(widths[-1], config.features)
        for parameter in last.parameters():  # so that the layers add nothing at the start
            nn.init.zeros_(parameter)
        self.layers = nn.Sequential(*layers, last)

    def forward(self, s: Tensor) -> Tensor:
        """Return R(s) [N,F] of standardised features."""
        return cast(Tensor, s / (1 + self.config.noise**2) + self.layers(s))

    def standardised(self, h: Tensor) -> Tensor:
        """Return s [N,F] of features h [N,F]; in training mode by the batch's mean and deviation."""
        return cast(Tensor, self.scale(h))

    def features(self, s: Tensor) -> Tensor:
        """Return h [N,F] of standardised features, by the running mean and deviation; not below 0."""
        deviation = (cast(Tensor, self.scale.running_var) + self.scale.eps).sqrt()
        return (s * deviation + cast(Tensor, self.scale.running_mean)).clamp_min(0)

    def noise(self, n: int, rng: torch.Generator) -> Tensor:
        """Return [n,F] standard normal, where the parameters are."""
        z = torch.randn(n, self.config.features, generator=rng, device=rng.device)
        return z.to(cast(Tensor, self.scale.running_mean))
