"""ID-CGAN: removing rain from an image, by pixels, features and a discriminator of several scales (Zhang
et al. 2017, "Image de-raining using a conditional generative adversarial network").

With rainy images x, the clean ones y, y' = G(x), features f of a fixed network, and scores s of patches of
several scales:

    D minimises  -E[log sigma(s(x, y))] - E[log(1 - sigma(s(x, y')))]
    G minimises  p E[(y - y')^2] + v E[(f(y) - f(y'))^2] + E[-log sigma(s(x, y'))]

with p = v = 150 in the authors' code; the paper has the same ratio, p = v = 1 and 6.6e-3 before D's term.
The baseline is a G with the same initial weights that minimises the first two terms.

Differs from the paper: G is a U-Net, whose connections are concatenated, in place of six convolutions and
six transposed ones at full size with added connections; D judges patches of the image and of its averages,
in place of pooling one map of features at four scales; both have instance norm; features are those of a
recogniser unless a file of VGG-16 is given; rain is drawn over any images afresh at every update, in place
of 700 pairs made with an image editor; images have one size and are not flipped.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

from torch import nn

from image_gans.distances import squared
from image_gans.metrics.perception.feature_maps import Perception
from image_gans.pair_game import PairGame, PairPathwise, Term
from image_gans.player_schedule import PlayerTraining, Steps, player_turn, training_phase
from seqgan_kit.core.bounds import Weight, bounded
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Phase
from seqgan_kit.core.objectives import non_saturating


@dataclass(frozen=True)
@bounded
class IDCGANMethod:
    """Settings of ID-CGAN: G's loss and the learning rates."""

    squared_weight: Weight = 150.0
    """p: weight of the squared error (150 in the authors' code)."""
    perceptual_weight: Weight = 150.0
    """v: weight of the distance over features (150 in the authors' code, for VGG-16)."""
    generator: Steps = Steps()
    """G's updates, and the baseline's."""
    discriminator: Steps = Steps()
    """D's updates."""


def build(
    generator: nn.Module, discriminator: Discriminator, method: IDCGANMethod, perception: Perception
) -> PairGame:
    """Return the game from its players, its settings and the network of its features."""
    terms = (
        Term(squared, method.squared_weight),
        Term(perception.content_distance, method.perceptual_weight, "perceptual_distance"),
    )
    return PairGame(
        generator, copy.deepcopy(generator), discriminator, non_saturating(), PairPathwise(terms),
        fixed=perception.network,
    )  # fmt: skip


def phases(method: IDCGANMethod, training: PlayerTraining) -> tuple[Phase, ...]:
    """Return one phase in which D, G and the baseline take turns."""
    return (
        training_phase(
            training,
            "restoration",
            player_turn(training, method.discriminator, "discriminator_loss", "discriminator"),
            player_turn(training, method.generator, "generator_loss", "generator"),
            player_turn(training, method.generator, "baseline_loss", "baseline"),
        ),
    )
