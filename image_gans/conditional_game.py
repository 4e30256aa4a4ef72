"""Game of methods whose discriminator scores images together with their labels."""

from __future__ import annotations

import torch
from torch import Tensor

from image_gans.conditions import Conditions
from image_gans.networks.conditional import ConditionalGenerator
from image_gans.networks.labelled import with_labels
from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.game import Batch, Loss, Move

ONE_PICTURE = "labels belong to one image, but with packing D scores several images at once."


class ConditionalGame(AdversarialGame[ConditionalGenerator]):
    """A game in which fakes get the batch's labels, and D sees real images and fakes with their labels."""

    @property
    def conditions(self) -> Conditions:
        """Labels that G and D receive."""
        return self.generator.config.conditions

    def draw(self, n: int, batch: Batch, rng: torch.Generator) -> Tensor:
        """Sample labelled fakes [n,C+1,H,W]."""
        labels = self.conditions.rows(batch)
        labels = labels[torch.arange(n, device=labels.device) % len(labels)]
        return with_labels(self.generator.draw(labels, rng), labels)

    def discriminator_loss(self, batch: Batch, move: Move) -> Loss:
        """Return the objective's D half on labelled samples."""
        return super().discriminator_loss(self._labelled(batch), move)

    def generator_loss(self, batch: Batch, move: Move) -> Loss:
        """Return the objective's G half on labelled samples."""
        return super().generator_loss(self._labelled(batch), move)

    def _labelled(self, batch: Batch) -> Batch:
        return {**batch, "real": with_labels(batch["real"], self.conditions.rows(batch))}
