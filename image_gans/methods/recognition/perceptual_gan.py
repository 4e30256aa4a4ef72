"""Perceptual GAN: features of small objects are made like those of large ones, so that a classifier of large
objects can name them (Li, Liang, Wei, Xu, Feng, Yan 2017, "Perceptual generative adversarial networks for
small object detection").

With a classifier of near objects, its first feature map f and its last one F, far objects x, near objects y,
F' = F(x) + G(f(x)), scores s of features, and the cross-entropy J of the classifier's heads on features:

    D minimises  -E[log sigma(s(F(y)))] - E[log(1 - sigma(s(F')))]
    G minimises  a E[-log sigma(s(F'))] + p E[J(F', labels of x)]

The classifier is trained on near objects first and then held fixed: its heads are the perception branch.
D's score is the adversarial branch. x and y need not show the same objects.

Two baselines learn from the same batches: the same G without D (a = 0), and the whole classifier, which
continues its training on the far objects by J alone.

Differs from the paper, in the preset ``paper`` too: objects are classified and not located, so the
perception branch has no boxes; each head is one linear layer on the features in place of two layers of 4096
units more; the classifier is the recogniser of this package in place of VGG-16; far objects are enlarged by
interpolation before the classifier reads them, in place of pooling regions of feature maps; F' is rectified
as F is, since D would tell them apart by negative numbers; G reduces f by convolutions of stride 2 in place
of pooling, its blocks are those of SRGAN, and its last layer starts at 0, so that training starts from
F' = F(x); Adam in place of momentum; the bundled cats in place of traffic signs and pedestrians.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from image_gans.far_near import LABEL
from image_gans.metrics.recogniser import Recogniser
from image_gans.metrics.trained_recogniser import label_losses
from image_gans.networks.far_classifier import (
    FarClassifierConfig,
    FeatureResidual,
    enlarged,
    far_features,
    lifted,
)
from image_gans.player_schedule import PlayerTraining, Steps, player_turn, training_phase
from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.bounds import Positive, Size, Weight, bounded
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Batch, Loss, Move, Phase
from seqgan_kit.core.judging import judged
from seqgan_kit.core.objectives import non_saturating


@dataclass(frozen=True)
@bounded
class PerceptualGANMethod:
    """Settings of perceptual GAN: networks, G's loss and the learning rates."""

    blocks: Positive = 6
    """Residual blocks of G."""
    hidden: Size = 4096
    """Units of D's first layer (4096 in the paper)."""
    last_hidden: Size = 1024
    """Units of D's second layer (1024 in the paper)."""
    adversarial_weight: Weight = 1.0
    """a: weight of D's verdict."""
    perception_weight: Weight = 1.0
    """p: weight of the cross-entropy of the far images' labels."""
    generator: Steps = Steps()
    """G's updates, and those of G without D."""
    discriminator: Steps = Steps()
    """D's updates."""
    tuned: Steps = Steps(1e-3)
    """Updates of the classifier that continues on far images."""


