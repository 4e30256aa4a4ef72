"""WGAN-GP on characters (Gulrajani, Ahmed, Arjovsky, Dumoulin, Courville 2017: "Improved Training of
Wasserstein GANs", "Modeling discrete data with a continuous generator", and its code).

    critic minimises  E_G D(x) - E_data D(x) + lambda E[(||grad D(x')||_2 - 1)^2]
    G minimises       -E_G D(x)
    x: one-hot rows of T characters (real), rows of softmax outputs (G);  x' lies on lines between the two

The four choices. Players: two residual networks over positions. Objective: Wasserstein with a gradient
penalty. Estimator: the gradient goes straight through the softmax outputs. Schedule: ten updates of the
critic per update of G; nothing is pretrained. No character is sampled during training: the critic can tell
one-hot rows from soft ones, which drives G's outputs towards one-hot. For display and scores, each position
takes its most likely character.

A row is the first T characters of a line, as in the paper. A shorter line continues with EOS and PAD, which
count as ordinary characters here (the paper fills up with one character).

Differs from the paper: a round ends with the update of G, where the paper's begins with it; the critic's
output layer starts with torch's initialisation, in the authors' code with Glorot's; n-grams are compared with
those of held-out lines, where the authors use training lines. The preset ``paper`` has the networks and
schedule of the authors' code; their text is the Billion Word corpus, with all but the 2,048 most frequent
characters replaced.
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
    """Rows per batch."""
    rounds: Count = 200_000
    """Rounds of training. Each round has one update of G."""
    critic_moves: Count = 10
    """Moves (updates) of the critic per round (the authors: "5 should work fine as well")."""
    penalty_weight: Weight = 10.0
    """lambda: weight of the gradient penalty."""
    generator_learning_rate: Weight = 1e-4
    """Adam's learning rate of G."""
    critic_learning_rate: Weight = 1e-4
    """Adam's learning rate of the critic."""
    schedule: Schedule = "constant"
    """How both learning rates fall over the rounds (the paper: constant)."""
    evaluate_every_rounds: Every = 1000
    """Rounds between evaluations."""


class CharWGANGP(AdversarialGame[CharResNetGenerator]):
    """The adversarial game on relaxed rows: D reads real and generated rows as [B,T,V]."""

    def draw(self, n: int, batch: Batch, rng: torch.Generator) -> Tensor:
        """Return rows of probabilities [n,T,V]; ``sample`` returns ids."""
        return self.generator.relaxed(n, rng)

    def discriminator_loss(self, batch: Batch, move: Move) -> Loss:
        """Return D's loss, with real rows as one-hot floats: the penalty differentiates by them."""
        rows = batch["real"][:, : self.generator.length]
        real = F.one_hot(rows, self.generator.vocabulary).float()
        return super().discriminator_loss({**batch, "real": real}, move)


def build(
    generator: CharResNetGenerator, critic: Discriminator, method: CharWGANGPMethod
) -> CharWGANGP:
    """Build the game from its players and settings."""
    penalties = (GradientPenalty(method.penalty_weight),)
    return CharWGANGP(generator, critic, wasserstein(), penalties=penalties)


def phases(method: CharWGANGPMethod) -> tuple[Phase, ...]:
    """Return one phase. A round is ``critic_moves`` updates of the critic, then one of G."""
    # The authors' code uses beta1 0.5 and beta2 0.9.
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
