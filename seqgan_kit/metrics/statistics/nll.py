"""Mean negative log-likelihoods, with standard errors over the sample."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seqgan_kit.metrics.statistics.divergences import Estimate

Floats = NDArray[np.float64]

# exp overflows float64 above this value.
_LARGEST_EXPONENT = 709.0


def nll_estimates(log_probs: Floats, counts: Floats) -> tuple[Estimate, Estimate]:
    """Return the mean negative log-likelihood per token and per sequence.

    The value per token is the ratio sum_i nll_i / sum_i n_i, so the influence of a row is
    (nll_i - ratio * n_i) / mean(n) (delta method).

    Args:
        log_probs: [N] log-probabilities of sequences.
        counts: [N] numbers of tokens, including the end of the sequence.
    """
    ratio = -log_probs.sum() / counts.sum()
    influence = (-log_probs - ratio * counts) / counts.mean()
    return Estimate(float(ratio), _error(influence)), Estimate(
        float(-log_probs.mean()), _error(log_probs)
    )


def perplexity(nll_per_token: Estimate) -> Estimate:
    """Return exp(nats per token), with a standard error by the delta method."""
    if nll_per_token.value > _LARGEST_EXPONENT:
        return Estimate(math.inf, math.inf)
    value = math.exp(nll_per_token.value)
    return Estimate(value, value * nll_per_token.standard_error)


def _error(values: Floats) -> float:
    return float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.inf
