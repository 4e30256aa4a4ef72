"""Classifiers trained in different ways on the same batches, from the same initial weights."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from image_gans.attacks.attack_settings import GradientAttack, VirtualAttack
from image_gans.metrics.label_classifier import LabelClassifier, LabelClassifierConfig
from image_gans.player_schedule import PlayerTraining, Steps, player_turn, training_phase
from seqgan_kit.core.bounds import Size, bounded
from seqgan_kit.core.discriminator import frozen
from seqgan_kit.core.game import Batch, Game, Loss, Move, Phase

PLAIN, ADVERSARIAL, VIRTUAL = "plain", "adversarial", "virtual"
"""Players: trained by cross-entropy alone, on adversarial examples, with virtual adversarial training."""


@dataclass(frozen=True)
@bounded
class RobustClassifierSettings:
    """The classifiers: convolutions of 3x3 with batch norm, as the recogniser that scores images."""

    width: Size = 16
    """Channels of the first layers; they double with every halving of the image, up to four times this."""

    def build(self, shape: Sequence[int], label: str, classes: tuple[str, ...]) -> LabelClassifier:
        """Return a classifier of images of shape (C, H, H)."""
        return LabelClassifier(
            LabelClassifierConfig(shape[0], shape[1], label, classes, self.width)
        )


class RobustGame(Game):
    """Classifiers of one label; the first player is the method's.

    A batch has ``labelled`` images, their ``classes``, and ``real`` images, whose labels are not used.

    Args:
        classifier: the network; every player begins as a copy of it.
        ways: names of the players.
        attack: the adversarial examples.
        clean_share: weight of the clean images in the loss of adversarial training.
        virtual: the virtual adversarial loss.
    """

    def __init__(
        self,
        classifier: nn.Module,
        ways: Sequence[str],
        attack: GradientAttack,
        clean_share: float,
        virtual: VirtualAttack,
    ):
        super().__init__({way: copy.deepcopy(classifier) for way in ways})
        self.ways = tuple(ways)
        self.attack, self.clean_share, self.virtual = attack, clean_share, virtual

    def draw(self, n: int, batch: Batch, rng: torch.Generator) -> Tensor:
        """Return [n,C,H,W]: the batch's labelled images, attacked to fool the method's classifier."""
        x, y = batch["labelled"][:n], batch["classes"][:n]
        return self.attack.perturb(self.players[self.ways[0]], x, y, rng)

    def classifiers_loss(self, batch: Batch, move: Move) -> Loss:
        """Return the sum of all players' losses; each has its own parameters."""
        losses = {way: self._loss_of(way, batch, move.rng) for way in self.ways}
        total = torch.stack([loss.total for loss in losses.values()]).sum()
        logs = {f"{way}_{k}": v for way, loss in losses.items() for k, v in loss.logs.items()}
        return Loss(total, logs)

    def _loss_of(self, way: str, batch: Batch, rng: torch.Generator) -> Loss:
        player, x, y = self.players[way], batch["labelled"], batch["classes"]
        if way == ADVERSARIAL:
            return self._adversarial(player, x, y, rng)
        named, logs = classification(player(x), y)
        if way == PLAIN:
            return Loss(named, logs)
        with frozen(player):  # Batch norm learns from plain labelled images alone.
            smooth = self.virtual.loss(player, batch["real"], rng)
        return Loss(named + self.virtual.virtual_weight * smooth, {**logs, "divergence": smooth})

    def _adversarial(self, player: nn.Module, x: Tensor, y: Tensor, rng: torch.Generator) -> Loss:
        with frozen(player):
            attacked = self.attack.perturb(player, x, y, rng)
        loss, logs = classification(player(attacked), y)
        if self.clean_share:
            clean, _ = classification(player(x), y)
            loss = (1 - self.clean_share) * loss + self.clean_share * clean
        return Loss(loss, logs)


def classification(logits: Tensor, y: Tensor) -> tuple[Tensor, dict[str, Tensor | float]]:
    """Return the cross-entropy of logits [N,K], and what is logged of it."""
    loss = functional.cross_entropy(logits, y)
    right = (logits.argmax(1) == y).float().mean()
    return loss, {"class_loss": loss, "accuracy": right}


def classifier_phases(
    game: RobustGame, steps: Steps, training: PlayerTraining
) -> tuple[Phase, ...]:
    """Return one phase in which all classifiers learn from every batch."""
    turn = player_turn(training, steps, "classifiers_loss", *game.ways)
    return (training_phase(training, "classification", turn),)