class PerceptualGame(AdversarialGame[FeatureResidual]):
    """Generator of residual features, discriminator of features, and two baselines.

    A batch has ``far`` images, their classes as ``label.NAME``, and ``real``, near images.

    Args:
        recogniser: the classifier of near images; it is not trained.
        config: the shape of G.
        discriminator: D of features [N,F,h,w].
        method: the weights of G's loss.
    """

    def __init__(
        self,
        recogniser: Recogniser,
        config: FarClassifierConfig,
        discriminator: Discriminator,
        method: PerceptualGANMethod,
    ):
        residual = FeatureResidual(config)
        tuned = copy.deepcopy(recogniser).requires_grad_(True)
        others = {"baseline": copy.deepcopy(residual), "tuned": tuned}
        super().__init__(residual, discriminator, non_saturating(), others=others)
        self.recogniser, self.config, self.method = recogniser, config, method
        self.train()

    def train(self, mode: bool = True) -> PerceptualGame:
        """Set the mode of the players; the recogniser always evaluates, so that its batch norm stays."""
        super().train(mode)
        self.recogniser.eval()
        return self

    def draw(self, n: int, batch: Batch, rng: torch.Generator) -> Tensor:
        """Return features F' [n,F,h,w] of the batch's far images."""
        return lifted(self.generator, *self._far(batch["far"][:n]))

    def discriminator_loss(self, batch: Batch, move: Move) -> Loss:
        """Return D's loss on features of near images, and on those that G makes of far ones."""
        with torch.no_grad():
            real = self.recogniser.places(batch["real"])
            fake = self.draw(len(real), batch, move.rng)
        return judged(self.objective, self.discriminator, real, fake)

    def generator_loss(self, batch: Batch, move: Move) -> Loss:
        """Return D's verdict on G's features plus the cross-entropy of the heads on them, weighted."""
        features = self.draw(len(batch["far"]), batch, move.rng)
        adversarial = self.objective.generator(self.discriminator(features).score, None).mean()
        perception = cross_entropy(self.recogniser.named(features), batch)
        weights = self.method.adversarial_weight, self.method.perception_weight
        total = weights[0] * adversarial + weights[1] * perception
        return Loss(total, {"generator_loss": adversarial, "perception_loss": perception})

    def baseline_loss(self, batch: Batch, move: Move) -> Loss:
        """Return the cross-entropy alone, for a G without D."""
        features = lifted(self.players["baseline"], *self._far(batch["far"]))
        loss = cross_entropy(self.recogniser.named(features), batch)
        return Loss(loss, {"baseline_perception_loss": loss})

    def tuned_loss(self, batch: Batch, move: Move) -> Loss:
        """Return the cross-entropy of the classifier that continues on far images."""
        loss = cross_entropy(
            self.players["tuned"](enlarged(batch["far"], self.config.reduction)), batch
        )
        return Loss(loss, {"tuned_loss": loss})

    @torch.no_grad()
    def _far(self, far: Tensor) -> tuple[Tensor, Tensor]:
        """Return f and F of far images."""
        return far_features(self.recogniser, self.config, far)


def cross_entropy(logits: dict[str, Tensor], batch: Batch) -> Tensor:
    """Return the sum over labels of the cross-entropies of logits [N,K] and the batch's classes."""
    return label_losses(logits, {name: batch[f"{LABEL}{name}"] for name in logits}).sum()


def build(recogniser: Recogniser, reduction: int, method: PerceptualGANMethod) -> PerceptualGame:
    """Return the game from a classifier of near images, the reduction of far ones and the settings."""
    told = recogniser.config
    probe = torch.zeros(1, told.channels, told.size, told.size)
    with torch.no_grad():
        maps = recogniser.maps(probe)
    low, high, side = maps[0].shape[1], maps[-1].shape[1], maps[-1].shape[2]
    halvings = (maps[0].shape[2] // side).bit_length() - 1
    config = FarClassifierConfig(
        told.channels, told.size, low, high, halvings, method.blocks, reduction
    )
    return PerceptualGame(recogniser, config, feature_discriminator(high * side**2, method), method)


def feature_discriminator(inputs: int, method: PerceptualGANMethod) -> Discriminator:
    """Return a discriminator of three fully connected layers on features of ``inputs`` numbers."""
    trunk = nn.Sequential(
        nn.Flatten(), nn.Linear(inputs, method.hidden), nn.LeakyReLU(0.2),
        nn.Linear(method.hidden, method.last_hidden), nn.LeakyReLU(0.2),
    )  # fmt: skip
    return Discriminator(trunk, method.last_hidden)


def phases(method: PerceptualGANMethod, training: PlayerTraining) -> tuple[Phase, ...]:
    """Return one phase in which D, G and the baselines take turns."""
    return (
        training_phase(
            training,
            "features",
            player_turn(training, method.discriminator, "discriminator_loss", "discriminator"),
            player_turn(training, method.generator, "generator_loss", "generator"),
            player_turn(training, method.generator, "baseline_loss", "baseline"),
            player_turn(training, method.tuned, "tuned_loss", "tuned"),
        ),
    )
