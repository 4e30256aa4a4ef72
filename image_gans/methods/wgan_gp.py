"""WGAN with gradient penalty (Gulrajani et al. 2017, "Improved training of Wasserstein GANs").

    D minimises  E_z[D(G(z))] - E_data[D(x)] + lambda E_x^[(||grad D(x^)||_2 - 1)^2]
    G minimises  -E_z[D(G(z))]

with x^ = e x + (1 - e) G(z) and e ~ U[0,1], one for each image. The best critic has gradients of norm 1
almost everywhere under both distributions (proposition 1), and the penalty enforces this in place
of clipping. It needs the gradient of each image's own score, so D has no batch norm (section 4): use layer
norm, as the paper recommends, instance norm, or none.

The four choices: any players with such a D, the Wasserstein objective with the penalty, the pathwise
gradient, and one phase in which D makes 5 updates for each update of G.

The preset ``paper`` has the residual networks and rates for CIFAR-10 of the authors' code
(igul222/improved_wgan_training, gan_cifar_resnet.py), without labels. Differs from it there: G's batches are
as large as D's (theirs: twice), and no noise is added to the pixels. The other presets have DCGAN's networks
with layer norm in D.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import nn

from image_gans.schedule import ImageTraining, in_turns
from image_gans.techniques.switches import equipped_game
from image_gans.techniques.technique_settings import NO_TECHNIQUES, Techniques
from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.bounds import Above0, bounded
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Phase
from seqgan_kit.core.objectives import wasserstein
from seqgan_kit.core.penalties import GradientPenalty


@dataclass(frozen=True)
@bounded
class WGANGPMethod:
    """Settings of WGAN-GP."""

    penalty_weight: Above0 = 10.0
    """Weight of the gradient penalty (lambda; the paper's toy examples have 0.1)."""


PAPER = ImageTraining(
    generator_learning_rate=1e-4,
    discriminator_learning_rate=1e-4,
    betas=(0.0, 0.9),
    discriminator_moves=5,
    batch_size=64,
)
"""Algorithm 1, as for images of 64 pixels."""
CIFAR = replace(
    PAPER,
    generator_learning_rate=2e-4,
    discriminator_learning_rate=2e-4,
    learning_rate_schedule="linear",
    epochs=640,
)
"""100,000 updates of G on the 50,000 images of CIFAR-10 (gan_cifar_resnet.py)."""


def build(
    generator: nn.Module,
    discriminator: Discriminator,
    method: WGANGPMethod,
    techniques: Techniques = NO_TECHNIQUES,
) -> AdversarialGame:
    """Return the game from its players and settings; refuse a D with batch norm."""
    penalty = GradientPenalty(method.penalty_weight)
    return equipped_game(generator, discriminator, wasserstein(), techniques, penalties=[penalty])


def phases(training: ImageTraining, techniques: Techniques = NO_TECHNIQUES) -> tuple[Phase, ...]:
    """Return one phase: D's updates, then one of G."""
    return in_turns(training, techniques)
