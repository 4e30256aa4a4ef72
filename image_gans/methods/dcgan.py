"""DCGAN: a GAN whose two networks are strided convolutions (Radford et al. 2016, "Unsupervised representation
learning with deep convolutional generative adversarial networks").

With scores s = logit D, sigma the logistic function and z ~ N(0, 1):

    D minimises  -E_data[log sigma(s(x))] - E_z[log(1 - sigma(s(G(z))))]
    G minimises  -E_z[log sigma(s(G(z)))]                                    (non-saturating)

The four choices: the players of ``networks/dcgan.py``, any objective on scores, the pathwise gradient, and
one phase in which D and G take turns.

Differs from the paper: D's learning rate is 5e-5, a quarter of G's 2e-4 (the paper: 2e-4 for both), because
at 64 pixels an equally fast D soon tells every fake and leaves G without a slope to follow; normal latents
and kernels of 4 (see the networks).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import nn

from seqgan_kit.core import objectives
from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Epochs, Phase, Turn
from seqgan_kit.core.objectives import Objective
from seqgan_kit.core.optimizers import Optimizer
from seqgan_kit.errors import UsageError, unknown

ObjectiveName = Literal["non_saturating", "minimax", "max_likelihood", "least_squares", "hinge"]

_SMOOTHED: dict[str, Callable[[float], Objective]] = {
    "non_saturating": objectives.non_saturating,
    "minimax": objectives.minimax,
    "max_likelihood": objectives.max_likelihood,
}


@dataclass(frozen=True)
class DCGANMethod:
    """How a DCGAN is trained."""

    objective: ObjectiveName = "non_saturating"
    """What D and G want."""
    label_smoothing: float = 0.0
    """Real pictures get the target 1 minus this (0.1 is usual); for the three objectives with logarithms."""
    generator_learning_rate: float = 2e-4
    """Adam's step size for G (the paper's)."""
    discriminator_learning_rate: float = 5e-5
    """Adam's step size for D; the paper's is 2e-4, which suits small pictures and few epochs."""
    betas: tuple[float, float] = (0.5, 0.999)
    """Adam's decay of the first and second moment (section 4)."""
    discriminator_moves: int = 1
    """D's moves for each of G's."""
    average_decay: float = 0.0
    """Draw from a moving average of G with this decay a move, for instance 0.995 (0: from G itself)."""
    batch_size: int = 128
    """Pictures a batch (section 4)."""
    epochs: float = 25.0
    """Passes of D over the pictures; a round is one turn of D and one of G."""
    evaluate_every_rounds: int = 0
    """Measure the samples every so many rounds; 0 at the end only."""
    sample_every_rounds: int = 0
    """Draw a grid every so many rounds; 0 at the end only."""
    save_every_rounds: int = 0
    """Write a checkpoint every so many rounds; 0 at the end only."""


def objective(method: DCGANMethod) -> Objective:
    """The objective that the settings name, smoothed as they say."""
    if method.objective in _SMOOTHED:
        return _SMOOTHED[method.objective](method.label_smoothing)
    if method.objective not in get_args(ObjectiveName):
        raise unknown("objective", method.objective, get_args(ObjectiveName))
    if method.label_smoothing:
        raise UsageError(
            f"label smoothing {method.label_smoothing} has no meaning for {method.objective}, whose targets "
            f"are no probabilities. Leave it at 0, or choose one of {', '.join(_SMOOTHED)}."
        )
    return objectives.hinge() if method.objective == "hinge" else objectives.least_squares()


def build(
    generator: nn.Module, discriminator: Discriminator, method: DCGANMethod
) -> AdversarialGame:
    """The game from its players and settings.

    Its weights lie in memory with channels last, which makes a step on a CPU about a quarter cheaper.
    """
    game = AdversarialGame(generator, discriminator, objective(method))
    return game.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def averages(method: DCGANMethod) -> dict[str, float]:
    """The players that the trainer follows by a moving average, with its decay."""
    return {"generator": method.average_decay} if method.average_decay else {}


def phases(method: DCGANMethod) -> tuple[Phase, ...]:
    """One phase in which D and G take turns."""
    betas = method.betas
    discriminator = Turn(
        players=("discriminator",),
        loss="discriminator_loss",
        optimizer=Optimizer(method.discriminator_learning_rate, betas=betas),
        moves=method.discriminator_moves,
    )
    generator = Turn(
        players=("generator",),
        loss="generator_loss",
        optimizer=Optimizer(method.generator_learning_rate, betas=betas),
    )
    adversarial = Phase(
        name="adversarial",
        turns=(discriminator, generator),
        rounds=Epochs(method.epochs),
        evaluate_every_rounds=method.evaluate_every_rounds,
        sample_every_rounds=method.sample_every_rounds,
        save_every_rounds=method.save_every_rounds,
    )
    return (adversarial,)
