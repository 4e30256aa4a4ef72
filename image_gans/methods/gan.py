"""The original GAN (Goodfellow et al. 2014, "Generative adversarial nets").

With scores s = logit D, sigma the logistic function and z ~ N(0, 1):

    D minimises  -E_data[log sigma(s(x))] - E_z[log(1 - sigma(s(G(z))))]
    G minimises  E_z[log(1 - sigma(s(G(z))))]     minimax (eq. 1): flat where D is sure of a fake
                 -E_z[log sigma(s(G(z)))]         non-saturating (section 3)
                 -E_z[exp(s(G(z)))]               maximum likelihood (Goodfellow 2014, "On distinguishability
                                                  criteria"): with the best D, KL(data || G) in gradient

The four choices: any players (fully connected with maxout and dropout as in the paper, or convolutional),
these objectives, the pathwise gradient, and one phase in which k updates of D alternate with one of G
(algorithm 1).

Differs from the paper, in the preset ``paper`` too: Adam in place of gradient descent with momentum; see also
the networks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import nn

from image_gans.schedule import ImageTraining, in_turns
from image_gans.techniques.switches import equipped_game
from image_gans.techniques.technique_settings import NO_TECHNIQUES, Techniques
from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.bounds import Share, bounded
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Phase
from seqgan_kit.core.objectives import CROSS_ENTROPY
from seqgan_kit.errors import unknown


@dataclass(frozen=True)
@bounded
class GANMethod:
    """Settings of the original GAN."""

    objective: Literal["minimax", "non_saturating", "max_likelihood"] = "non_saturating"
    """Objective of G; the paper trains non_saturating."""
    label_smoothing: Share = 0.0
    """Label smoothing: real images get the target 1 minus this (0.1 is usual; Salimans et al. 2016, 3.4)."""


PAPER = ImageTraining(batch_size=100, epochs=250)
"""Batch size and one update of D per round, as in the authors' mnist.yaml. It names no last epoch; its
momentum grows for 250 epochs."""


def build(
    generator: nn.Module,
    discriminator: Discriminator,
    method: GANMethod,
    techniques: Techniques = NO_TECHNIQUES,
) -> AdversarialGame:
    """Return the game from its players and settings."""
    if method.objective not in CROSS_ENTROPY:
        raise unknown("objective", method.objective, CROSS_ENTROPY)
    objective = CROSS_ENTROPY[method.objective](method.label_smoothing)
    return equipped_game(generator, discriminator, objective, techniques)


def phases(training: ImageTraining, techniques: Techniques = NO_TECHNIQUES) -> tuple[Phase, ...]:
    """Return one phase in which k updates of D and one of G take turns."""
    return in_turns(training, techniques)
