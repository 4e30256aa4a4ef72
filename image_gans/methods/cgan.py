"""Conditional GAN: both players get the labels (Mirza and Osindero 2014, "Conditional generative
adversarial nets").

With scores s = logit D, sigma the logistic function, labels y of the data and z ~ N(0, 1):

    D minimises  -E[log sigma(s(x | y))] - E[log(1 - sigma(s(G(z | y) | y)))]
    G minimises  -E[log sigma(s(G(z | y) | y))]

The four choices: any pair of networks with label embeddings joined in (to G's input; to D's features, in a
joint hidden layer); a cross-entropy; the pathwise gradient; one phase in which D and G take turns. Fakes have
the labels of the batch.

Differs from the paper, in the preset ``paper`` too: convolutions in place of maxout layers; the
non-saturating G; Adam and DCGAN's learning rates in place of a decaying momentum; several labels at once.
"""

from __future__ import annotations

from dataclasses import dataclass

from image_gans.conditional_game import ONE_PICTURE, ConditionalGame
from image_gans.networks.conditional import ConditionalGenerator
from image_gans.networks.labelled import JoinedScore, LabelledDiscriminator, feature_count
from image_gans.schedule import ImageTraining, in_turns
from image_gans.techniques.fits import refuse_techniques
from image_gans.techniques.switches import equipped_game
from image_gans.techniques.technique_settings import NO_TECHNIQUES, Techniques
from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.bounds import Share, Size, bounded
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Phase
from seqgan_kit.core.objectives import non_saturating


@dataclass(frozen=True)
@bounded
class CGANMethod:
    """Settings of the conditional GAN."""

    joint_width: Size = 240
    """Units of D's layer that joins image and labels (the paper's 240)."""
    label_smoothing: Share = 0.0
    """Label smoothing: real images get the target 1 minus this (0.1 is usual)."""


PAPER = ImageTraining(batch_size=100, epochs=100.0)
"""The paper's batch size. Its learning rates are not used, because they suit its maxout layers."""


def build(
    generator: ConditionalGenerator,
    discriminator: Discriminator,
    method: CGANMethod,
    techniques: Techniques = NO_TECHNIQUES,
) -> AdversarialGame:
    """Return the game from its players and settings, and add the joint layer to D."""
    told = generator.config
    judge = JoinedScore(
        feature_count(discriminator), told.conditions, told.embedding, method.joint_width
    )
    refuse_techniques(techniques, "the conditional GAN", ONE_PICTURE, "packing")
    labelled = LabelledDiscriminator(discriminator, judge, len(told.conditions.names))
    objective = non_saturating(method.label_smoothing)
    return equipped_game(generator, labelled, objective, techniques, kind=ConditionalGame)


def phases(training: ImageTraining, techniques: Techniques = NO_TECHNIQUES) -> tuple[Phase, ...]:
    """Return one phase in which D and G take turns."""
    return in_turns(training, techniques)
