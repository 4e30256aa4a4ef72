"""A generator of black-and-white images: it outputs probabilities, and pixels are sampled.

    G: z [N,latent] -> the DCGAN generator's layers before its tanh -> logits l [N,1,H,W]
    each pixel by itself: white (1) with probability sigma(l), else black (-1)

Given z, the pixels are independent, so log g(x|z) is a sum over pixels. Their dependence comes from z.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from image_gans.networks.dcgan_networks import DCGANConfig, DCGANGenerator, dcgan_discriminator
from seqgan_kit.core.discriminator import Discriminator


@dataclass(frozen=True)
class BernoulliConfig:
    """Settings of both networks."""

    size: int = 32
    """Height and width of the images in pixels: 16, 32, 64, 128 or 256."""
    latent: int = 64
    """Dimensions of the latent vector z."""
    width: int = 64
    """Channels of the layer next to the image; doubles towards 4x4, up to 8 times."""


class BernoulliGenerator(nn.Module):
    """A generator from latent vectors to probabilities of white pixels, with sampling."""

    def __init__(self, config: BernoulliConfig):
        super().__init__()
        self.config = config
        self.body = DCGANGenerator(DCGANConfig(config.size, 1, config.latent, config.width))

    def logits(self, z: Tensor) -> Tensor:
        """[N,latent] -> [N,1,H,W] float32: log-odds of white."""
        return self.body.before_tanh(z).float()

    def forward(self, z: Tensor) -> Tensor:
        """[N,latent] -> [N,1,H,W] in [-1,1]: the mean image of each z, 2 sigma(l) - 1 = tanh(l/2)."""
        return (self.logits(z) / 2).tanh()

    def latents(self, n: int, rng: torch.Generator) -> Tensor:
        """[n,latent] standard normal."""
        return self.body.latents(n, rng)

    def draw_groups(
        self, groups: int, per_group: int, rng: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Images [G,M,1,H,W] of -1 and 1, M of each of G latents, and log g(x|z) [G,M] with gradient."""
        logits = self.logits(self.latents(groups, rng))
        white = draw_bits(logits.detach(), per_group, rng)
        return white.to(logits.dtype) * 2 - 1, bit_log_probs(logits, white)

    def sample(self, n: int, *, rng: torch.Generator) -> Tensor:
        """[n,1,H,W] of -1 and 1, each from a new latent vector; without a gradient."""
        with torch.no_grad():
            return self.draw_groups(n, 1, rng)[0].squeeze(1)


def bernoulli_discriminator(config: BernoulliConfig) -> Discriminator:
    """Strided convolutions without batch norm: an image's weight may not depend on others in its batch."""
    return dcgan_discriminator(
        DCGANConfig(config.size, 1, config.latent, config.width, variant="selu")
    )


def draw_bits(logits: Tensor, per_group: int, rng: torch.Generator) -> Tensor:
    """[G,...] -> [G,M,...] bool, True with probability sigma(logit); drawn where ``rng`` lives."""
    shape = (logits.shape[0], per_group, *logits.shape[1:])
    uniforms = torch.rand(shape, generator=rng, device=rng.device).to(logits.device)
    return uniforms < logits.sigmoid().unsqueeze(1)


def bit_log_probs(logits: Tensor, bits: Tensor) -> Tensor:
    """[G,M]: sum over pixels of bit * l - log(1 + exp(l)), for logits [G,...] and bits [G,M,...].

    Uses one matrix product per group, so that the gradient does not keep the pixels of all M samples.
    """
    # Never in bfloat16: two digits are too few for a sum over all pixels.
    with torch.autocast(logits.device.type, enabled=False):
        chosen = torch.bmm(bits.flatten(2).to(logits.dtype), logits.flatten(1, -1).unsqueeze(2))
    return chosen.squeeze(2) - F.softplus(logits).flatten(1).sum(1, keepdim=True)
