"""AC-GAN: D also classifies the labels, and G maximises that accuracy (Odena, Olah, Shlens 2017,
"Conditional image synthesis with auxiliary classifier GANs").

With scores s = logit D, classifiers p(y_k | x) on D's features, labels y of the data, z ~ N(0, 1):

    L_C(x, y) = -(1/K) sum_k log p(y_k | x)
    D minimises  -E[log sigma(s(x))] - E[log(1 - sigma(s(G(z, y))))] + w (E[L_C(x, y)] + v E[L_C(G(z, y), y)])
    G minimises  -E[log sigma(s(G(z, y)))] + w E[L_C(G(z, y), y)]

The four choices: any pair of networks, where G receives the labels and D has a classifier for each label; a
cross-entropy plus L_C for both players; the pathwise gradient; one phase in which D and G take turns.

Differs from the paper, in the preset ``paper`` too: DCGAN's networks, labels as learnt embeddings beside the
noise (the paper's G has kernels of 5, its D six convolutions of 16 to 512 channels with dropout; one model
for ten classes of ImageNet at 128 pixels); G non-saturating; several labels, whose L_C are averaged. With v =
1, as in the paper, D also learns to classify fakes. With many labels G and D then agree on features that no
real image has: D classified 9 in 10 fakes as requested, yet ginger cats came out grey. With v = 0 the
classifiers learn from real images only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from image_gans.conditions import Conditions
from image_gans.networks.conditional import ConditionalGenerator
from image_gans.networks.labelled import feature_count
from image_gans.schedule import ImageTraining, in_turns
from image_gans.techniques.switches import equipped_game
from image_gans.techniques.technique_settings import NO_TECHNIQUES, Techniques
from seqgan_kit.core.adversarial import AdversarialGame, Pathwise
from seqgan_kit.core.bounds import Share, Weight, bounded
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Batch, Loss, Move, Phase
from seqgan_kit.core.judging import accuracy
from seqgan_kit.core.objectives import non_saturating


@dataclass(frozen=True)
@bounded
class ACGANMethod:
    """Settings of AC-GAN: weights of the classifiers."""

    class_weight: Weight = 1.0
    """Weight w of the labels' cross-entropy in both losses (1 in the paper)."""
    fake_class_weight: Weight = 1.0
    """Share v of w for fakes in D's loss (1 in the paper; 0 trains classifiers on real images only)."""
    label_smoothing: Share = 0.0
    """Label smoothing: real images get the target 1 minus this (0.1 is usual)."""


PAPER = ImageTraining(batch_size=100, epochs=384.6)
"""Adam 2e-4 with beta1 0.5 and batches of 100; 50,000 rounds on ten classes of ImageNet (13,000 images)."""


def class_loss(heads: Mapping[str, Tensor], labels: Tensor) -> Tensor:
    """Compute L_C: logits [N,C_k] of each label in order, classes [N,K] -> mean over samples and labels."""
    pairs = zip(heads.values(), labels.unbind(1), strict=True)
    return torch.stack([F.cross_entropy(logits.float(), true) for logits, true in pairs]).mean()


def class_accuracy(heads: Mapping[str, Tensor], labels: Tensor) -> Tensor:
    """Return the accuracy over samples and labels."""
    pairs = zip(heads.values(), labels.unbind(1), strict=True)
    return torch.stack([(logits.argmax(1) == true).float().mean() for logits, true in pairs]).mean()


@dataclass(frozen=True)
class ClassifiedPathwise(Pathwise):
    """Pathwise gradient of the score and of the classifiers' loss."""

    class_weight: float
    """Weight w of L_C."""

    def generator_loss(
        self, game: AdversarialGame[ConditionalGenerator], batch: Batch, move: Move
    ) -> Loss:
        """Return the objective's G half plus w L_C of the fakes."""
        verdict = game.discriminate(game.draw(len(batch["real"]), batch, move.rng))
        adversarial = game.objective.generator(verdict.score, None).mean()
        conditions = game.generator.config.conditions
        named = class_loss(verdict.heads, conditions.rows(batch))
        total = adversarial + self.class_weight * named
        logs = {"generator_loss": adversarial, "generator_class_loss": named}
        return Loss(total, logs)


class AuxiliaryGame(AdversarialGame[ConditionalGenerator]):
    """Game in which fakes get the batch's labels, and D classifies real images and (weighted) fakes."""

    def __init__(self, method: ACGANMethod, *choices: Any):
        super().__init__(*choices)
        self.method = method

    def draw(self, n: int, batch: Batch, rng: torch.Generator) -> Tensor:
        """Sample fakes [n,C,H,W] with the batch's labels, in order."""
        labels = self.conditions.rows(batch)
        labels = labels[torch.arange(n, device=labels.device) % len(labels)]
        return self.generator.draw(labels, rng)

    @property
    def conditions(self) -> Conditions:
        """Labels that G receives and D classifies."""
        return self.generator.config.conditions

    def judge(self, batch: Batch, fake: Tensor, move: Move) -> Loss:
        """Return the objective's D half plus w L_C of real images and fakes."""
        on_real, on_fake = self.discriminate(batch["real"]), self.discriminate(fake)
        halves = self.objective.discriminator(on_real.score, on_fake.score)
        adversarial = halves[0].mean() + halves[1].mean()
        labels = self.conditions.rows(batch)
        named = class_loss(on_real.heads, labels)
        if self.method.fake_class_weight:
            named = named + self.method.fake_class_weight * class_loss(on_fake.heads, labels)
        logs = {
            "discriminator_loss": adversarial,
            "discriminator_accuracy": accuracy(on_real.score, on_fake.score),
            "class_loss": named,
            "real_class_accuracy": class_accuracy(on_real.heads, labels),
            "fake_class_accuracy": class_accuracy(on_fake.heads, labels),
        }
        total = adversarial + self.method.class_weight * named
        return self.penalised(Loss(total, logs), batch["real"], fake, move)


def build(
    generator: ConditionalGenerator,
    discriminator: Discriminator,
    method: ACGANMethod,
    techniques: Techniques = NO_TECHNIQUES,
) -> AdversarialGame:
    """Return the game from its players and settings, and add the classifiers to D."""
    told, features = generator.config.conditions, feature_count(discriminator)
    for place, classes in enumerate(told.classes):  # by index: a module must not be named "type"
        discriminator.heads[f"label_{place}"] = nn.Linear(features, len(classes))
    return equipped_game(
        generator,
        discriminator,
        non_saturating(method.label_smoothing),
        techniques,
        estimator=ClassifiedPathwise(method.class_weight),
        kind=partial(AuxiliaryGame, method),
    )


def phases(training: ImageTraining, techniques: Techniques = NO_TECHNIQUES) -> tuple[Phase, ...]:
    """Return one phase in which D and G take turns."""
    return in_turns(training, techniques)
