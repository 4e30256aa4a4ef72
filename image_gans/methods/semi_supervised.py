"""Semi-supervised GAN: a classifier trained on few labelled and many unlabelled images (Salimans,
Goodfellow, Zaremba, Cheung, Radford, Chen 2016, "Improved techniques for training GANs", section 5).

With class logits l_1..l_K of D, a fixed logit 0 for "fake", and L(x) = logsumexp_k l_k(x):

    D minimises  -E_labelled[l_y - L] + (-E[L(x)] + E[softplus(L(x))] + E[softplus(L(G(z)))]) / 2
    G minimises  || E f(x) - E f(G(z)) ||^2,    f: the features of D's trunk            (section 3.1)

The first term of D's loss is -log p(y | x, y <= K); the second is the loss of a GAN whose logit D is L.

The four choices: any pair of networks, D with K outputs; cross-entropies; feature matching on batch means;
one phase in which D, G and a baseline take turns. The baseline is D's network with the same initial weights;
it makes as many updates, on the labelled images alone.

Differs from the paper, in the preset ``paper`` too: the networks are a choice (the paper's D has five layers
of 1,000 to 250 units with Gaussian noise before each and weight norm; ``paper`` has the two layers of the
first GAN with dropout); the authors match means of features by the mean over features and test with averaged
weights of D.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import partial

import torch.nn.functional as F
from torch import Tensor, nn

from image_gans.networks.classifier import ClassifyingDiscriminator
from image_gans.networks.labelled import feature_count
from image_gans.schedule import (
    ImageTraining,
    adversarial_phase,
    discriminator_turn,
    generator_turn,
)
from image_gans.schedule import optimizer as optimizer_of
from image_gans.techniques.fits import refuse_techniques
from image_gans.techniques.switches import equipped_game
from image_gans.techniques.technique_settings import NO_TECHNIQUES, Techniques
from seqgan_kit.core.adversarial import AdversarialGame, Pathwise
from seqgan_kit.core.bounds import Weight, bounded
from seqgan_kit.core.discriminator import Critique, Discriminator
from seqgan_kit.core.game import Batch, Loss, Move, Phase, Turn
from seqgan_kit.core.objectives import non_saturating
from seqgan_kit.core.techniques.feature_matching import FeatureMatching


@dataclass(frozen=True)
@bounded
class SemiSupervisedMethod:
    """Settings of the semi-supervised GAN."""

    unlabelled_weight: Weight = 1.0
    """Weight of the unlabelled images in D's loss."""
    feature_matching: bool = True
    """Whether G matches mean features; otherwise it maximises log D: better images, worse classification."""


PAPER = ImageTraining(
    generator_learning_rate=3e-3,
    discriminator_learning_rate=3e-3,
    batch_size=100,
    epochs=300.0,
)
"""The authors' settings for MNIST; Adam with beta1 0.5."""


def unlabelled_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Return (-E[L_real] + E[softplus(L_real)] + E[softplus(L_fake)]) / 2 of logsumexps [N] and [M].

    = -(E[log p(y <= K | x)] + E[log p(y = K+1 | G(z))]) / 2.
    """
    return (F.softplus(-real).mean() + F.softplus(fake).mean()) / 2


class SemiSupervisedGame(AdversarialGame):
    """Game in which D classifies; a batch has ``labelled`` images, their ``classes``, and ``real`` images."""

    def __init__(self, unlabelled_weight: float, *choices: object):
        super().__init__(*choices)  # type: ignore[arg-type]
        self.unlabelled_weight = unlabelled_weight

    def judge(self, batch: Batch, fake: Tensor, move: Move) -> Loss:
        """Return the labelled and the unlabelled loss of D."""
        real_score, fake_score = self.scores(batch["real"], fake)
        unlabelled = unlabelled_loss(real_score, fake_score)
        named, right = _labelled_loss(self.discriminate(batch["labelled"]), batch["classes"])
        total = named + self.unlabelled_weight * unlabelled
        logs: dict[str, Tensor | float] = {
            "discriminator_loss": unlabelled,
            "class_loss": named,
            "labelled_accuracy": right,
            "discriminator_accuracy": (
                (real_score > 0).float().mean() + (fake_score < 0).float().mean()
            )
            / 2,
        }
        return self.penalised(Loss(total, logs), batch["real"], fake, move)

    def baseline_loss(self, batch: Batch, move: Move) -> Loss:
        """Return the cross-entropy of the labelled images alone."""
        named, right = _labelled_loss(self.players["baseline"](batch["labelled"]), batch["classes"])
        return Loss(named, {"baseline_class_loss": named, "baseline_labelled_accuracy": right})


def _labelled_loss(verdict: Critique, classes: Tensor) -> tuple[Tensor, Tensor]:
    logits = verdict.heads["classes"]
    return F.cross_entropy(logits, classes), (logits.argmax(1) == classes).float().mean()


def build(
    generator: nn.Module,
    discriminator: Discriminator,
    classes: int,
    method: SemiSupervisedMethod,
    techniques: Techniques = NO_TECHNIQUES,
) -> AdversarialGame:
    """Return the game from its players and settings, and add the class logits to D."""
    refuse_techniques(
        techniques, "the semi-supervised GAN", "D names the class of one image.", "packing"
    )
    player = ClassifyingDiscriminator(discriminator.trunk, feature_count(discriminator), classes)
    baseline = copy.deepcopy(player)
    return equipped_game(
        generator,
        player,
        non_saturating(),
        techniques,
        estimator=FeatureMatching() if method.feature_matching else Pathwise(),
        others={"baseline": baseline},
        kind=partial(SemiSupervisedGame, method.unlabelled_weight),
    )


def phases(training: ImageTraining, techniques: Techniques = NO_TECHNIQUES) -> tuple[Phase, ...]:
    """Return one phase in which D, G and the baseline take turns."""
    alone = Turn(
        ("baseline",),
        loss="baseline_loss",
        optimizer=optimizer_of(training, training.discriminator_learning_rate),
        moves=training.discriminator_moves,
    )
    turns = discriminator_turn(training, techniques), generator_turn(training, techniques)
    return (adversarial_phase(training, *turns, alone),)
