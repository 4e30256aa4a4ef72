"""Modes in the plane: points from a mixture of normal distributions, where lost modes can be counted (Metz
et al. 2017, Srivastava et al. 2017, Lin et al. 2018; see ``metrics/worlds.py``).

    D minimises  mean L_real(D(x)) + mean L_fake(D(G(z))) + lambda * mean (||grad D|| - 1)^2
    G minimises  mean L_G(D(G(z)))

With R1 or R2, D also minimises w/2 mean ||grad D||^2 on real or generated points; with relativistic pairs and
both it is the loss of R3GAN (Huang et al. 2024).

The four choices: the players of ``networks/mlp.py``; an objective, with a gradient penalty where it needs
one; the pathwise gradient, or the gradient through an unrolled D; one phase in which D and G take turns. GAN,
unrolled GAN, WGAN-GP and PacGAN are settings of these.

Differs from the papers: a packed batch of B points makes B/m packs, where PacGAN's code makes B packs of B*m
points (``paper`` has their networks, initialisation, rates and rounds, without packing). In the unrolled
GAN's notebook D and G move at once and the ring has seven modes; here D moves before G, and there are eight.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from torch import nn

from image_gans.schedule import (
    ImageTraining,
    adversarial_phase,
    discriminator_turn,
    generator_turn,
)
from image_gans.techniques.fits import refuse_techniques
from image_gans.techniques.switches import equipped_game
from image_gans.techniques.technique_settings import NO_TECHNIQUES, Techniques
from seqgan_kit.core import objectives
from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.bounds import Weight, bounded
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Phase
from seqgan_kit.core.objectives import Objective
from seqgan_kit.core.penalties import GradientPenalty
from seqgan_kit.errors import UsageError

ObjectiveName = Literal[
    "non_saturating", "minimax", "least_squares", "hinge", "wasserstein", "relativistic_pairs"
]

_LOG_EVERY_ROUNDS = 50  # A round takes about 1 ms, so logging every round would be slow.


@dataclass(frozen=True)
@bounded
class Modes2DMethod:
    """Settings of the GANs in the plane: objective and gradient penalty."""

    objective: ObjectiveName = "non_saturating"
    """Objective of D and G; wasserstein needs a gradient penalty."""
    gradient_penalty: Weight = 0.0
    """Weight lambda of the penalty on D's gradient (0.1 in WGAN-GP's toy experiments)."""

    def __post_init__(self) -> None:
        if self.objective == "wasserstein" and not self.gradient_penalty:
            raise UsageError(
                "--objective wasserstein needs a Lipschitz critic: give --gradient-penalty a "
                "weight (0.1 in the paper's toy experiments)."
            )


PAPER = ImageTraining(
    generator_learning_rate=1e-4,
    discriminator_learning_rate=1e-4,
    betas=(0.8, 0.999),
    batch_size=100,
    epochs=400,
)
"""Settings of Lin et al. 2018 for both worlds, each with 100,000 points."""


def objective(name: ObjectiveName) -> Objective:
    """Return the objective of that name."""
    if name == "relativistic_pairs":
        return objectives.relativistic_pairs(objectives.non_saturating())
    build_objective = getattr(objectives, name)
    made: Objective = build_objective()
    return made


def build(
    generator: nn.Module,
    discriminator: Discriminator,
    method: Modes2DMethod,
    techniques: Techniques = NO_TECHNIQUES,
) -> AdversarialGame:
    """Return the game from its players and settings."""
    penalties = [GradientPenalty(method.gradient_penalty)] if method.gradient_penalty else []
    refuse_techniques(
        techniques,
        "a plane of points",
        "it is for images.",
        "augmentation",
        "consistency",
        "adversarial_epsilon",
    )
    chosen = objective(method.objective)
    return equipped_game(generator, discriminator, chosen, techniques, penalties=penalties)


def phases(training: ImageTraining, techniques: Techniques = NO_TECHNIQUES) -> tuple[Phase, ...]:
    """Return one phase in which D and G take turns."""
    turns = discriminator_turn(training, techniques), generator_turn(training, techniques)
    return (replace(adversarial_phase(training, *turns), log_every_rounds=_LOG_EVERY_ROUNDS),)
