"""RelGAN (Nie, Narodytska, Patel 2019: "RelGAN: Relational generative adversarial networks for text
generation").

    y_t = softmax(beta (l_t + n_t)),  the next input is the embedding of argmax y_t
    beta = beta_max^(n/N) in round n of N
    D minimises  mean_s f(D(x~_s) - D(y~_s)),  G  mean_s f(D(y~_s) - D(x~_s)),  f(u) = log(1 + exp(-u))
    x~_s, y~_s: the s-th of S embeddings of a real and of a generated sequence

The four choices: a relational memory and a CNN on S embedded representations; the relativistic objective on
pairs; relaxed samples; MLE, then 5 moves of D for one of G.

Differs from the authors' code (weilinie/RelGAN): beta is at beta_max in the last round, as the equation
says, where the code has N = 5000 and stops after 2,000 to 3,000 rounds (``--annealing-rounds 5000``, as in
the preset ``paper``); rows end by EOS, and likelihood leaves the padding out, which the code learns like
any token; D's highway layer has biases, attention and layer norm differ as said in
``sequences/generators/relational_memory.py``.

The preset ``paper`` is the authors' run on Image COCO: 150 epochs of likelihood, 2,000 rounds of one update
of G and five of D, beta_max 100. It trains on your text: theirs has 10,000 captions of up to 37 words.
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
    """N of beta = beta_max^(n/N), in rounds (the authors' code: 5000, of which it runs 2000 to 3000, so that
    beta stays below beta_max); 0: the number of adversarial rounds."""


def build(
    generator: SequenceGenerator,
    discriminator: Discriminator,
    method: RelGANMethod,
    training: FineTuning,
) -> SequenceGame:
    """The game from its players and settings."""
    estimator = GumbelSoftmax(
        1.0, 1.0 / method.beta_max, "geometric", feed="argmax", rounds=method.annealing_rounds
    )
    objective = relativistic_pairs(non_saturating())
    return SequenceGame(generator, discriminator, objective, estimator, training)


def phases(method: RelGANMethod, training: FineTuning) -> tuple[Phase, ...]:
    """Pretraining, then both in turns."""
    return fine_tuning_phases(training)
