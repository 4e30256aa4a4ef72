"""Boundary-seeking GAN on black-and-white images (Hjelm, Jacob, Che, Trischler, Cho, Bengio 2018:
"Boundary-seeking generative adversarial networks"; discrete MNIST).

    x_1 ... x_M drawn from g(. | z), each pixel by itself;  w_m = softmax over m of logit D(x_m)
    G minimises  - E_z sum_m w_m log g(x_m | z), the weights held fixed
    D minimises  - E_data log D(x) - E_z mean_m log(1 - D(x_m))

The four choices: the players of ``networks/bernoulli.py``; a cross-entropy for D; weights over the samples
of one z; one phase in which D and G take turns. The estimator is the same as for text.

Differs from the authors' code for MNIST (rdevon/BGAN, dcgan_28_pub), in the preset ``paper`` too: 32 x 32
pixels, by a fixed threshold; both networks have the DCGAN's layers and initialisation, with batch norm in G
alone and SELU in D. The authors' G has a fully connected layer of 1024 units and two transposed convolutions
of kernel 5, their D two convolutions of kernel 5 and a fully connected layer of 1024, with LeakyReLU 0.2.
Latents are normal, theirs uniform.
"""

from __future__ import annotations

from dataclasses import dataclass

from image_gans.networks.bernoulli import BernoulliGenerator
from image_gans.schedule import ImageTraining, in_turns
from image_gans.techniques.fits import refuse_techniques
from image_gans.techniques.switches import equipped_game
from image_gans.techniques.technique_settings import NO_TECHNIQUES, Techniques
from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.bounds import Count, Several, bounded
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.estimators import BoundarySeeking
from seqgan_kit.core.game import Phase
from seqgan_kit.core.objectives import minimax


@dataclass(frozen=True)
@bounded
class BoundarySeekingImagesMethod:
    """Settings of boundary seeking; the defaults are those of the authors' code for discrete MNIST."""

    samples: Several = 20
    """Number M of images per latent vector, whose weights sum to 1."""
    judged_samples: Count = 0
    """Images of each latent vector that D learns from; 0: all M, as in the authors' code. With 1 D learns
    from as many generated images as real ones, at a fraction of the cost."""


PAPER = ImageTraining(
    generator_learning_rate=1e-4, discriminator_learning_rate=1e-4, batch_size=64, epochs=100.0
)
"""The settings of the authors' code for discrete MNIST."""


def build(
    generator: BernoulliGenerator,
    discriminator: Discriminator,
    method: BoundarySeekingImagesMethod,
    techniques: Techniques = NO_TECHNIQUES,
) -> AdversarialGame:
    """Return the game from its players and settings."""
    why = "D weighs each image by itself, as it is."
    refused = (
        "packing",
        "minibatch_kernels",
        "instance_noise",
        "augmentation",
        "consistency",
        "adversarial_epsilon",
    )
    refuse_techniques(techniques, "boundary seeking", why, *refused)
    estimator = BoundarySeeking(method.samples, judged=method.judged_samples)
    return equipped_game(generator, discriminator, minimax(), techniques, estimator=estimator)


def phases(training: ImageTraining, techniques: Techniques = NO_TECHNIQUES) -> tuple[Phase, ...]:
    """Return one phase in which D and G take turns."""
    return in_turns(training, techniques)
