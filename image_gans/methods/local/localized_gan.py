"""Localized GAN: a generator G(x, z) of the images around an image x (Qi, Zhang, Hu, Edraki, Wang, Hua 2018,
"Global versus localized generative adversarial nets").

With z ~ N(0, sigma^2 I) of K coordinates, J_x [K, pixels] the Jacobian of G(x, z) by z at z = 0, by central
differences of step h along some coordinates drawn for each batch:

    D minimises  -E[log D(x)] - E[log(1 - D(G(x, z)))] - theta E[log(1 - D(G(x, 0)))]
    G minimises  -E[log D(G(x, z))] - theta E[log D(G(x, 0))]
                 + alpha E|x - G(x, 0)|  +  beta E|J_x J_x^T - gamma I|

with means over pixels, and over entries of the matrix. The third term makes x its own neighbour (locality),
the fourth makes the coordinates orthonormal, so that the rows of J_x span a tangent space of K dimensions:
without it G may collapse at x, and move along fewer directions than it has coordinates.

With locality ``exact``, G(x, 0) = x by construction, and the terms of alpha and theta are left out.

Differs from the paper: D has the scores of images alone, no classes and no Laplace-Beltrami loss of a
classifier (the paper's semi-supervised part); images are not cropped or mirrored; the learning rates are
constant or follow a schedule of the kit (times 0.95 each epoch in the authors' code); weights are initialised
as DCGAN's (theirs: Xavier). In the preset ``default`` locality is exact, there is no batch norm in G, so that
the Jacobian of an image does not depend on its batch, and z has deviation 1 and tangents of length 3 in place
of 3 and 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from image_gans.networks.local.local_generator import LocalGenerator, tangents
from image_gans.schedule import ImageTraining, in_turns
from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.bounds import Above0, Size, Weight, bounded
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Batch, Loss, Move, Phase
from seqgan_kit.core.objectives import non_saturating
from seqgan_kit.core.products import channels_last


@dataclass(frozen=True)
@bounded
class LocalizedMethod:
    """Settings of the localized GAN: weights of the losses, and finite differences."""

    locality_weight: Weight = 20.0
    """alpha: weight of the distance of G(x, 0) to x (20 in the authors' code)."""
    orthonormality_weight: Weight = 0.01
    """beta: weight of the distance of J J' to the identity (0.01 in the authors' code); 0: no such term."""
    at_zero_weight: Weight = 0.1
    """theta: weight of D's verdict on G(x, 0) (0.1 in the authors' code)."""
    squared_length: Above0 = 1.0
    """gamma: squared length of a tangent (1 in the authors' code)."""
    step: Above0 = 1e-4
    """h: step of the finite differences (1e-4 in the authors' code)."""
    directions: Size = 8
    """Coordinates whose tangents a batch computes (8 in the authors' code)."""


class LocalGame(AdversarialGame[LocalGenerator]):
    """A generator of neighbours of the batch's images against a discriminator of images."""

    def __init__(
        self, generator: LocalGenerator, discriminator: Discriminator, method: LocalizedMethod
    ):
        super().__init__(generator, discriminator, non_saturating())
        self.method = method

    def draw(self, n: int, batch: Batch, rng: torch.Generator) -> Tensor:
        """Draw neighbours [n,C,H,W] of the batch's images."""
        real = batch["real"]
        x = real[torch.arange(n, device=real.device) % len(real)]
        return self.generator.moved(x, self.generator.coordinates(n, rng))

    def discriminator_loss(self, batch: Batch, move: Move) -> Loss:
        """Return D's loss on images, on their neighbours, and on G(x, 0) with a smaller weight."""
        loss = super().discriminator_loss(batch, move)
        if self._at_zero == 0:
            return loss
        real = batch["real"]
        with torch.no_grad():
            rebuilt = self.generator.moved(real, self._zeros(real))
        score = self.discriminate(rebuilt).score
        _, fake = self.objective.discriminator(score, score)
        return Loss(loss.total + self._at_zero * fake.mean(), loss.logs)

    def generator_loss(self, batch: Batch, move: Move) -> Loss:
        """Return G's adversarial loss, its distance to locality and that to orthonormal tangents."""
        real, generator, method = batch["real"], self.generator, self.method
        code = generator.encoder(real)
        fake = generator.decoded(real, code, generator.coordinates(len(real), move.rng))
        total = self._fooling(fake)
        logs: dict[str, Tensor | float] = {"generator_loss": total}
        if not generator.config.exact:
            rebuilt = generator.decoded(real, code, self._zeros(real))
            logs["locality"] = distance = (real - rebuilt).abs().mean()
            total = (
                total + self._at_zero * self._fooling(rebuilt) + method.locality_weight * distance
            )
        if method.orthonormality_weight:
            chosen = self._directions(move.rng, real.device)
            found = tangents(generator, real, chosen, method.step, code)
            logs["orthonormality"] = apart = orthonormality(found, method.squared_length)
            total = total + method.orthonormality_weight * apart
        return Loss(total, logs)

    def _fooling(self, fake: Tensor) -> Tensor:
        return self.objective.generator(self.discriminate(fake).score, None).mean()

    def _directions(self, rng: torch.Generator, device: torch.device) -> Tensor:
        order = torch.randperm(self.generator.config.latent, generator=rng, device=rng.device)
        return order[: self.method.directions].to(device)

    def _zeros(self, real: Tensor) -> Tensor:
        return real.new_zeros(len(real), self.generator.config.latent)

    @property
    def _at_zero(self) -> float:
        return 0.0 if self.generator.config.exact else self.method.at_zero_weight


def orthonormality(rows: Tensor, squared_length: float) -> Tensor:
    """Return the mean of |J J' - gamma I| over images and entries, of rows J [N,D,F]."""
    wanted = squared_length * torch.eye(rows.shape[1], device=rows.device, dtype=rows.dtype)
    return (rows @ rows.transpose(1, 2) - wanted).abs().mean()


def build(
    generator: LocalGenerator, discriminator: Discriminator, method: LocalizedMethod
) -> LocalGame:
    """Return the game from its players and settings."""
    game = LocalGame(generator, discriminator, method)
    return channels_last(game)


def phases(training: ImageTraining) -> tuple[Phase, ...]:
    """Return one phase in which D and G take turns."""
    return in_turns(training)
