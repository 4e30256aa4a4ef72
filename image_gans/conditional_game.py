"""The game of methods whose discriminator judges pictures together with their labels."""

from __future__ import annotations

import torch
from torch import Tensor

from image_gans.conditions import Conditions
from image_gans.networks.conditional import ConditionalGenerator
from image_gans.networks.labelled import with_labels
from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.game import Batch, Loss, Move

ONE_PICTURE = "labels belong to one picture, and with packing D judges several at once."


class ConditionalGame(AdversarialGame[ConditionalGenerator]):
    """Fakes get the labels of the batch, in its order; D sees reals and fakes with theirs."""

    @property
    def conditions(self) -> Conditions:
        """The labels that both players are told."""
        return self.generator.config.conditions

    def draw(self, n: int, batch: Batch, rng: torch.Generator) -> Tensor:
        """[n,C+1,H,W] labelled fakes."""
        labels = self.conditions.rows(batch)
        labels = labels[torch.arange(n, device=labels.device) % len(labels)]
        return with_labels(self.generator.draw(labels, rng), labels)

    def discriminator_loss(self, batch: Batch, move: Move) -> Loss:
        """The objective's D half on labelled samples."""
        return super().discriminator_loss(self._labelled(batch), move)

    def generator_loss(self, batch: Batch, move: Move) -> Loss:
        """The objective's G half on labelled samples."""
        return super().generator_loss(self._labelled(batch), move)

    def _labelled(self, batch: Batch) -> Batch:
        return {**batch, "real": with_labels(batch["real"], self.conditions.rows(batch))}
