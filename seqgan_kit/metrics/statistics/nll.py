"""Mean negative log-likelihoods, with the standard errors of the sample they were taken on."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seqgan_kit.metrics.statistics.divergences import Estimate

Floats = NDArray[np.float64]

# exp of more is beyond float64.
_LARGEST_EXPONENT = 709.0


def nll_estimates(log_probs: Floats, counts: Floats) -> tuple[Estimate, Estimate]:
    """Mean negative log-likelihood per token and per sequence.

    Per token it is the ratio of two sums, sum_i nll_i / sum_i n_i, so a row's influence on it is
    (nll_i - ratio * n_i) / mean(n) (delta method).

    Args:
        log_probs: [N] of sequences.
        counts: [N] tokens of each, its end counted.
    """
    ratio = -log_probs.sum() / counts.sum()
    influence = (-log_probs - ratio * counts) / counts.mean()
    return Estimate(float(ratio), _error(influence)), Estimate(
        float(-log_probs.mean()), _error(log_probs)
    )


def perplexity(nll_per_token: Estimate) -> Estimate:
    """exp of the nats per token; its error by the delta method."""
    if nll_per_token.value > _LARGEST_EXPONENT:
        return Estimate(math.inf, math.inf)
    value = math.exp(nll_per_token.value)
    return Estimate(value, value * nll_per_token.standard_error)


def _error(values: Floats) -> float:
    return float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.inf
