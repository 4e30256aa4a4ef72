r"""Divergences between a generator G and a world P whose probabilities are both known exactly.

If log G(x) and log P(x) are known, the divergences are means over samples. They are exact except for the
sampling error, which every ``Estimate`` contains. The unit is nats per sequence.

    validity          v = P_G(P(x) > 0)
    reverse KL        KL(G_v || P) = E_G[log G - log P | P > 0] - log v,   G_v = G given P > 0
    skewed reverse KL KL(G || M)   = E_G[log G - log M],                   M = (1-a) P + a G
    forward KL        KL(P || G)   = E_P[log P - log G]
    Jensen-Shannon    JS(P, G)     = (KL(P || H) + KL(G || H)) / 2,        H = (P + G) / 2
    head coverage     C = sum_{x in head, drawn} P(x) / sum_{x in head} P(x)

**Why the reverse KL is conditional.** E_G[log G - log P] is infinite if G gives any mass to what P
excludes, and every untruncated softmax does. So the number is split. ``validity`` measures the lost mass,
and ``reverse_kl`` how the rest differs from P. The term -log v belongs to it because G_v is renormalised
(G_v = G/v); without it the number could be negative. Read both together: a generator with one valid
sentence in a thousand can have a small reverse KL. The skewed form (Lee 1999) combines both. It is finite
(at most -log a), 0 only if G = P, and each invalid sample costs the full -log a.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seqgan_kit.errors import DataError, UsageError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """An estimate from samples with its standard error."""

    value: float
    """The estimate."""
    standard_error: float
    """Standard deviation over repetitions of the sampling."""

    def __str__(self) -> str:
        return f"{self.value:.4g} ± {self.standard_error:.2g}"


def validity(log_p_of_samples: ArrayLike) -> Estimate:
    """Estimate the share of the generator's samples that the world can produce.

    Args:
        log_p_of_samples: log P [N] of samples of G; -inf where P = 0.
    """
    return _mean(np.isfinite(_log_probs(log_p_of_samples, "log_p_of_samples")).astype(float))


def reverse_kl(log_g_of_samples: ArrayLike, log_p_of_samples: ArrayLike) -> Estimate | None:
    """Estimate KL(G given validity || P), including the mass term -log v; None if no sample is valid.

    Let z indicate validity, d = log G - log P on valid samples and m their mean. The influence of a sample
    is (z (d - m) - (z - v)) / v (delta method); its spread gives the error.

    Args:
        log_g_of_samples: log G [N] of samples of G.
        log_p_of_samples: log P [N] of the same samples; -inf where P = 0.
    """
    log_g, log_p = _pair(log_g_of_samples, log_p_of_samples, "samples")
    valid = np.isfinite(log_p)
    share = float(valid.mean())
    if share == 0.0:
        return None
    difference = np.where(valid, log_g - np.where(valid, log_p, 0.0), 0.0)
    mean = float(difference.sum()) / float(valid.sum())
    influence = (valid * (difference - mean) - (valid - share)) / share
    return Estimate(mean - math.log(share), _mean(influence).standard_error)


def skewed_reverse_kl(
    log_g_of_samples: ArrayLike, log_p_of_samples: ArrayLike, share_of_g: float = 0.01
) -> Estimate:
    """Estimate KL(G || (1-a) P + a G), which is finite even if G leaves the support of P.

    Args:
        log_g_of_samples: log G [N] of samples of G.
        log_p_of_samples: log P [N] of the same samples; -inf where P = 0.
        share_of_g: share a in (0, 1); the value is at most -log a.
    """
    if not 0.0 < share_of_g < 1.0:
        raise UsageError(f"share_of_g must be between 0 and 1, both excluded, got {share_of_g}.")
    log_g, log_p = _pair(log_g_of_samples, log_p_of_samples, "samples")
    return _mean(_against_mixture(log_g, log_p, share_of_g))


def forward_kl(log_p_of_real: ArrayLike, log_g_of_real: ArrayLike) -> Estimate:
    """Estimate KL(P || G), which is infinite if G excludes a real sample.

    Args:
        log_p_of_real: log P [N] of samples of P.
        log_g_of_real: log G [N] of the same samples.
    """
    log_p, log_g = _pair(log_p_of_real, log_g_of_real, "real samples")
    if np.isneginf(log_g).any():
        return Estimate(math.inf, 0.0)
    return _mean(log_p - log_g)


def jensen_shannon(
    log_g_of_samples: ArrayLike,
    log_p_of_samples: ArrayLike,
    log_p_of_real: ArrayLike,
    log_g_of_real: ArrayLike,
) -> Estimate:
    """Estimate the Jensen-Shannon divergence, in [0, log 2], which the minimax GAN minimises.

    Args:
        log_g_of_samples: log G [N] of samples of G.
        log_p_of_samples: log P [N] of the same samples; -inf where P = 0.
        log_p_of_real: log P [M] of samples of P.
        log_g_of_real: log G [M] of the same samples.
    """
    of_g = _against_mixture(*_pair(log_g_of_samples, log_p_of_samples, "samples"), 0.5)
    of_p = _against_mixture(*_pair(log_p_of_real, log_g_of_real, "real samples"), 0.5)
    from_g, from_p = _mean(of_g), _mean(of_p)
    error = math.hypot(from_g.standard_error, from_p.standard_error)
    return Estimate((from_g.value + from_p.value) / 2, error / 2)


def head_counts(samples: Iterable[Hashable], head: Sequence[Hashable]) -> NDArray[np.int64]:
    """Count how often each member of the head (the world's most probable items) was sampled: [H]."""
    position = {item: at for at, item in enumerate(head)}
    counts = np.zeros(len(head), np.int64)
    for item in samples:
        if item in position:
            counts[position[item]] += 1
    return counts


def head_coverage(log_p_of_head: ArrayLike, counts: ArrayLike, n_samples: int) -> Estimate:
    """Estimate the share of the head's mass that occurs among ``n_samples`` samples.

    Compare it with ``expected_head_coverage`` for the same number of samples. The error is the jackknife's:
    leaving out a sample matters only if it alone hit its item. The error is not underestimated (Efron and
    Stein 1981).

    Args:
        log_p_of_head: log P [H] of the head's members.
        counts: number of samples [H] of each member.
        n_samples: total number of samples, including those outside the head.
    """
    mass = _head_mass(log_p_of_head)
    drawn = np.asarray(counts)
    if drawn.shape != mass.shape or n_samples < max(1, drawn.sum()):
        raise DataError(
            f"counts have shape {drawn.shape} and sum {drawn.sum()}, but the head has "
            f"{mass.size} items and there are {n_samples} samples."
        )
    lost = mass[
        drawn == 1
    ]  # Only samples that alone hit their item lose coverage when they are left out.
    spread = float((lost**2).sum() - lost.sum() ** 2 / n_samples)
    variance = (n_samples - 1) / n_samples * spread
    return Estimate(float(mass[drawn > 0].sum()), math.sqrt(max(0.0, variance)))


def expected_head_coverage(log_p_of_head: ArrayLike, n_samples: int) -> Estimate:
    """Return the exact expected coverage of ``n_samples`` real samples: E C = sum p (1 - (1-p)^n) / sum p.

    The standard error is an upper bound for one such sample: hits of different items are negatively
    correlated, so the variance is at most the sum of their variances.

    Args:
        log_p_of_head: log P [H] of the head's members.
        n_samples: number of samples.
    """
    if n_samples < 1:
        raise UsageError(f"n_samples must be 1 or more, got {n_samples}.")
    mass = _head_mass(log_p_of_head)
    probability = np.minimum(1.0, np.exp(np.asarray(log_p_of_head, np.float64)))
    missed = (1.0 - probability) ** n_samples
    variance = (mass**2 * missed * (1.0 - missed)).sum()
    return Estimate(float((mass * (1.0 - missed)).sum()), float(np.sqrt(variance)))


def _against_mixture(log_own: Floats, log_other: Floats, share_of_own: float) -> Floats:
    """Return log(own / ((1-a) other + a own)) [N], where a is the share of own."""
    mixture = np.logaddexp(math.log1p(-share_of_own) + log_other, math.log(share_of_own) + log_own)
    return np.asarray(log_own - mixture)


def _mean(values: Floats) -> Estimate:
    """Return the mean and its standard error, which is nan for a single value."""
    error = float(values.std(ddof=1)) / math.sqrt(values.size) if values.size > 1 else math.inf
    return Estimate(float(values.mean()), error)


def _head_mass(log_p_of_head: ArrayLike) -> Floats:
    """Return the shares [H] of the head's mass."""
    probabilities = np.exp(_log_probs(log_p_of_head, "log_p_of_head"))
    return np.asarray(probabilities / probabilities.sum())


def _pair(own: ArrayLike, other: ArrayLike, of: str) -> tuple[Floats, Floats]:
    """Check log-probabilities of samples under their own distribution and under the other."""
    log_own, log_other = _log_probs(own, f"of {of}"), _log_probs(other, f"of {of}")
    if log_own.shape != log_other.shape:
        raise DataError(
            f"both log-probabilities must be of the same {of}, got {log_own.size} and "
            f"{log_other.size}."
        )
    if np.isneginf(log_own).any():
        raise DataError(
            f"log-probabilities of {of} are -inf under their own distribution: check that the "
            "arguments are not swapped and the samples come from it."
        )
    return log_own, log_other


def _log_probs(values: ArrayLike, name: str) -> Floats:
    array = np.asarray(values, np.float64)
    if array.ndim != 1 or array.size == 0:
        raise DataError(
            f"log-probabilities ({name}) must be a list of numbers, got shape {array.shape}."
        )
    if np.isnan(array).any() or (array > 1e-6).any():
        raise DataError(
            f"log-probabilities ({name}) must be 0 or less, got {array[~(array <= 1e-6)][0]}."
        )
    return array


def all_divergences(
    log_g: NDArray[np.float64],
    log_p: NDArray[np.float64],
    real_log_p: NDArray[np.float64],
    real_log_g: NDArray[np.float64],
) -> dict[str, Estimate]:
    """Return the divergences of a generator g from a known p.

    Args:
        log_g: [N], of the generator's samples.
        log_p: [N], of the same.
        real_log_p: [M], of real rows.
        real_log_g: [M], of the same.
    """
    # Without a valid sample there is no distribution of valid ones, so the divergence is infinite.
    reverse = reverse_kl(log_g, log_p) or Estimate(math.inf, 0.0)
    return {
        "forward_kl": forward_kl(real_log_p, real_log_g),
        "jensen_shannon": jensen_shannon(log_g, log_p, real_log_p, real_log_g),
        "skewed_kl": skewed_reverse_kl(log_g, log_p),
        "reverse_kl": reverse,
    }
