"""Relativistic GANs (Jolicoeur-Martineau 2018, "The relativistic discriminator: a key element missing from
standard GAN"): D scores how much more realistic an image is than images of the other kind.

With scores s, inner losses f for real images and g for fakes, a real image r and a fake x':

    average (section 4.2)  D minimises  E[f(s(r) - E s(x'))] + E[g(s(x') - E s(r))]
                           G minimises  E[f(s(x') - E s(r))] + E[g(s(r) - E s(x'))]
    pairs (section 4.1)    D minimises  E[f(s(r) - s(x'))],  G minimises  E[f(s(x') - s(r))]

    f, g: cross-entropy -log sigma(u), -log(1 - sigma(u))   RaSGAN, RSGAN
          least squares (u - 1)^2, (u + 1)^2, halved here   RaLSGAN
          hinge max(0, 1 - u), max(0, 1 + u)                RaHingeGAN

G's loss includes the real images: G raises the scores of fakes and lowers those of real images. In a plain
GAN, real images do not enter G's loss.

The four choices: any players, these objectives, the pathwise gradient, and one phase in which D and G take
turns.

Differs from the paper, in the preset ``paper`` too: DCGAN's networks, with spectral norm in D (the paper's
for CIFAR-10 are the standard CNNs of Miyato et al. 2018), and no gradient penalty (the paper's RaSGAN-GP).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from torch import nn

from image_gans.schedule import ImageTraining, in_turns
from image_gans.techniques.switches import equipped_game
from image_gans.techniques.technique_settings import NO_TECHNIQUES, Techniques
from seqgan_kit.core import objectives
from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.bounds import bounded
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Phase
from seqgan_kit.core.objectives import Objective
from seqgan_kit.errors import unknown

INNER: Mapping[str, Objective] = {
    "cross_entropy": objectives.non_saturating(),
    "least_squares": objectives.least_squares(-1.0, 1.0, 1.0),
    "hinge": objectives.hinge(),
}
"""Losses of a score difference, by name."""


@dataclass(frozen=True)
@bounded
class RelativisticMethod:
    """Settings of relativistic GANs: inner loss and comparison."""

    inner: Literal["cross_entropy", "least_squares", "hinge"] = "cross_entropy"
    """Loss of a difference of scores: RaSGAN, RaLSGAN or RaHingeGAN."""
    compared_with: Literal["average", "pairs"] = "average"
    """What a score is compared with: average, the mean score of the other kind; pairs, one sample of it."""


PAPER = ImageTraining(batch_size=32, epochs=64)
"""As for CIFAR-10: Adam 2e-4 (0.5, 0.999), one update of D for each of G, 100,000 rounds on 50,000 images."""


def build(
    generator: nn.Module,
    discriminator: Discriminator,
    method: RelativisticMethod,
    techniques: Techniques = NO_TECHNIQUES,
) -> AdversarialGame:
    """Return the game from its players and settings."""
    if method.inner not in INNER:
        raise unknown("inner loss", method.inner, INNER)
    comparisons = {
        "average": objectives.relativistic,
        "pairs": objectives.relativistic_pairs,
    }
    if method.compared_with not in comparisons:
        raise unknown("comparison", method.compared_with, comparisons)
    objective = comparisons[method.compared_with](INNER[method.inner])
    return equipped_game(generator, discriminator, objective, techniques)


def phases(training: ImageTraining, techniques: Techniques = NO_TECHNIQUES) -> tuple[Phase, ...]:
    """Return one phase in which D and G take turns."""
    return in_turns(training, techniques)
