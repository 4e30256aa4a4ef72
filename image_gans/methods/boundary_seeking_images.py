"""Boundary-seeking GAN on black-and-white pictures (Hjelm, Jacob, Che, Trischler, Cho, Bengio 2018:
"Boundary-seeking generative adversarial networks"; discrete MNIST).

    x_1 ... x_M drawn from g(. | z), each pixel by itself;  w_m = softmax over m of logit D(x_m)
    G minimises  - E_z sum_m w_m log g(x_m | z), the weights held fixed
    D minimises  - E_data log D(x) - E_z log(1 - D(x_1))

The four choices: the players of ``networks/bernoulli.py``; a cross-entropy for D; weights over the samples of
one z; one phase in which D and G take turns. The estimator is the one that serves text.

Differs from the paper: 32 x 32 pixels, by a fixed threshold; the DCGAN's layers, with batch norm in G alone
and SELU in D; normal latents.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from image_gans.networks.bernoulli import BernoulliGenerator
from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.estimators import BoundarySeeking
from seqgan_kit.core.game import Epochs, Phase, Turn
from seqgan_kit.core.objectives import minimax
from seqgan_kit.core.optimizers import Optimizer


@dataclass(frozen=True)
class BoundarySeekingImagesMethod:
    """How it is trained; the defaults are those of the authors' code for discrete MNIST."""

    samples: int = 20
    """M: pictures of each latent vector, weighted among themselves."""
    generator_learning_rate: float = 1e-4
    """Adam's step size for G."""
    discriminator_learning_rate: float = 1e-4
    """Adam's step size for D."""
    betas: tuple[float, float] = (0.5, 0.999)
    """Adam's decay of the first and second moment."""
    discriminator_moves: int = 1
    """D's moves for each of G's."""
    batch_size: int = 64
    """Pictures a batch, and latent vectors in a move of G."""
    epochs: float = 100.0
    """Passes of D over the pictures; a round is one turn of D and one of G."""
    evaluate_every_rounds: int = 0
    """Measure the samples every so many rounds; 0 at the end only."""
    sample_every_rounds: int = 0
    """Draw a grid every so many rounds; 0 at the end only."""
    save_every_rounds: int = 0
    """Write a checkpoint every so many rounds; 0 at the end only."""


def build(
    generator: BernoulliGenerator,
    discriminator: Discriminator,
    method: BoundarySeekingImagesMethod,
) -> AdversarialGame:
    """The game from its players and settings, its weights with channels last (cheaper on a CPU)."""
    game = AdversarialGame(generator, discriminator, minimax(), BoundarySeeking(method.samples))
    return game.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def phases(method: BoundarySeekingImagesMethod) -> tuple[Phase, ...]:
    """One phase in which D and G take turns."""
    judge = Turn(
        ("discriminator",),
        loss="discriminator_loss",
        optimizer=Optimizer(method.discriminator_learning_rate, betas=method.betas),
        moves=method.discriminator_moves,
    )
    learn = Turn(
        ("generator",),
        loss="generator_loss",
        optimizer=Optimizer(method.generator_learning_rate, betas=method.betas),
    )
    adversarial = Phase(
        "adversarial",
        (judge, learn),
        rounds=Epochs(method.epochs),
        evaluate_every_rounds=method.evaluate_every_rounds,
        sample_every_rounds=method.sample_every_rounds,
        save_every_rounds=method.save_every_rounds,
    )
    return (adversarial,)
