"""RelGAN (Nie, Narodytska, Patel 2019: "RelGAN: Relational generative adversarial networks for text
generation").

    y_t = softmax(beta (l_t + n_t)),  the next input is the embedding of argmax y_t
    beta = beta_max^(n/N) in round n of N
    D minimises  mean_s f(D(x~_s) - D(y~_s)),  G  mean_s f(D(y~_s) - D(x~_s)),  f(u) = log(1 + exp(-u))
    x~_s, y~_s: the s-th of S embeddings of a real and a generated sequence

The four choices. Players: a relational memory and a CNN on S embedded representations. Objective:
relativistic on pairs. Estimator: relaxed samples. Schedule: MLE, then 5 updates of D per update of G.

Differs from the authors' code (weilinie/RelGAN): beta reaches beta_max in the last round, as the equation
says; the authors set N = 5000 but stop after 2,000 to 3,000 rounds (``--annealing-rounds 5000``, as in the
preset ``paper``). Rows end with EOS, and the likelihood leaves out padding, which the authors' code learns
like any token. D's highway layer has biases. Attention and layer norm differ as described in
``sequences/generators/relational_memory.py``.

The preset ``paper`` is the authors' run on Image COCO: 150 epochs of maximum likelihood, then 2,000 rounds of
one update of G and five of D, with beta_max 100. It trains on your text; the authors' text is 10,000 captions
of up to 37 words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from seqgan_kit.core.bounds import Bounds, Count, bounded
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Phase
from seqgan_kit.core.objectives import non_saturating, relativistic_pairs
from seqgan_kit.sequences.estimators.gumbel import GumbelSoftmax
from seqgan_kit.sequences.fine_tuning import FineTuning, fine_tuning_phases
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.sequence_game import SequenceGame


@dataclass(frozen=True)
@bounded
class RelGANMethod:
    """Settings of RelGAN."""

    beta_max: Annotated[float, Bounds(1, open_above=True)] = 100.0
    """Inverse temperature in the last adversarial round (the paper: 100 for quality, 1000 for diversity)."""
    annealing_rounds: Count = 0
    """N in beta = beta_max^(n/N), in rounds; 0: the number of adversarial rounds. The authors' code has 5000
    but stops after 2000 to 3000, so its beta stays below beta_max."""


def build(
    generator: SequenceGenerator,
    discriminator: Discriminator,
    method: RelGANMethod,
    training: FineTuning,
) -> SequenceGame:
    """Build the game from its players and settings."""
    estimator = GumbelSoftmax(
        1.0, 1.0 / method.beta_max, "geometric", feed="argmax", rounds=method.annealing_rounds
    )
    objective = relativistic_pairs(non_saturating())
    return SequenceGame(generator, discriminator, objective, estimator, training)


def phases(method: RelGANMethod, training: FineTuning, given: int = 0) -> tuple[Phase, ...]:
    """Return the phases: pretrain G and D, then train them in turn."""
    return fine_tuning_phases(training, given=given)
