"""pix2pix: a translator learns from pairs, by a distance and by a discriminator that sees the source
(Isola et al. 2017, "Image-to-image translation with conditional adversarial networks").

With scores s of patches of (source x, target y), y' = G(x):

    D minimises  -E[log sigma(s(x, y))] - E[log(1 - sigma(s(x, y')))]
    G minimises  -E[log sigma(s(x, y'))] + w E[|y - y'|]                       (w = 100)

The distance alone is minimal at the median of all possible targets of a source, which is blurred when
there are several. D rejects a blurred image, so G must choose one target. The baseline is a G with the same
initial weights that minimises the distance alone.

Differs from the paper: instance norm with a batch of any size, and none at one pixel; dropout is off when a
trained model translates, so that a source has one translation; D's loss is not halved (its learning rate
is its own setting).
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Literal

from torch import nn

from image_gans.distances import DISTANCES
from image_gans.pair_game import PairGame, PairPathwise, Term
from image_gans.player_schedule import PlayerTraining, Steps, player_turn, training_phase
from seqgan_kit.core.bounds import Weight, bounded
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Phase
from seqgan_kit.core.objectives import least_squares, non_saturating


@dataclass(frozen=True)
@bounded
class Pix2PixMethod:
    """Settings of pix2pix: G's loss and the learning rates."""

    objective: Literal["non_saturating", "least_squares"] = "non_saturating"
    """Objective of D and G."""
    distance: Literal["l1", "l2", "ssim"] = "l1"
    """Distance between a translation and its target."""
    distance_weight: Weight = 100.0
    """w: weight of the distance, relative to D's score (100 in the paper)."""
    generator: Steps = Steps()
    """G's updates, and the baseline's."""
    discriminator: Steps = Steps()
    """D's updates."""


PAPER = PlayerTraining()
"""Adam 2e-4 with beta1 0.5, batches of one, 200 epochs (section 3.3 and appendix 6.2)."""


def build(generator: nn.Module, discriminator: Discriminator, method: Pix2PixMethod) -> PairGame:
    """Return the game from its players and settings."""
    objective = least_squares() if method.objective == "least_squares" else non_saturating()
    term = Term(DISTANCES[method.distance], method.distance_weight)
    return PairGame(
        generator, copy.deepcopy(generator), discriminator, objective, PairPathwise((term,))
    )


def phases(method: Pix2PixMethod, training: PlayerTraining) -> tuple[Phase, ...]:
    """Return one phase in which D, G and the baseline take turns."""
    return (
        training_phase(
            training,
            "translation",
            player_turn(training, method.discriminator, "discriminator_loss", "discriminator"),
            player_turn(training, method.generator, "generator_loss", "generator"),
            player_turn(training, method.generator, "baseline_loss", "baseline"),
        ),
    )
