"""Least-squares GAN (Mao et al. 2017, "Least squares generative adversarial networks").

    D minimises  E_data[(D(x) - b)^2] / 2 + E_z[(D(G(z)) - a)^2] / 2
    G minimises  E_z[(D(G(z)) - c)^2] / 2

A sample far on the correct side of D's boundary still has a gradient, towards the boundary. If b - c = 1 and
b - a = 2 and D is optimal, G's loss plus the constant E_data[(D(x) - c)^2] / 2 is half the Pearson chi-square
divergence between p_data + p_G and 2 p_G (theorem 1).

The targets a, b, c by name:

    boundary  0, 1, 1/2   G's samples shall be undecidable; as pearson, on another scale
    real      0, 1, 1     G's samples shall be taken for real (eq. 9)
    pearson  -1, 1, 0     theorem 1 (eq. 8)

The four choices: any players, this objective, the pathwise gradient, and one phase in which D and G take
turns.

Differs from the paper, in the preset ``paper`` too: DCGAN's networks at 64 pixels (the paper's own draw
scenes of 112 pixels by a deeper G with kernels of 5).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from torch import nn

from image_gans.schedule import ImageTraining, in_turns
from image_gans.techniques.switches import equipped_game
from image_gans.techniques.technique_settings import NO_TECHNIQUES, Techniques
from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.bounds import Finite, bounded
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Phase
from seqgan_kit.core.objectives import least_squares
from seqgan_kit.errors import UsageError, unknown

TARGETS: Mapping[str, tuple[float, float, float]] = {
    "real": (0.0, 1.0, 1.0),
    "boundary": (0.0, 1.0, 0.5),
    "pearson": (-1.0, 1.0, 0.0),
}
"""Targets by name: a (D, fakes), b (D, real images) and c (G)."""


@dataclass(frozen=True)
@bounded
class LSGANMethod:
    """Settings of LSGAN: the targets of D's score."""

    targets: Literal["real", "boundary", "pearson"] = "real"
    """Targets a, b, c by name: real 0, 1, 1; boundary 0, 1, 0.5; pearson -1, 1, 0."""
    fake_target: Finite | None = None
    """Target a of D for fakes, instead of the named one."""
    real_target: Finite | None = None
    """Target b of D for real images, instead of the named one."""
    generator_target: Finite | None = None
    """Target c of G for its fakes, instead of the named one."""


PAPER = ImageTraining(generator_learning_rate=1e-3, discriminator_learning_rate=1e-3, batch_size=64)
"""Learning rate for LSUN scenes (section 4.1), with Adam's beta1 of 0.5."""


def chosen_targets(method: LSGANMethod) -> tuple[float, float, float]:
    """Return the targets a, b and c."""
    if method.targets not in TARGETS:
        raise unknown("targets", method.targets, TARGETS)
    given = (method.fake_target, method.real_target, method.generator_target)
    a, b, c = (
        named if own is None else own
        for own, named in zip(given, TARGETS[method.targets], strict=True)
    )
    if a == b:
        raise UsageError(f"fake_target and real_target are both {a:g}, but must differ.")
    return a, b, c


def build(
    generator: nn.Module,
    discriminator: Discriminator,
    method: LSGANMethod,
    techniques: Techniques = NO_TECHNIQUES,
) -> AdversarialGame:
    """Return the game from its players and settings."""
    objective = least_squares(*chosen_targets(method))
    return equipped_game(generator, discriminator, objective, techniques)


def phases(training: ImageTraining, techniques: Techniques = NO_TECHNIQUES) -> tuple[Phase, ...]:
    """Return one phase in which D and G take turns."""
    return in_turns(training, techniques)
