"""Gumbel-softmax GAN (Kusner and Hernandez-Lobato 2016: "GANs for sequences of discrete elements with the
Gumbel-softmax distribution"; Jang, Gu, Poole 2017: "Categorical reparameterization with Gumbel-softmax").

    y_t = softmax((l_t + n_t) / tau),  l_t = G's logits given y_<t,  n_t Gumbel noise
    D maximises  E_data log D(x) + E_G log(1 - D(y));  G maximises  E log D(y), straight through y
    straight through: y_t is the one-hot of its largest entry in value and the softmax in gradient

The four choices: any generator that writes token by token and any discriminator; the non-saturating
objective; relaxed samples; MLE, then D, then both in turns while tau falls.

Differs from the papers: Kusner and Hernandez-Lobato train from scratch, here likelihood pretrains unless
``mle_epochs`` is 0 (the preset ``paper``); tau falls geometrically (linearly if asked, as theirs does from 5
to 1) and is at its stated end in the last round; networks, initialisation and schedule are SeqGAN's, in the
preset ``paper`` too (one LSTM each for G and D in Kusner's and Hernandez-Lobato's, on strings of a grammar).
"""

from __future__ import annotations

from dataclasses import dataclass

from seqgan_kit.core.bounds import Above0, bounded
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Phase
from seqgan_kit.core.objectives import non_saturating
from seqgan_kit.sequences.estimators.gumbel import Course, GumbelSoftmax
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
    """Temperature in the last."""
    temperature_course: Course = "geometric"
    """geometric: falls by the same factor every round. linear: by the same amount."""
    straight_through: bool = False
    """D sees exact one-hots; G's gradient is that of the soft ones."""


def build(
    generator: SequenceGenerator,
    discriminator: Discriminator,
    method: GumbelSoftmaxMethod,
    training: FineTuning,
) -> SequenceGame:
    """The game from its players and settings."""
    estimator = GumbelSoftmax(
        method.initial_temperature,
        method.final_temperature,
        method.temperature_course,
        hard=method.straight_through,
    )
    return SequenceGame(generator, discriminator, non_saturating(), estimator, training)


def phases(method: GumbelSoftmaxMethod, training: FineTuning) -> tuple[Phase, ...]:
    """Pretraining, then both in turns."""
    return fine_tuning_phases(training)
