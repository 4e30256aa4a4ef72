"""WGAN-GP on characters (Gulrajani, Ahmed, Arjovsky, Dumoulin, Courville 2017: "Improved Training of
Wasserstein GANs", "Modeling discrete data with a continuous generator", and its code).

    critic minimises  E_G D(x) - E_data D(x) + lambda E[(||grad D(x')||_2 - 1)^2]
    G minimises       -E_G D(x)
    x: one-hot rows of T characters from the data, rows of softmax outputs from G; x' on the lines between

The four choices: two residual networks over positions; the Wasserstein objective with a gradient penalty;
the gradient straight through the softmax outputs; ten moves of the critic for one of G. Nothing is
pretrained and no character is drawn in training: the critic tells corners from inner points, and so drives
G's outputs to the corners. For reading and scoring, the likeliest character of each position is taken.

A row is the first T characters of a line, as in the paper. A shorter one goes on with EOS and PAD, which are
characters like any other here (the paper fills up with one character).

Differs from the paper: a round ends with G's move rather than beginning with it; the critic's output layer
starts as torch's do, in the code by Glorot's rule; n-grams are compared with those of held-out lines, by the
authors with those of training lines. The preset ``paper`` has the code's networks and schedule; its text is
the Billion Word corpus, with characters beyond the 2,048 most frequent replaced.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.bounds import Count, Every, Positive, Weight, bounded
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Batch, Loss, Move, Phase, Turn
from seqgan_kit.core.objectives import wasserstein
from seqgan_kit.core.optimizers import Optimizer, Schedule
from seqgan_kit.core.penalties import GradientPenalty
from seqgan_kit.sequences.generators.char_resnet import CharResNetGenerator


@dataclass(frozen=True)
@bounded
class CharWGANGPMethod:
    """Settings of WGAN-GP on characters; the defaults are those of the paper's code."""

    batch_size: Positive = 64
    """Rows a batch."""
    rounds: Count = 200_000
    """Rounds: moves of the generator."""
    critic_moves: Count = 10
    """Moves of the critic a round (its authors: "5 should work fine as well")."""
    penalty_weight: Weight = 10.0
    """lambda: weight of the gradient penalty."""
    generator_learning_rate: Weight = 1e-4
    """Adam's step size of G."""
    critic_learning_rate: Weight = 1e-4
    """Adam's step size of the critic."""
    schedule: Schedule = "constant"
    """How both step sizes fall over the rounds (the paper: not at all)."""
    evaluate_every_rounds: Every = 1000
    """Rounds between evaluations."""


class CharWGANGP(AdversarialGame):
    """The adversarial game on relaxed rows: samples and reals are [B,T,V] where D sees them."""

    def draw(self, n: int, batch: Batch, rng: torch.Generator) -> Tensor:
        """Rows of probabilities [n,T,V]; ``sample`` gives ids."""
        generator = self.players["generator"]
        assert isinstance(generator, CharResNetGenerator)
        return generator.relaxed(n, rng)

    def discriminator_loss(self, batch: Batch, move: Move) -> Loss:
        """See the base class; the reals as one-hots, of which the penalty needs the gradient."""
        generator = self.players["generator"]
        assert isinstance(generator, CharResNetGenerator)
        rows = batch["real"][:, : generator.length]
        real = F.one_hot(rows, generator.vocabulary).float()
        return super().discriminator_loss({**batch, "real": real}, move)


def build(
    generator: CharResNetGenerator, critic: Discriminator, method: CharWGANGPMethod
) -> CharWGANGP:
    """The game from its players and settings."""
    penalties = (GradientPenalty(method.penalty_weight),)
    return CharWGANGP(generator, critic, wasserstein(), penalties=penalties)


def phases(method: CharWGANGPMethod) -> tuple[Phase, ...]:
    """One phase; a round is ``critic_moves`` moves of the critic, then one of G."""
    # beta1 0.5, beta2 0.9: the paper's code.
    make = partial(Optimizer, betas=(0.5, 0.9), schedule=method.schedule)
    critic, generator = make(method.critic_learning_rate), make(method.generator_learning_rate)
    return (
        Phase(
            "adversarial",
            (
                Turn(
                    ("discriminator",),
                    loss="discriminator_loss",
                    optimizer=critic,
                    moves=method.critic_moves,
                ),
                Turn(("generator",), loss="generator_loss", optimizer=generator),
            ),
            rounds=method.rounds,
            evaluate_every_rounds=method.evaluate_every_rounds,
            sample_every_rounds=method.evaluate_every_rounds,
            log_every_rounds=10,
        ),
    )
