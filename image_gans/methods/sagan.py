"""SAGAN: self-attention in the feature maps of G and D (Zhang et al. 2019, "Self-attention generative
adversarial networks").

    y_j = gamma v(sum_i b_ji h(x_i)) + x_j                             (eq. 3; networks/attention.py)
    D minimises  E_data[max(0, 1 - D(x))] + E_z[max(0, 1 + D(G(z)))]   (eq. 4)
    G minimises  -E_z[D(G(z))]

Both players are spectrally normalised (section 4.1), and D's learning rate is four times G's, so that one
update of D for each update of G is enough (section 4.2; Heusel et al. 2017, "GANs trained by a two time-scale
update rule converge to a local Nash equilibrium").

The four choices: players with attention, the hinge loss, the pathwise gradient, and one phase in which D and
G take turns.

Differs from the paper, in the preset ``paper`` too: no class labels (the paper's G has conditional batch
norm, its D a projection).
"""

from __future__ import annotations

from torch import nn

from image_gans.networks.blocks.attention import SelfAttention
from image_gans.networks.blocks.spectral import (
    UNBOUNDED,
    spectral_discriminator,
    spectrally_normalised,
)
from image_gans.schedule import ImageTraining, in_turns
from image_gans.techniques.fits import refuse_techniques
from image_gans.techniques.switches import equipped_game
from image_gans.techniques.technique_settings import NO_TECHNIQUES, Techniques
from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Phase
from seqgan_kit.core.objectives import hinge
from seqgan_kit.errors import UsageError

PAPER = ImageTraining(
    generator_learning_rate=1e-4,
    discriminator_learning_rate=4e-4,
    betas=(0.0, 0.9),
    batch_size=256,
    epochs=200,
)
"""Section 5; a million updates of each player on ImageNet's 1.28 million images."""


def build(
    generator: nn.Module,
    discriminator: Discriminator,
    techniques: Techniques = NO_TECHNIQUES,
) -> AdversarialGame:
    """Return the game from its players; refuse players without attention and a D with another norm."""
    for name, player in (("generator", generator), ("discriminator", discriminator)):
        if not any(isinstance(part, SelfAttention) for part in player.modules()):
            raise UsageError(
                f"SAGAN's {name} has no self-attention. Ask for it by --network resnet --attention 8 (the "
                "side of the feature map), or train the same without it by the recipe sngan with "
                "--spectral-generator."
            )
    refuse_techniques(techniques, "SAGAN", UNBOUNDED, "minibatch_kernels")
    discriminator = spectral_discriminator(discriminator)
    return equipped_game(spectrally_normalised(generator), discriminator, hinge(), techniques)


def phases(training: ImageTraining, techniques: Techniques = NO_TECHNIQUES) -> tuple[Phase, ...]:
    """Return one phase in which D and G take turns."""
    return in_turns(training, techniques)
