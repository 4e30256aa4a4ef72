"""Hand-written training loops without a library, the reference for ``seqgan-kit bench image``.

Each takes the players of a method and computes the same updates with the same random numbers.
"""

from __future__ import annotations

import copy
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from image_gans.networks.dcgan_networks import DCGANGenerator
from image_gans.schedule import ImageTraining
from seqgan_kit.core.discriminator import Discriminator


class BareLoop:
    """Common parts of both loops: two players, two optimizers, images in random order."""

    def __init__(
        self,
        generator: nn.Module,
        discriminator: Discriminator,
        training: ImageTraining,
        pictures: Tensor,
        order: Tensor,
        rng: torch.Generator,
    ):
        self.generator = cast(DCGANGenerator, copy.deepcopy(generator))
        self.discriminator = copy.deepcopy(discriminator)
        self.generator_optimizer = torch.optim.Adam(
            self.generator.parameters(),
            training.generator_learning_rate,
            training.betas,
            fused=True,
        )
        self.discriminator_optimizer = torch.optim.Adam(
            self.discriminator.parameters(),
            training.discriminator_learning_rate,
            training.betas,
            fused=True,
        )
        self.players = nn.ModuleDict(
            {"generator": self.generator, "discriminator": self.discriminator}
        )
        self.training, self.rng = training, rng
        self.pictures, self.batches = pictures, order.split(training.batch_size)
        self.position = 0

    def play_round(self) -> None:
        """Make D's updates, then one of G."""
        for _ in range(self.training.discriminator_moves):
            self.discriminator_optimizer.zero_grad()
            with torch.no_grad():
                fake = self.draw()
            self.discriminator_loss(self.next_batch(), fake).backward()
            self.discriminator_optimizer.step()
        self.position += 1  # The trainer uses a batch for G's update too.
        self.generator_optimizer.zero_grad()
        self.discriminator.requires_grad_(False)
        self.generator_loss(self.draw()).backward()
        self.discriminator.requires_grad_(True)
        self.generator_optimizer.step()

    def draw(self) -> Tensor:
        """Sample fakes [B,C,H,W]."""
        n, latent = self.training.batch_size, self.generator.config.latent
        z = torch.randn(n, latent, generator=self.rng, device=self.rng.device)
        return cast(Tensor, self.generator(z))

    def next_batch(self) -> Tensor:
        """Return real images [B,C,H,W] in [-1,1]."""
        rows = self.batches[self.position % len(self.batches)]
        self.position += 1
        return self.pictures[rows].float() / 127.5 - 1

    def scores(self, x: Tensor) -> Tensor:
        """Return D's scores [B]."""
        features = self.discriminator.trunk(x)
        return cast(Tensor, self.discriminator.score(features)).flatten()

    def discriminator_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return D's loss."""
        raise NotImplementedError

    def generator_loss(self, fake: Tensor) -> Tensor:
        """Return G's loss."""
        raise NotImplementedError


class BareDCGAN(BareLoop):
    """DCGAN loop: cross-entropy with a non-saturating G."""

    def discriminator_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        return F.softplus(-self.scores(real)).mean() + F.softplus(self.scores(fake)).mean()

    def generator_loss(self, fake: Tensor) -> Tensor:
        return F.softplus(-self.scores(fake)).mean()


class BareWGANGP(BareLoop):
    """WGAN-GP loop: the Wasserstein objective with a gradient penalty of weight 10."""

    def discriminator_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        share = torch.rand(len(real), 1, 1, 1, generator=self.rng, device=real.device)
        between = (share * real + (1 - share) * fake).requires_grad_(True)
        value = self.scores(between).sum()
        (slope,) = torch.autograd.grad(value, between, create_graph=True)
        penalty = 10 * (slope.flatten(1).norm(dim=1) - 1).square().mean()
        return self.scores(fake).mean() - self.scores(real).mean() + penalty

    def generator_loss(self, fake: Tensor) -> Tensor:
        return -self.scores(fake).mean()
