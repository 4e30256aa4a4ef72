"""Gumbel-softmax GAN (Kusner and Hernández-Lobato 2016: "GANs for sequences of discrete elements with the
Gumbel-softmax distribution"; Jang, Gu, Poole 2017: "Categorical reparameterization with Gumbel-softmax").

    y_t = softmax((l_t + n_t) / tau),  l_t = G's logits given y_<t,  n_t Gumbel noise
    D maximises  E_data log D(x) + E_G log(1 - D(y));  G maximises  E log D(y), straight through y
    straight-through: the forward pass uses the one-hot of y_t's largest entry, the gradient is that of y_t

The four choices. Players: any token-by-token generator and any discriminator. Objective: non-saturating.
Estimator: relaxed samples. Schedule: MLE, then D alone, then D and G in turn while tau falls.

Differs from the papers: Kusner and Hernández-Lobato train from scratch; here maximum likelihood pretrains G
unless ``mle_epochs`` is 0 (as in the preset ``paper``). tau falls geometrically, or linearly on request (as
theirs does, from 5 to 1), and reaches its final value in the last round. Networks, initialisation and
schedule are SeqGAN's, also in the preset ``paper``; theirs are one LSTM each for G and D, on strings of a
grammar.
"""

from __future__ import annotations

from dataclasses import dataclass

from seqgan_kit.core.bounds import Above0, bounded
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Phase
from seqgan_kit.core.objectives import non_saturating
from seqgan_kit.sequences.estimators.gumbel import GumbelSoftmax
from seqgan_kit.sequences.estimators.temperatures import Course
from seqgan_kit.sequences.fine_tuning import FineTuning, fine_tuning_phases
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.sequence_game import SequenceGame


@dataclass(frozen=True)
@bounded
class GumbelSoftmaxMethod:
    """Settings of the relaxation."""

    initial_temperature: Above0 = 1.0
    """Temperature in the first adversarial round."""
    final_temperature: Above0 = 0.1
    """Temperature in the last adversarial round."""
    temperature_course: Course = "geometric"
    """How the temperature falls. geometric: by the same factor every round. linear: by the same amount.
    constant: the final temperature in all rounds. inverse_*: its inverse rises linearly, or as the logarithm,
    sigmoid, square or square root of the share of the rounds."""
    straight_through: bool = False
    """Straight-through estimator: D reads exact one-hots, and G gets the gradient of the soft tokens."""


def build(
    generator: SequenceGenerator,
    discriminator: Discriminator,
    method: GumbelSoftmaxMethod,
    training: FineTuning,
) -> SequenceGame:
    """Build the game from its players and settings."""
    estimator = GumbelSoftmax(
        method.initial_temperature,
        method.final_temperature,
        method.temperature_course,
        hard=method.straight_through,
    )
    return SequenceGame(generator, discriminator, non_saturating(), estimator, training)


def phases(method: GumbelSoftmaxMethod, training: FineTuning, given: int = 0) -> tuple[Phase, ...]:
    """Return the phases: pretrain G and D, then train them in turn."""
    return fine_tuning_phases(training, given=given)
