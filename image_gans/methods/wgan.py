"""Wasserstein GAN (Arjovsky, Chintala, Bottou 2017, "Wasserstein GAN").

    D minimises  E_z[D(G(z))] - E_data[D(x)],  every weight of D in [-c, c] after each of its steps
    G minimises  -E_z[D(G(z))]

The weights lie in a compact set, so D is K-Lipschitz for some K, and minus D's loss estimates K times the
Wasserstein distance (logged as ``score_gap``): unlike a classifier's loss it falls as samples get better.

The four choices: any players, the Wasserstein objective, the pathwise gradient, and one phase in which D
makes several updates for each update of G: usually 5, but 100 in the first 25 rounds and in every 500th
round, so that D stays close to its optimum (the authors' main.py; algorithm 1 has 5). The optimizer is
RMSprop, because momentum destabilises a critic whose target moves (section 4). torch's RMSprop starts from a
squared gradient of 0, so its first step is 10 times the learning rate, as in the authors' code.

Differs from the authors' code, in the preset ``paper`` too: D ends with a linear layer with a bias, in place
of a convolution without; weights are clipped after the step, as in algorithm 1, and not before it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import nn

from image_gans.schedule import (
    ImageTraining,
    adversarial_phase,
    discriminator_turn,
    generator_turn,
)
from image_gans.techniques.switches import equipped_game
from image_gans.techniques.technique_settings import NO_TECHNIQUES, Techniques
from seqgan_kit.core import penalties
from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.bounds import Above0, Count, Positive, bounded
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Batch, Move, Phase
from seqgan_kit.core.objectives import wasserstein


@dataclass(frozen=True)
@bounded
class WGANMethod:
    """Settings of WGAN: clipping and long rounds of D."""

    clip: Above0 = 0.01
    """Maximum absolute value c of D's weights."""
    long_moves: Positive = 100
    """Updates of D in a long round."""
    long_rounds_first: Count = 25
    """Number of long rounds at the start."""
    long_round_every: Count = 500
    """Interval between later long rounds, in rounds; 0 for none."""


PAPER = ImageTraining(
    generator_learning_rate=5e-5,
    discriminator_learning_rate=5e-5,
    optimizer="rmsprop",
    discriminator_moves=5,
    batch_size=64,
)
"""Algorithm 1."""


class WGANGame(AdversarialGame):
    """The adversarial game with a rule that clips D's weights."""

    def __init__(self, *players_and_choices: Any, clip: float):
        super().__init__(*players_and_choices)
        self.clip = clip

    def clip_weights(self, batch: Batch, move: Move) -> None:
        """Clip every weight of D to [-c, c]."""
        penalties.clip_weights(self.discriminator, self.clip)


def build(
    generator: nn.Module,
    discriminator: Discriminator,
    method: WGANMethod,
    techniques: Techniques = NO_TECHNIQUES,
) -> AdversarialGame:
    """Return the game from its players and settings."""
    kind = partial(WGANGame, clip=method.clip)
    return equipped_game(generator, discriminator, wasserstein(), techniques, kind=kind)


def phases(
    method: WGANMethod, training: ImageTraining, techniques: Techniques = NO_TECHNIQUES
) -> tuple[Phase, ...]:
    """Return one phase: D's updates, clipped, then one of G."""
    moves = critic_moves(method, training.discriminator_moves)
    critic = discriminator_turn(training, techniques, moves=moves, after_step="clip_weights")
    return (adversarial_phase(training, critic, generator_turn(training, techniques)),)


def critic_moves(method: WGANMethod, usual: int) -> Callable[[int], int]:
    """D's updates as a function of the round."""

    def moves(number: int) -> int:
        again = method.long_round_every and number % method.long_round_every == 0
        long = number < method.long_rounds_first or bool(again)
        return method.long_moves if long else usual

    return moves
