"""InfoGAN: latent codes that can be recovered from images (Chen, Duan, Houthooft, Schulman, Sutskever,
Abbeel 2016, "InfoGAN: interpretable representation learning by information maximizing generative
adversarial nets").

With scores s = logit D, codes c beside the noise z, and a recogniser Q(c | x) on the features of D's trunk:

    L_I(G, Q) = E_{c, z}[log Q(c | G(z, c))] + H(c)  <=  I(c; G(z, c))
    D minimises      -E[log sigma(s(x))] - E[log(1 - sigma(s(G(z, c))))]
    G, Q minimise    -E[log sigma(s(G(z, c)))] - l_c L_I(categorical) - l_u L_I(continuous)

Categorical codes are uniform over their classes, and Q is a softmax. Continuous codes are uniform on -1..1,
and Q is normal with a predicted mean and deviation. L_I is logged in nats, with Q's accuracy on the codes.

The four choices: any pair of networks and Q as a third player; a cross-entropy and L_I; the pathwise
gradient; D and then G with Q take turns.

Differs from the authors' code (openai/InfoGAN), in the preset ``paper`` too: DCGAN's networks at 32 pixels
(there, at 28: two convolutions of 64 and 128 channels and a layer of 1,024 units in D, mirrored in G, whose
output is a sigmoid), and no batch norm in Q's hidden layer; Q reads D's features and does not move D's trunk,
and steps with G (there the trunk is shared, D minimises -L_I too, and Q steps with D); normal noise; Q's
deviations are learnt (there 1).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from image_gans.networks.coded import CodedGenerator, CodeReader
from image_gans.networks.labelled import feature_count
from image_gans.schedule import (
    ImageTraining,
    adversarial_phase,
    discriminator_turn,
    generator_turn,
)
from image_gans.techniques.fits import refuse_techniques
from image_gans.techniques.switches import equipped_game
from image_gans.techniques.technique_settings import NO_TECHNIQUES, Techniques
from seqgan_kit.core.adversarial import AdversarialGame, Pathwise
from seqgan_kit.core.bounds import Share, Size, Weight, bounded
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Batch, Loss, Move, Phase
from seqgan_kit.core.objectives import non_saturating


@dataclass(frozen=True)
@bounded
class InfoGANMethod:
    """Settings of InfoGAN: weights of the codes, and the recogniser's size."""

    categorical_weight: Weight = 1.0
    """Weight l_c of the mutual information with categorical codes (1 in the paper)."""
    continuous_weight: Weight = 1.0
    """Weight l_u of the mutual information with continuous codes (1 in the authors' code)."""
    recogniser_width: Size = 128
    """Units of Q's hidden layer (128 in the paper)."""
    label_smoothing: Share = 0.0
    """Label smoothing: real images get the target 1 minus this (0.1 is usual)."""


PAPER = ImageTraining(generator_learning_rate=1e-3, batch_size=128, epochs=10.7)
"""The settings for MNIST (appendix C.1): 5,000 rounds in the authors' code."""


def categorical_information(logits: Sequence[Tensor], codes: Sequence[Tensor]) -> Tensor:
    """Compute L_I of uniform categorical codes, in nats: sum over codes of log C_k - cross-entropy.

    Takes logits [N,C_k] and classes [N] of each code. At most sum log C_k, if Q is certain and correct.
    """
    terms = [
        math.log(q.shape[1]) - F.cross_entropy(q, c) for q, c in zip(logits, codes, strict=True)
    ]
    return torch.stack(terms).sum() if terms else torch.zeros(())


def continuous_information(means: Tensor, deviations: Tensor, codes: Tensor) -> Tensor:
    """Compute L_I of codes uniform on -1..1, in nats, for a normal Q; all arguments are [N,M].

    sum over codes of log 2 - E[log s + log(2 pi)/2 + (u - m)^2 / (2 s^2)]
    """
    errors = (codes - means) / deviations
    surprise = deviations.log() + 0.5 * math.log(2 * math.pi) + 0.5 * errors.square()
    return (math.log(2.0) - surprise.mean(0)).sum()


@dataclass(frozen=True)
class InformedPathwise(Pathwise):
    """Pathwise gradient of the score and of the codes' mutual information."""

    method: InfoGANMethod
    """The weights l_c and l_u."""

    def generator_loss(
        self, game: AdversarialGame[CodedGenerator], batch: Batch, move: Move
    ) -> Loss:
        """Return the loss of G and Q: the objective's G half minus the weighted L_I."""
        generator = game.generator
        latents = generator.latents(len(batch["real"]), move.rng)
        verdict = game.discriminate(generator(latents))
        adversarial = game.objective.generator(verdict.score, None).mean()
        classes, continuous = generator.codes(latents)
        logits, means, deviations = game.players["recogniser"](verdict.features)
        logs: dict[str, Tensor | float] = {"generator_loss": adversarial}
        total = adversarial
        if classes:
            logs["categorical_information"] = categorical_information(logits, classes)
            total = total - self.method.categorical_weight * logs["categorical_information"]
        if continuous.shape[1]:
            logs["continuous_information"] = continuous_information(means, deviations, continuous)
            total = total - self.method.continuous_weight * logs["continuous_information"]
        return Loss(total, logs)


def build(
    generator: CodedGenerator,
    discriminator: Discriminator,
    method: InfoGANMethod,
    techniques: Techniques = NO_TECHNIQUES,
) -> AdversarialGame:
    """Return the game from its players and settings; the recogniser is made here."""
    refuse_techniques(techniques, "InfoGAN", "Q reads the codes of one image at a time.", "packing")
    features = feature_count(discriminator)
    recogniser = CodeReader(features, generator.config.codes, method.recogniser_width)
    return equipped_game(
        generator,
        discriminator,
        non_saturating(method.label_smoothing),
        techniques,
        estimator=InformedPathwise(method),
        others={"recogniser": recogniser},
    )


def phases(training: ImageTraining, techniques: Techniques = NO_TECHNIQUES) -> tuple[Phase, ...]:
    """Return one phase in which D takes turns with G and Q."""
    informed = generator_turn(training, techniques, with_players=("recogniser",))
    return (adversarial_phase(training, discriminator_turn(training, techniques), informed),)
