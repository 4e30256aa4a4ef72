"""What the discriminator and the generator want, as pure functions of scores.

An objective is a pair. ``discriminator(real, fake)`` gives the two halves of D's loss, one value a sample;
``generator(fake, real)`` gives G's loss, one value a sample, so that an estimator that cannot differentiate
through the sample can use its negative as a reward. Scores are logits (or a critic's values): softplus
takes the place of ``log(sigmoid(x) + eps)``, whose gradient dies where it is needed.
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

    ``needs_real`` says that the generator's half looks at the real scores too. ``decision`` is the score
    at which D is undecided, reals above it, for measuring its accuracy; None where there is none (a critic).
    ``zero_sum`` says that G's half is minus D's half of fakes, so that G maximises what D minimises.
    """

    name: str
    discriminator: DiscriminatorLoss
    generator: GeneratorLoss
    needs_real: bool = False
    decision: float | None = 0.0
    zero_sum: bool = False


def _cross_entropy(smoothing: float) -> DiscriminatorLoss:
    """-(1-s) log sigma(real) - s log(1 - sigma(real)), and -log(1 - sigma(fake)).

    One-sided smoothing s (Salimans et al. 2016, section 3.4): only the real target is lowered.
    """
    if not 0.0 <= smoothing < 1.0:
        raise UsageError(f"label smoothing {smoothing} is outside [0, 1).")

    def loss(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        return (1 - smoothing) * F.softplus(-real) + smoothing * F.softplus(real), F.softplus(fake)

    return loss


def minimax(smoothing: float = 0.0) -> Objective:
    """G minimises log(1 - D) (Goodfellow et al. 2014, eq. 1)."""
    return Objective(
        "minimax",
        _cross_entropy(smoothing),
        lambda fake, real: -F.softplus(fake),
        zero_sum=True,
    )


def non_saturating(smoothing: float = 0.0) -> Objective:
    """G minimises -log D (Goodfellow et al. 2014, section 3)."""
    return Objective(
        "non_saturating", _cross_entropy(smoothing), lambda fake, real: F.softplus(-fake)
    )


def max_likelihood(smoothing: float = 0.0) -> Objective:
    """G minimises -exp(logit D) = -D/(1-D) (Goodfellow 2014, "On distinguishability criteria").

    Beyond a logit of 20, where D takes a fake to be e^20 times as likely as a real, it goes on straight:
    exp would leave float32 at 88, and its square, which Adam keeps, at 44.
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
"""What G may want against a D that classifies, by name: from D's label smoothing to the objective."""


def expected_probability(smoothing: float = 0.0) -> Objective:
    """G maximises E[D]: the reward of SeqGAN (Yu et al. 2017, eq. 4), D a probability."""
    return Objective(
        "expected_probability", _cross_entropy(smoothing), lambda fake, real: -fake.sigmoid()
    )


def expected_logit(smoothing: float = 0.0) -> Objective:
    """G maximises E[logit D], an unbounded reward; with optimal D its G minimises KL(G || data)."""
    return Objective("expected_logit", _cross_entropy(smoothing), lambda fake, real: -fake)


def boundary_seeking(smoothing: float = 0.0) -> Objective:
    """G minimises F^2/2 = (log D - log(1 - D))^2 / 2: up to D's decision boundary, and not beyond (Hjelm et
    al. 2018, for continuous data).

    Differs from the authors' code: no option to measure F from a moving average of log mean exp(F). (Measured
    from that of the batch itself, G would not be drawn to the boundary: F falls, and log Z with it.)
    """
    return Objective(
        "boundary_seeking", _cross_entropy(smoothing), lambda fake, real: 0.5 * fake.square()
    )


def least_squares(a: float = 0.0, b: float = 1.0, c: float = 1.0) -> Objective:
    """D: (real-b)^2/2, (fake-a)^2/2; G: (fake-c)^2/2 (Mao et al. 2017, eq. 2)."""
    return Objective(
        "least_squares",
        lambda real, fake: (0.5 * (real - b) ** 2, 0.5 * (fake - a) ** 2),
        lambda fake, real: 0.5 * (fake - c) ** 2,
        decision=(a + b) / 2 if b > a else None,
    )


def wasserstein() -> Objective:
    """D: -real, +fake; G: -fake (Arjovsky et al. 2017); the critic needs a Lipschitz constraint."""
    return Objective(
        "wasserstein",
        lambda real, fake: (-real, fake),
        lambda fake, real: -fake,
        decision=None,
        zero_sum=True,
    )


def hinge() -> Objective:
    """D: max(0, 1-real), max(0, 1+fake); G: -fake (Lim and Ye 2017; Miyato et al. 2018)."""
    return Objective(
        "hinge", lambda real, fake: (F.relu(1 - real), F.relu(1 + fake)), lambda fake, real: -fake
    )


def relativistic(inner: Objective) -> Objective:
    """Relativistic average (Jolicoeur-Martineau 2018, section 4.2): scores against the other side's mean.

    D: inner D loss of real - mean(fake) and fake - mean(real); G: the same with the roles exchanged, its two
    halves added sample by sample.
    """

    def discriminator(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        return inner.discriminator(real - fake.mean(), fake - real.mean())

    def generator(fake: Tensor, real: Tensor | None) -> Tensor:
        if real is None:
            raise UsageError("a relativistic generator loss needs the real scores too.")
        as_real, as_fake = inner.discriminator(fake - real.mean(), real - fake.mean())
        return as_real + as_fake

    return Objective(f"relativistic_{inner.name}", discriminator, generator, needs_real=True)


def relativistic_pairs(inner: Objective) -> Objective:
    """Relativistic (Jolicoeur-Martineau 2018, section 4.1): how much more real than its fake each real looks.

    D: inner loss f of a real at real - fake; G: f(fake - real); reals and fakes are paired in their order.
    With cross-entropy f(u) = -log sigma(u), RSGAN, the loss of RelGAN (Nie et al. 2019). A pair's loss is
    shared equally by its two halves.
    """

    def pairs(first: Tensor, second: Tensor) -> Tensor:
        if first.shape != second.shape:
            raise UsageError(
                f"relativistic pairs need as many reals as fakes, not {len(first)} and {len(second)}."
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
