"""Losses of discriminator and generator, as pure functions of scores.

An objective is a pair of functions. ``discriminator(real, fake)`` returns the two halves of D's loss, one
value per sample. ``generator(fake, real)`` returns G's loss, one value per sample, so an estimator that
cannot differentiate through the sample can use its negative as a reward. Scores are logits (or values of a
critic). Losses use softplus in place of ``log(sigmoid(x) + eps)``, whose gradient vanishes where D is
confident.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from seqgan_kit.errors import UsageError

DiscriminatorLoss = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
GeneratorLoss = Callable[[Tensor, Tensor | None], Tensor]

_STRAIGHT_FROM = 20.0


@dataclass(frozen=True)
class Objective:
    """A pair of losses on scores.

    ``needs_real``: the generator's half also reads the real scores. ``decision``: the score at which D is
    undecided, with reals above it, used to measure accuracy; None for a critic. ``zero_sum``: G's half is
    minus D's half on fakes, so G maximises what D minimises. ``compares_pairs``: D says which of two samples
    is real, so its accuracy is the share of pairs with the higher score on the real one. ``compares_means``:
    a score's loss reads the mean of the other side's scores, so it is no mean over samples.
    """

    name: str
    discriminator: DiscriminatorLoss
    generator: GeneratorLoss
    needs_real: bool = False
    decision: float | None = 0.0
    zero_sum: bool = False
    compares_pairs: bool = False
    compares_means: bool = False


def _cross_entropy(smoothing: float) -> DiscriminatorLoss:
    """Return the loss -(1-s) log sigma(real) - s log(1 - sigma(real)), and -log(1 - sigma(fake)).

    One-sided smoothing s (Salimans et al. 2016, section 3.4): only the real target is lowered.
    """
    if not 0.0 <= smoothing < 1.0:
        raise UsageError(f"label smoothing is {smoothing}; use at least 0 and below 1.")

    def loss(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        return (1 - smoothing) * F.softplus(-real) + smoothing * F.softplus(real), F.softplus(fake)

    return loss


def minimax(smoothing: float = 0.0) -> Objective:
    """Minimax: G minimises log(1 - D) (Goodfellow et al. 2014, eq. 1)."""
    return Objective(
        "minimax",
        _cross_entropy(smoothing),
        lambda fake, real: -F.softplus(fake),
        zero_sum=True,
    )


def non_saturating(smoothing: float = 0.0) -> Objective:
    """Non-saturating: G minimises -log D (Goodfellow et al. 2014, section 3)."""
    return Objective(
        "non_saturating", _cross_entropy(smoothing), lambda fake, real: F.softplus(-fake)
    )


def max_likelihood(smoothing: float = 0.0) -> Objective:
    """Maximum likelihood: G minimises -exp(logit D) = -D/(1-D) (Goodfellow 2014, "On distinguishability
    criteria").

    Above a logit of 20 the loss continues linearly: in float32, exp overflows at 88, and its square, which
    Adam stores, at 44.
    """

    def generator(fake: Tensor, real: Tensor | None) -> Tensor:
        bounded = fake.clamp(max=_STRAIGHT_FROM)
        return -bounded.exp() * (1 + fake - bounded)

    return Objective("max_likelihood", _cross_entropy(smoothing), generator)


CROSS_ENTROPY: Mapping[str, Callable[[float], Objective]] = {
    "non_saturating": non_saturating,
    "minimax": minimax,
    "max_likelihood": max_likelihood,
}
"""Objectives for a classifying D by name; each is a function of D's label smoothing."""


def expected_probability(smoothing: float = 0.0) -> Objective:
    """Expected probability: G maximises E[D], with D a probability; SeqGAN's reward (Yu et al. 2017, eq.
    4)."""
    return Objective(
        "expected_probability", _cross_entropy(smoothing), lambda fake, real: -fake.sigmoid()
    )


def expected_logit(smoothing: float = 0.0) -> Objective:
    """Expected logit: G maximises E[logit D], an unbounded reward; with the optimal D it minimises KL(G ||
    data)."""
    return Objective("expected_logit", _cross_entropy(smoothing), lambda fake, real: -fake)


def boundary_seeking(smoothing: float = 0.0) -> Objective:
    """Boundary seeking: G minimises F^2/2 = (log D - log(1 - D))^2 / 2, which is 0 at D's decision boundary
    (Hjelm et al. 2018, for continuous data).

    Differs from the authors' code: there is no option to subtract a moving average of log Z = log mean exp(F)
    from F. (With the batch's own log Z, G would not move to the boundary: F falls, and log Z falls with it.)
    """
    return Objective(
        "boundary_seeking", _cross_entropy(smoothing), lambda fake, real: 0.5 * fake.square()
    )


def least_squares(a: float = 0.0, b: float = 1.0, c: float = 1.0) -> Objective:
    """Least squares. D: (real-b)^2/2, (fake-a)^2/2; G: (fake-c)^2/2 (Mao et al. 2017, eq. 2)."""
    return Objective(
        "least_squares",
        lambda real, fake: (0.5 * (real - b) ** 2, 0.5 * (fake - a) ** 2),
        lambda fake, real: 0.5 * (fake - c) ** 2,
        decision=(a + b) / 2 if b > a else None,
    )


def wasserstein() -> Objective:
    """Wasserstein. D: -real, +fake; G: -fake (Arjovsky et al. 2017); the critic needs a Lipschitz
    constraint."""
    return Objective(
        "wasserstein",
        lambda real, fake: (-real, fake),
        lambda fake, real: -fake,
        decision=None,
        zero_sum=True,
    )


def hinge() -> Objective:
    """Hinge. D: max(0, 1-real), max(0, 1+fake); G: -fake (Lim and Ye 2017; Miyato et al. 2018)."""
    return Objective(
        "hinge", lambda real, fake: (F.relu(1 - real), F.relu(1 + fake)), lambda fake, real: -fake
    )


def total_variation() -> Objective:
    """Total variation. D: -tanh(real), +tanh(fake); G: -tanh(fake).

    The f-GAN of f(u) = |u - 1| / 2 with tanh as its output activation (Nowozin et al. 2016, table 6): the
    largest E_data tanh D - E_G tanh D over all D is twice the total variation distance.
    """
    return Objective(
        "total_variation",
        lambda real, fake: (-real.tanh(), fake.tanh()),
        lambda fake, real: -fake.tanh(),
        zero_sum=True,
    )


def relativistic(inner: Objective) -> Objective:
    """Relativistic average: each score is compared with the other side's mean (Jolicoeur-Martineau 2018,
    section 4.2).

    D: the inner D loss of real - mean(fake) and fake - mean(real). G: the same with real and fake exchanged,
    and the two halves added sample by sample.
    """

    def discriminator(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        return inner.discriminator(real - fake.mean(), fake - real.mean())

    def generator(fake: Tensor, real: Tensor | None) -> Tensor:
        if real is None:
            raise UsageError("a relativistic generator loss needs the real scores too.")
        as_real, as_fake = inner.discriminator(fake - real.mean(), real - fake.mean())
        return as_real + as_fake

    return Objective(
        f"relativistic_{inner.name}",
        discriminator,
        generator,
        needs_real=True,
        compares_means=True,
    )


def relativistic_pairs(inner: Objective) -> Objective:
    """Relativistic on pairs: each real score is compared with that of one fake (Jolicoeur-Martineau 2018,
    section 4.1).

    D: f(real - fake), with f the inner loss of a real; G: f(fake - real). Reals and fakes are paired in
    order. With cross-entropy, f(u) = -log sigma(u), this is RSGAN, the loss of RelGAN (Nie et al. 2019). Each
    half of a pair gets half of the pair's loss.
    """

    def pairs(first: Tensor, second: Tensor) -> Tensor:
        if first.shape != second.shape:
            raise UsageError(
                f"relativistic pairs need as many reals as fakes; got {len(first)} and {len(second)}."
            )
        difference = first - second
        return inner.discriminator(difference, -difference)[0]

    def discriminator(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        half = pairs(real, fake) / 2
        return half, half

    def generator(fake: Tensor, real: Tensor | None) -> Tensor:
        if real is None:
            raise UsageError("a relativistic generator loss needs the real scores too.")
        return pairs(fake, real)

    return Objective(f"relativistic_pairs_{inner.name}", discriminator, generator, needs_real=True)


def preferred_score() -> Objective:
    """Bradley-Terry on pairs of a real and a generated sample: D: -log sigma(real - fake); G: -fake.

    The loss of reward models, with a real sample as the preferred one (Ye et al. 2025, GAD).
    """
    pairs = relativistic_pairs(non_saturating())
    return Objective(
        "preferred_score",
        pairs.discriminator,
        lambda fake, real: -fake,
        decision=None,
        compares_pairs=True,
    )


def preferred_probability() -> Objective:
    """The same D; G maximises sigma(fake - real), the probability that D takes the fake for the real sample.

    It is the contrastive discriminator of TextGAIL (Wu et al. 2021).
    """
    pairs = relativistic_pairs(non_saturating())

    def generator(fake: Tensor, real: Tensor | None) -> Tensor:
        if real is None:
            raise UsageError("a contrastive generator loss needs the real scores too.")
        return -(fake - real).sigmoid()

    return Objective(
        "preferred_probability",
        pairs.discriminator,
        generator,
        needs_real=True,
        decision=None,
        compares_pairs=True,
    )
