"""Virtual adversarial training: a classifier whose predictions must not change under small perturbations of
labelled and unlabelled images (Miyato, Maeda, Koyama, Ishii 2018, "Virtual adversarial training: a
regularization method for supervised and semi-supervised learning").

With labelled pairs (x, y), any images u, and the vector r of length epsilon that changes the prediction most:

    min_theta  E[-log p(y | x)] + w E[KL(p(. | u) || p(. | u + r))]

r needs no label: it lies along the first eigenvector of the Hessian of the divergence, found by one step of
power iteration. The first prediction is held fixed.

A classifier trained from the same weights by the labelled images alone shows the gain.

Differs from the paper, in the preset ``paper`` too: the classifier is the recogniser of this package with
one label, in place of nine convolutions with dropout; images are not whitened, and epsilon is in grey
levels; the finite difference is 0.01 in place of 1e-6, which is too small for 32-bit pixels in [-1,1]; there
is no augmentation; the bundled images in place of SVHN and CIFAR-10.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from image_gans.attacks.attack_settings import GradientAttack, VirtualAttack
from image_gans.player_schedule import PlayerTraining, Steps
from image_gans.robust_game import PLAIN, VIRTUAL, RobustGame, classifier_phases
from seqgan_kit.core.bounds import bounded
from seqgan_kit.core.game import Phase


@dataclass(frozen=True)
@bounded
class VATMethod:
    """Settings of virtual adversarial training."""

    steps: Steps = Steps(1e-3)
    """Adam's learning rate."""


def build(classifier: nn.Module, attack: GradientAttack, virtual: VirtualAttack) -> RobustGame:
    """Return the game of two classifiers from one network and the settings.

    Args:
        classifier: the network.
        attack: what samples are attacked by; the training does not use it.
        virtual: the virtual adversarial loss.
    """
    return RobustGame(classifier, (VIRTUAL, PLAIN), attack, 0.0, virtual)


def phases(game: RobustGame, method: VATMethod, training: PlayerTraining) -> tuple[Phase, ...]:
    """Return one phase in which both classifiers learn from every batch."""
    return classifier_phases(game, method.steps, training)
