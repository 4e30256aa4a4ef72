"""BigGAN: class-conditional images by a large residual generator (Brock, Donahue, Simonyan 2019, "Large scale
GAN training for high fidelity natural image synthesis").

With D's score s(x, y) by projection, labels y of the data, noise z ~ N(0, I) cut into parts z_0 ... z_L, a
vector e(y) of the class that all layers share, and block l of G with norms of scale 1 + A_l [z_l | e(y)] and
shift B_l [z_l | e(y)]:

    D minimises  E[max(0, 1 - s(x, y))] + E[max(0, 1 + s(G(z, y), y))]
    G minimises  -E[s(G(z, y), y)] + beta sum_W ||W W' * (1 - I)||_F^2           (eq. 3, beta = 1e-4)

Both players have spectral norm in every layer and orthogonal initial weights. Samples come from an average of
G's weights, and truncated noise (``sample --truncation``) trades variety for fidelity: values beyond the
threshold are drawn again, and batch norm's statistics are gathered anew from such images.

The four choices: residual players, of which G is told the labels in its norms alone and reads a part of the
noise in each block (``--skip-noise``); the hinge loss; the pathwise gradient; one phase in which D and G take
turns.

Differs from the paper: beta also multiplies the loss's gradient, as in eq. 3 (the authors' code has half of
it); scale and shift of a conditional norm are one layer with a bias, so they share a spectral norm, an
orthogonal matrix and an overlap (theirs: two layers without); D's first convolution of a block has as many
channels as its input (theirs: as its output); batch norm's statistics are of one process (theirs: of all
devices); fakes have labels as the data have them (theirs: uniform); the average of G runs from the start
(theirs: from 20,000 updates on); G's and D's blocks compute sampling and convolution in one step; epsilons
are torch's. Several labels are an addition.
"""

from __future__ import annotations

from dataclasses import dataclass

from image_gans.conditional_game import ONE_PICTURE, ConditionalGame
from image_gans.networks.blocks.orthogonal import orthogonal_weights, row_overlap
from image_gans.networks.blocks.spectral import (
    UNBOUNDED,
    spectral_discriminator,
    spectrally_normalised,
)
from image_gans.networks.conditional import ConditionalGenerator
from image_gans.networks.labelled import with_projection
from image_gans.schedule import ImageTraining, in_turns
from image_gans.techniques.fits import refuse_techniques
from image_gans.techniques.switches import equipped_game
from image_gans.techniques.technique_settings import NO_TECHNIQUES, Techniques
from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.bounds import Weight, bounded
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Batch, Loss, Move, Phase
from seqgan_kit.core.objectives import hinge
from seqgan_kit.errors import UsageError


@dataclass(frozen=True)
@bounded
class BigGANMethod:
    """Settings of BigGAN."""

    orthogonal_weight: Weight = 1e-4
    """Weight beta of the overlap of G's filters (1e-4 in the paper; 0: none)."""


PAPER = ImageTraining(
    generator_learning_rate=5e-5,
    discriminator_learning_rate=2e-4,
    betas=(0.0, 0.999),
    discriminator_moves=2,
    batch_size=2048,
    average_decay=0.9999,
    epochs=448,
)
"""ImageNet at 128 pixels: 140,000 rounds, each with two batches of 2,048 images for D."""


class BigGANGame(ConditionalGame):
    """The conditional game with orthogonal regularisation of G."""

    method = BigGANMethod()

    def generator_loss(self, batch: Batch, move: Move) -> Loss:
        """Return the objective's G half and the weighted overlap of G's filters."""
        loss = super().generator_loss(batch, move)
        if not self.method.orthogonal_weight:
            return loss
        overlap = row_overlap(self.generator.inner)
        total = loss.total + self.method.orthogonal_weight * overlap
        return Loss(total, {**loss.logs, "filter_overlap": overlap})


def build(
    generator: ConditionalGenerator,
    discriminator: Discriminator,
    method: BigGANMethod,
    techniques: Techniques = NO_TECHNIQUES,
) -> AdversarialGame:
    """Return the game from its players, whose weights are drawn anew; add the projection to D."""
    if not generator.norms:
        raise UsageError(
            "BigGAN tells its generator the labels in its norms, and --conditional-norm is off. Turn it on."
        )
    refuse_techniques(techniques, "BigGAN", ONE_PICTURE, "packing")
    refuse_techniques(techniques, "BigGAN", UNBOUNDED, "minibatch_kernels")
    labelled = with_projection(discriminator, generator.config.conditions)
    orthogonal_weights(generator)
    orthogonal_weights(labelled)
    spectrally_normalised(generator.inner)
    spectral_discriminator(labelled)
    game = equipped_game(generator, labelled, hinge(), techniques, kind=BigGANGame)
    game.method = method  # type: ignore[assignment]
    return game


def phases(training: ImageTraining, techniques: Techniques = NO_TECHNIQUES) -> tuple[Phase, ...]:
    """Return one phase in which D and G take turns."""
    return in_turns(training, techniques)
