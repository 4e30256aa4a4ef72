"""SNGAN: every weight of D divided by its largest singular value (Miyato et al. 2018, "Spectral normalization
for generative adversarial networks").

    W_SN = W / sigma(W)                                                (eq. 8; networks/spectral.py)
    D minimises  E_data[max(0, 1 - D(x))] + E_z[max(0, 1 + D(G(z)))]   (eq. 16)
    G minimises  -E_z[D(G(z))]                                         (eq. 17)

A D with a bounded Lipschitz constant trains stably without a gradient penalty and its second derivatives. The
bound holds layer by layer and for every batch, so D has no other norm (section 4).

The four choices: any players with such a D, the hinge loss (or the non-saturating loss), the pathwise
gradient, and one phase in which D makes several updates for each update of G.

The preset ``paper`` has the networks for CIFAR-10 of the authors' code (pfnet-research/sngan_projection): 256
channels in G and 128 in D, whose score has no bias; batches of G are twice as large as D's. Differs from it
there: 100,000 rounds (theirs: 50,000); batch norm's running statistics and epsilon are torch's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import nn

from image_gans.networks.blocks.spectral import (
    UNBOUNDED,
    spectral_discriminator,
    spectrally_normalised,
)
from image_gans.schedule import ImageTraining, in_turns
from image_gans.techniques.fits import refuse_techniques
from image_gans.techniques.switches import equipped_game
from image_gans.techniques.technique_settings import NO_TECHNIQUES, Techniques
from seqgan_kit.core import objectives
from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Phase
from seqgan_kit.errors import unknown

OBJECTIVES = {"hinge": objectives.hinge, "non_saturating": objectives.non_saturating}


@dataclass(frozen=True)
class SNGANMethod:
    """Settings of SNGAN: objective and normalisation."""

    objective: Literal["hinge", "non_saturating"] = "hinge"
    """Objective of D and G; the paper uses hinge and non_saturating."""
    spectral_generator: bool = False
    """Whether to normalise G's weights too, as SAGAN does."""


PAPER = ImageTraining(
    betas=(0.0, 0.9),
    learning_rate_schedule="linear",
    discriminator_moves=5,
    batch_size=64,
    epochs=640,
)
"""Residual networks on CIFAR-10 (appendix B.4), for 100,000 updates of G on 50,000 images as in usual
reproductions; the authors' configuration has 50,000."""


def build(
    generator: nn.Module,
    discriminator: Discriminator,
    method: SNGANMethod,
    techniques: Techniques = NO_TECHNIQUES,
) -> AdversarialGame:
    """Return the game from its players and settings; refuse a D with another norm."""
    if method.objective not in OBJECTIVES:
        raise unknown("objective", method.objective, OBJECTIVES)
    refuse_techniques(techniques, "SNGAN", UNBOUNDED, "minibatch_kernels")
    discriminator = spectral_discriminator(discriminator)
    if method.spectral_generator:
        generator = spectrally_normalised(generator)
    return equipped_game(generator, discriminator, OBJECTIVES[method.objective](), techniques)


def phases(training: ImageTraining, techniques: Techniques = NO_TECHNIQUES) -> tuple[Phase, ...]:
    """Return one phase: D's updates, then one of G."""
    return in_turns(training, techniques)
