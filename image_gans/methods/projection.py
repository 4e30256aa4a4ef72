"""Projection discriminator: labels enter D as an inner product with its features (Miyato and Koyama 2018,
"cGANs with projection discriminator").

With phi the features of D's trunk, labels y of the data, v an embedding of each class, z ~ N(0, 1):

    s(x, y) = w . phi(x) + b + sum_k v_k(y_k) . phi(x)
    D minimises  E[max(0, 1 - s(x, y))] + E[max(0, 1 + s(G(z, y), y))]
    G minimises  -E[s(G(z, y), y)]

s has the form of log p(y|x)/q(y|x) + log p(x)/q(x) for classes that are log-linear in phi, with K labels that
are independent given x. The four choices: any pair of networks, where G receives the labels (with
--conditional-norm in its batch norms too) and D's head has spectral norm; the hinge loss; the pathwise
gradient; one phase in which D and G take turns.

The preset ``paper`` has the authors' networks for ImageNet at 128 pixels (pfnet-research/sngan_projection): a
scale and shift for each class in G's batch norms and no labels in its input; spectral norm in every layer of
D; batches of G twice as large as D's. Differs from the authors' code there: G's last batch norm is
conditional too; fakes have labels as the data have them (theirs: uniform); the learning rates fall
linearly over all rounds (theirs: over the last 50,000 of 450,000); batch norm's running statistics and
epsilon are torch's. The other presets join labels to G's input, share embeddings among its norms and have the
networks of DCGAN. Several labels are an addition.
"""

from __future__ import annotations

from image_gans.conditional_game import ONE_PICTURE, ConditionalGame
from image_gans.networks.conditional import ConditionalGenerator
from image_gans.networks.labelled import with_projection
from image_gans.schedule import ImageTraining, in_turns
from image_gans.techniques.fits import refuse_techniques
from image_gans.techniques.switches import equipped_game
from image_gans.techniques.technique_settings import NO_TECHNIQUES, Techniques
from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Phase
from seqgan_kit.core.objectives import hinge

PAPER = ImageTraining(
    betas=(0.0, 0.9),
    learning_rate_schedule="linear",
    discriminator_moves=5,
    batch_size=64,
    epochs=112.4,
)
"""The paper's optimizer for ImageNet, and its 450,000 rounds there (1,281,167 images)."""


def build(
    generator: ConditionalGenerator,
    discriminator: Discriminator,
    techniques: Techniques = NO_TECHNIQUES,
) -> AdversarialGame:
    """Return the game from its players, and add the projection to D, which may be any discriminator."""
    refuse_techniques(techniques, "a projection discriminator", ONE_PICTURE, "packing")
    labelled = with_projection(discriminator, generator.config.conditions)
    return equipped_game(generator, labelled, hinge(), techniques, kind=ConditionalGame)


def phases(training: ImageTraining, techniques: Techniques = NO_TECHNIQUES) -> tuple[Phase, ...]:
    """Return one phase in which D and G take turns."""
    return in_turns(training, techniques)
