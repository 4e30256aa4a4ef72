"""DCGAN: a GAN whose two networks are strided convolutions (Radford et al. 2016, "Unsupervised representation
learning with deep convolutional generative adversarial networks").

With scores s = logit D, sigma the logistic function and z ~ N(0, 1):

    D minimises  -E_data[log sigma(s(x))] - E_z[log(1 - sigma(s(G(z))))]
    G minimises  -E_z[log sigma(s(G(z)))]                                    (non-saturating)

The four choices: the players of ``networks/dcgan.py``, any objective on scores, the pathwise gradient, and
one phase in which D and G take turns.

Differs from the paper: normal latents and kernels of 4 (see the networks). At 64 pixels an equally fast D
soon tells every fake and leaves G without a slope to follow: give D a quarter of G's step size (5e-5 beside
2e-4, as in A. Jolicoeur-Martineau's experiments with cats, which also take SELU networks at 128 pixels).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from torch import nn

from image_gans.schedule import ImageTraining, in_turns
from image_gans.techniques import NO_TECHNIQUES, Techniques, equipped_game
from seqgan_kit.core import objectives
from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Phase
from seqgan_kit.core.objectives import Objective
from seqgan_kit.errors import UsageError, unknown

ObjectiveName = Literal["non_saturating", "minimax", "max_likelihood", "least_squares", "hinge"]


@dataclass(frozen=True)
class DCGANMethod:
    """What a DCGAN is trained for."""

    objective: ObjectiveName = "non_saturating"
    """What D and G want."""
    label_smoothing: float = 0.0
    """Real pictures get the target 1 minus this (0.1 is usual); for the three objectives with logarithms."""


def objective(method: DCGANMethod) -> Objective:
    """The objective that the settings name, smoothed as they say."""
    if method.objective in objectives.CROSS_ENTROPY:
        return objectives.CROSS_ENTROPY[method.objective](method.label_smoothing)
    if method.objective not in get_args(ObjectiveName):
        raise unknown("objective", method.objective, get_args(ObjectiveName))
    if method.label_smoothing:
        raise UsageError(
            f"label smoothing {method.label_smoothing} has no meaning for {method.objective}, whose targets "
            f"are no probabilities. Leave it at 0, or choose one of {', '.join(objectives.CROSS_ENTROPY)}."
        )
    return objectives.hinge() if method.objective == "hinge" else objectives.least_squares()


def build(
    generator: nn.Module,
    discriminator: Discriminator,
    method: DCGANMethod,
    techniques: Techniques = NO_TECHNIQUES,
) -> AdversarialGame:
    """The game from its players and settings."""
    return equipped_game(generator, discriminator, objective(method), techniques)


def phases(training: ImageTraining, techniques: Techniques = NO_TECHNIQUES) -> tuple[Phase, ...]:
    """One phase in which D and G take turns."""
    return in_turns(training, techniques)
