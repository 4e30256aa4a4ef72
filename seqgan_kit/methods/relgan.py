"""RelGAN (Nie, Narodytska, Patel 2019: "RelGAN: Relational generative adversarial networks for text
generation").

    y_t = softmax(beta (l_t + n_t)),  the next input is the embedding of argmax y_t
    beta = beta_max^(n/N) in round n of N
    D minimises  mean_s f(D(x~_s) - D(y~_s)),  G  mean_s f(D(y~_s) - D(x~_s)),  f(u) = log(1 + exp(-u))
    x~_s, y~_s: the s-th of S embeddings of a real and a generated sequence

    other losses of the authors' code, means over all S scores r of reals and f of fakes:
    standard  D  softplus(-r) + softplus(f)     G  softplus(-f)     js  G  -softplus(f)     kl  G  -f
    hinge     D  relu(1-r) + relu(1+f)          G  -f
    tv        D  tanh(f) - tanh(r)              G  -tanh(f)
    ls        D  (r-1)^2/2 + f^2/2              G  (f-1)^2/2
    wgan_gp   D  f - r + lambda (||grad_x' sum_s D_s(x')|| - 1)^2           G  -f

The four choices. Players: a relational memory and a CNN on S embedded representations. Objective:
relativistic on pairs. Estimator: relaxed samples. Schedule: MLE, then 5 updates of D per update of G.

Differs from the authors' code (weilinie/RelGAN): beta reaches beta_max in the last round, as the equation
says; the authors set N = 5000 but stop after 2,000 to 3,000 rounds (``--annealing-rounds 5000``, as in the
preset ``paper``). Where four of their temperature policies divide by N - 1, all divide by N here, and their
least squares are not halved. Rows end with EOS, and the likelihood leaves out padding, which the authors'
code learns like any token. D's highway layer has biases. Attention and layer norm differ as described in
``sequences/generators/relational_memory.py``.

The preset ``paper`` is the authors' run on Image COCO: 150 epochs of maximum likelihood, then 2,000 rounds of
one update of G and five of D, with beta_max 100. It trains on your text; the authors' text is 10,000 captions
of up to 37 words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from seqgan_kit.core.bounds import Bounds, Count, Weight, bounded
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Phase
from seqgan_kit.core.objectives import (
    Objective,
    expected_logit,
    hinge,
    least_squares,
    minimax,
    non_saturating,
    relativistic_pairs,
    total_variation,
    wasserstein,
)
from seqgan_kit.core.penalties import GradientPenalty
from seqgan_kit.sequences.estimators.gumbel import GumbelSoftmax
from seqgan_kit.sequences.estimators.temperatures import Course
from seqgan_kit.sequences.fine_tuning import FineTuning, fine_tuning_phases
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.sequence_game import SequenceGame
from seqgan_kit.sequences.soft_tokens import SoftTokenPenalty

LossName = Literal["rsgan", "standard", "js", "kl", "hinge", "tv", "wgan_gp", "ls"]
Policy = Literal["exp", "no", "lin", "log", "sigmoid", "quad", "sqrt"]

LOSSES: Mapping[str, Callable[[], Objective]] = {
    "rsgan": lambda: relativistic_pairs(non_saturating()),
    "standard": non_saturating,
    "js": minimax,
    "kl": expected_logit,
    "hinge": hinge,
    "tv": total_variation,
    "wgan_gp": wasserstein,
    "ls": least_squares,
}
"""Objectives by the names of the authors' code (``gan_type``)."""

POLICIES: Mapping[str, Course] = {
    "exp": "geometric",
    "no": "constant",
    "lin": "inverse_linear",
    "log": "inverse_log",
    "sigmoid": "inverse_sigmoid",
    "quad": "inverse_quadratic",
    "sqrt": "inverse_root",
}
"""Courses of the temperature by the names of the authors' code (``adapt``)."""


@dataclass(frozen=True)
@bounded
class RelGANMethod:
    """Settings of RelGAN."""

    beta_max: Annotated[float, Bounds(1, open_above=True)] = 100.0
    """Inverse temperature in the last adversarial round (the paper: 100 for quality, 1000 for diversity)."""
    annealing_rounds: Count = 0
    """N in beta = beta_max^(n/N), in rounds; 0: the number of adversarial rounds. The authors' code has 5000
    but stops after 2000 to 3000, so its beta stays below beta_max."""
    temperature_policy: Policy = "exp"
    """How beta rises from 1 to beta_max. exp: by the same factor every round, as in the paper. lin: by the
    same amount. log, sigmoid, quad, sqrt: as that function of the round. no: beta is always beta_max."""
    loss: LossName = "rsgan"
    """Losses of D and G. rsgan: the paper's. The others are those of the authors' code."""
    penalty_weight: Weight = 10.0
    """lambda: weight of the gradient penalty of the loss wgan_gp; other losses have no penalty."""


def build(
    generator: SequenceGenerator,
    discriminator: Discriminator,
    method: RelGANMethod,
    training: FineTuning,
) -> SequenceGame:
    """Build the game from its players and settings."""
    course = POLICIES[method.temperature_policy]
    estimator = GumbelSoftmax(
        1.0, 1.0 / method.beta_max, course, feed="argmax", rounds=method.annealing_rounds
    )
    penalties = (
        (SoftTokenPenalty(GradientPenalty(method.penalty_weight)),)
        if method.loss == "wgan_gp"
        else ()
    )
    objective = LOSSES[method.loss]()
    return SequenceGame(generator, discriminator, objective, estimator, training, penalties)


def phases(method: RelGANMethod, training: FineTuning, given: int = 0) -> tuple[Phase, ...]:
    """Return the phases: pretrain G and D, then train them in turn."""
    return fine_tuning_phases(training, given=given)
