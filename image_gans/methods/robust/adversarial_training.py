"""Adversarial training: a classifier that learns from images perturbed against itself (Madry, Makelov,
Schmidt, Tsipras, Vladu 2018, "Towards deep learning models resistant to adversarial attacks").

With the classifier's cross-entropy J and perturbations d of norm epsilon or less:

    min_theta E[(1 - c) max_d J(theta, x + d, y) + c J(theta, x, y)]

The maximum is approached by projected gradient steps from a random start, with c = 0. One step of the sign
of the gradient and c = 1/2 are those of Goodfellow, Shlens, Szegedy (2015, "Explaining and harnessing
adversarial examples").

Two classifiers are trained beside it, on the same batches and from the same weights: one by J(x, y) alone,
and one with virtual adversarial training.

Differs from the paper, in the preset ``paper`` too: the classifier is the recogniser of this package with
one label (convolutions with batch norm) in place of residual networks; Adam in place of momentum with weight
decay; no augmentation; the bundled images in place of MNIST and CIFAR-10. A single step also starts at a
random point.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from image_gans.attacks.attack_settings import GradientAttack, VirtualAttack
from image_gans.player_schedule import PlayerTraining, Steps
from image_gans.robust_game import ADVERSARIAL, PLAIN, VIRTUAL, RobustGame, classifier_phases
from seqgan_kit.core.bounds import UpTo1, bounded
from seqgan_kit.core.game import Phase


@dataclass(frozen=True)
@bounded
class AdversarialTrainingMethod:
    """Settings of adversarial training."""

    clean_share: UpTo1 = 0.0
    """c: weight of the clean images (0 in Madry et al., 0.5 in Goodfellow et al.)."""
    steps: Steps = Steps(1e-3)
    """Adam's learning rate."""


def build(
    classifier: nn.Module,
    attack: GradientAttack,
    virtual: VirtualAttack,
    method: AdversarialTrainingMethod,
) -> RobustGame:
    """Return the game of three classifiers from one network and the settings."""
    ways = (ADVERSARIAL, VIRTUAL, PLAIN)
    return RobustGame(classifier, ways, attack, method.clean_share, virtual)


def phases(
    game: RobustGame, method: AdversarialTrainingMethod, training: PlayerTraining
) -> tuple[Phase, ...]:
    """Return one phase in which all classifiers learn from every batch."""
    return classifier_phases(game, method.steps, training)
