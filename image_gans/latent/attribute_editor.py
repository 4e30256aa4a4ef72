"""Edits of an attribute of images by a conditional generator and an encoder (Antipov et al. 2017, section 2).

    z_0  = E(x)                                             initial latent approximation
    z*   = argmin_z |f(x) - f(G(z, y_0))|^2                 by L-BFGS from z_0
    edit = G(z*, y)                                         the condition y_0 of x changed to y

f are the features of a recogniser ("identity-preserving" optimisation) or the pixels themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, cast

import torch
from torch import Tensor, nn

from image_gans.conditions import Conditions
from image_gans.latent.row_lbfgs import Objective, minimised
from image_gans.metrics.recogniser import Recogniser
from image_gans.networks.conditional import ConditionalGenerator

Way = Literal["encoder", "pixels", "identity"]
"""How the latent vector of an image is found: by the encoder alone, or by a search from there."""
MOVES = 50
_CHUNK = 100


def distance_to(
    features: Callable[[Tensor], Tensor], x: Tensor, generate: Callable[[Tensor, Tensor], Tensor]
) -> Objective:
    """Return the objective (z [M,d], row numbers [M]) -> |f(x) - f(generate(z, numbers))|^2 [M].

    Args:
        features: f, [M,C,H,W] -> [M,F].
        x: images [N,C,H,W].
        generate: latent vectors [M,d] and the numbers of their images [M] to images.
    """
    with torch.no_grad():
        wanted = features(x)

    def objective(z: Tensor, numbers: Tensor) -> Tensor:
        return (features(generate(z, numbers)) - wanted[numbers]).square().sum(1)

    return objective


@dataclass(frozen=True)
class AttributeEditor:
    """A generator, an encoder into its latent space, and a recogniser; all in evaluation mode."""

    generator: ConditionalGenerator
    encoder: nn.Module
    """Images [N,C,H,W] to latent vectors [N,d]."""
    recogniser: Recogniser
    """Its features are the identity, and it names the condition of images."""

    @property
    def conditions(self) -> Conditions:
        """The label that is edited."""
        return self.generator.config.conditions

    @torch.no_grad()
    def estimated(self, x: Tensor) -> Tensor:
        """Return the conditions [N,K] that the recogniser names in images [N,C,H,W]."""
        seen = self.recogniser(x)
        return torch.stack([seen[name].argmax(1) for name in self.conditions.names], 1)

    def codes(self, x: Tensor, labels: Tensor, way: Way, moves: int = MOVES) -> Tensor:
        """Return latent vectors [N,d] of images [N,C,H,W] of conditions [N,K]."""
        parts = zip(x.split(_CHUNK), labels.split(_CHUNK), strict=True)
        return torch.cat([self._codes(images, told, way, moves) for images, told in parts])

    @torch.no_grad()
    def drawn(self, codes: Tensor, labels: Tensor) -> Tensor:
        """Return images [N,C,H,W] of latent vectors [N,d] under conditions [N,K]."""
        return torch.cat([
            self._generate(z, told)
            for z, told in zip(codes.split(_CHUNK), labels.split(_CHUNK), strict=True)
        ])  # fmt: skip

    def identity(self, x: Tensor) -> Tensor:
        """Return the features [N,F] that the recogniser's heads read: they know where in the image."""
        return self.recogniser.places(x).flatten(1)

    def _codes(self, x: Tensor, labels: Tensor, way: Way, moves: int) -> Tensor:
        with torch.no_grad():
            starts = cast(Tensor, self.encoder(x))
        if way == "encoder":
            return starts
        features = self.identity if way == "identity" else _pixels
        objective = distance_to(features, x, lambda z, rows: self._generate(z, labels[rows]))
        return minimised(objective, starts, moves=moves).rows

    def _generate(self, codes: Tensor, labels: Tensor) -> Tensor:
        return cast(Tensor, self.generator(self.generator.join(codes, labels)))


def _pixels(x: Tensor) -> Tensor:
    return x.flatten(1)
