"""Projection discriminator: labels enter D as an inner product with its features (Miyato and Koyama 2018,
"cGANs with projection discriminator").

With phi the features of D's trunk, labels y of the data, v an embedding of each class, z ~ N(0, 1):

    s(x, y) = w . phi(x) + b + sum_k v_k(y_k) . phi(x)
    D minimises  E[max(0, 1 - s(x, y))] + E[max(0, 1 + s(G(z, y), y))]
    G minimises  -E[s(G(z, y), y)]

The form of s is that of log p(y|x)/q(y|x) + log p(x)/q(x) for classes that are log-linear in phi, with K
labels independent given x. The four choices: any pair of networks, G told the labels (in its batch norms too
with --conditional-norm), the head of D under spectral norm; the hinge; the pathwise gradient; one phase in
which D and G take turns.

Differs from the paper: labels enter G's input as well as its norms; several labels; the networks are a
choice (the paper's are residual ones, with spectral norm in every layer of D); G's batches are as large as
D's (the paper's: twice), and fakes have labels as the data have them (the paper's: uniform).
"""

from __future__ import annotations

from image_gans.methods.conditional_game import ONE_PICTURE, ConditionalGame
from image_gans.networks.conditional import ConditionalGenerator
from image_gans.networks.labelled import LabelledDiscriminator, ProjectedScore, feature_count
from image_gans.schedule import ImageTraining, in_turns
from image_gans.techniques import NO_TECHNIQUES, Techniques, equipped_game, refuse_techniques
from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Phase
from seqgan_kit.core.objectives import hinge

PAPER = ImageTraining(
    betas=(0.0, 0.9),
    learning_rate_schedule="linear",
    discriminator_moves=5,
    batch_size=64,
    epochs=100.0,
)
"""The paper's optimizer for ImageNet; 450,000 rounds there, of which only the last 50,000 decay."""


def build(
    generator: ConditionalGenerator,
    discriminator: Discriminator,
    techniques: Techniques = NO_TECHNIQUES,
) -> AdversarialGame:
    """The game from its players; D is any discriminator, and is given its projection here."""
    conditions = generator.config.conditions
    judge = ProjectedScore(feature_count(discriminator), conditions)
    refuse_techniques(techniques, "a projection discriminator", ONE_PICTURE, "packing")
    labelled = LabelledDiscriminator(discriminator, judge, len(conditions.names))
    return equipped_game(generator, labelled, hinge(), techniques, kind=ConditionalGame)


def phases(training: ImageTraining, techniques: Techniques = NO_TECHNIQUES) -> tuple[Phase, ...]:
    """One phase in which D and G take turns."""
    return in_turns(training, techniques)
