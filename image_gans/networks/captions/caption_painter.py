"""Generators of images from captions' vectors: the first stage, and the augmentation of both stages.

c = mean(phi) + exp(log variance(phi) / 2) * e,   e ~ N(0, I)        conditioning augmentation
stage I: [z | c] -> any generator of as many latent dimensions
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import Tensor, nn

from image_gans.networks.choice import NetworkChoice, build_generator
from seqgan_kit.core.bounds import Size, bounded
from seqgan_kit.core.gaussian_codes import mean_and_log_variance
from seqgan_kit.data.images.image_config import ImageData


@dataclass(frozen=True)
@bounded
class PainterConfig:
    """Shape of what surrounds the inner generator of stage I."""

    features: Size
    """Dimensions of a caption's vector."""
    latent: Size
    """Dimensions of the noise z."""
    condition: Size = 32
    """Dimensions of the augmented condition c (128 in the paper)."""


class ConditioningAugmentation(nn.Module):
    """Draw conditions from a normal distribution that depends on the caption (section 3.2).

    Nearby conditions must give the same caption's images, which smooths the space between the few captions
    of the training data.
    """

    def __init__(self, features: int, condition: int):
        super().__init__()
        self.moments_of = nn.Linear(features, 2 * condition)

    def moments(self, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log variance [N,C] of the condition, from vectors [N,F]."""
        return mean_and_log_variance(self.moments_of(vectors))

    def forward(self, vectors: Tensor, noise: Tensor) -> Tensor:
        """[N,F], standard normal [N,C] -> conditions [N,C]."""
        mean, log_variance = self.moments(vectors)
        return mean + noise * (0.5 * log_variance).exp()


class CaptionPainter(nn.Module):
    """Stage I: captions' vectors to images, through an inner generator.

    Args:
        config: the shape.
        inner: a generator whose latent dimensions are those of noise and condition together.
    """

    def __init__(self, config: PainterConfig, inner: nn.Module):
        super().__init__()
        self.config, self.inner = config, inner
        self.augmentation = ConditioningAugmentation(config.features, config.condition)

    def forward(self, vectors: Tensor, noise: Tensor) -> Tensor:
        """[N,F], standard normal [N,d+C] -> [N,C,H,W] in [-1,1]."""
        z, e = noise.split([self.config.latent, self.config.condition], 1)
        return cast(Tensor, self.inner(torch.cat([z, self.augmentation(vectors, e)], 1)))

    def noise(self, n: int, rng: torch.Generator) -> Tensor:
        """[n,d+C] standard normal; drawn where ``rng`` lives, returned where the parameters live."""
        width = self.config.latent + self.config.condition
        z = torch.randn(n, width, generator=rng, device=rng.device)
        return z.to(next(self.parameters()))

    def paint(self, vectors: Tensor, rng: torch.Generator, condition_noise: float = 1.0) -> Tensor:
        """Draw an image [N,C,H,W] for each vector [N,F], with a scale of the condition's noise e."""
        z, e = self.noise(len(vectors), rng).split([self.config.latent, self.config.condition], 1)
        return cast(Tensor, self(vectors, torch.cat([z, condition_noise * e], 1)))


def build_painter(
    choice: NetworkChoice, data: ImageData, features: int, condition: int
) -> CaptionPainter:
    """Return the generator of stage I for images of the data's size and channels."""
    config = PainterConfig(features, choice.latent, condition)
    inner = build_generator(replace(choice, latent=choice.latent + condition), data)
    return CaptionPainter(config, inner)
