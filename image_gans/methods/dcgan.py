"""DCGAN: a GAN whose two networks are strided convolutions (Radford et al. 2016, "Unsupervised representation
learning with deep convolutional generative adversarial networks").

With scores s = logit D, sigma the logistic function and z ~ N(0, 1):

    D minimises  -E_data[log sigma(s(x))] - E_z[log(1 - sigma(s(G(z))))]
    G minimises  -E_z[log sigma(s(G(z)))]                                    (non-saturating)
                 E_z[s(G(z))^2] / 2                                          (boundary_seeking)

Boundary seeking for continuous data is that of Hjelm et al. 2018 ("Boundary-seeking generative adversarial
networks"): G moves its images to D's decision boundary and not beyond.

The four choices: the players of ``networks/dcgan.py``, any objective on scores, the pathwise gradient, and
one phase in which D and G take turns.

Differs from the paper, in the preset ``paper`` too: normal latents and kernels of 4 (see the networks). At
64 pixels a D with G's learning rate soon recognises every fake and leaves G without a gradient: give D a
quarter of G's learning rate (5e-5 beside 2e-4, as in A. Jolicoeur-Martineau's experiments with cats, which
also take SELU networks at 128 pixels).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from torch import nn

from image_gans.schedule import ImageTraining, in_turns
from image_gans.techniques.switches import equipped_game
from image_gans.techniques.technique_settings import NO_TECHNIQUES, Techniques
from seqgan_kit.core import objectives
from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.bounds import Share, bounded
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Phase
from seqgan_kit.core.objectives import Objective
from seqgan_kit.errors import UsageError, unknown

ObjectiveName = Literal[
    "non_saturating",
    "minimax",
    "max_likelihood",
    "least_squares",
    "hinge",
    "boundary_seeking",
]


@dataclass(frozen=True)
@bounded
class DCGANMethod:
    """Settings of DCGAN: objective and label smoothing."""

    objective: ObjectiveName = "non_saturating"
    """Objective of D and G."""
    label_smoothing: Share = 0.0
    """Label smoothing: real images get the target 1 minus this (0.1 is usual); not for least_squares and
    hinge.
    """


def objective(method: DCGANMethod) -> Objective:
    """Return the objective that the settings name, with their label smoothing."""
    if method.objective in objectives.CROSS_ENTROPY:
        return objectives.CROSS_ENTROPY[method.objective](method.label_smoothing)
    if method.objective == "boundary_seeking":
        return objectives.boundary_seeking(method.label_smoothing)
    if method.objective not in get_args(ObjectiveName):
        raise unknown("objective", method.objective, get_args(ObjectiveName))
    if method.label_smoothing:
        raise UsageError(
            f"--label-smoothing {method.label_smoothing} does not apply to {method.objective}, "
            "whose targets are not probabilities. Leave it at 0, or choose one of "
            f"{', '.join(objectives.CROSS_ENTROPY)}, "
            "boundary_seeking."
        )
    return objectives.hinge() if method.objective == "hinge" else objectives.least_squares()


def build(
    generator: nn.Module,
    discriminator: Discriminator,
    method: DCGANMethod,
    techniques: Techniques = NO_TECHNIQUES,
) -> AdversarialGame:
    """Return the game from its players and settings."""
    return equipped_game(generator, discriminator, objective(method), techniques)


def phases(training: ImageTraining, techniques: Techniques = NO_TECHNIQUES) -> tuple[Phase, ...]:
    """Return one phase in which D and G take turns."""
    return in_turns(training, techniques)
