"""Variational codes with a normal posterior and a standard normal prior: draws, divergence and bounds.

With q(z|x) = N(mean, diag exp(log variance)) and p(z) = N(0, I), for one x, in nats:

    KL(q || p) = 1/2 sum_d (mean_d^2 + exp(log variance_d) - 1 - log variance_d)
    w_k = p(x|z_k) p(z_k) / q(z_k|x) for draws z_1 ... z_K of q
    E[(1/K) sum_k log w_k] = ELBO <= E[log (1/K) sum_k w_k] <= log p(x)

(Kingma and Welling 2014; the second bound is the importance-weighted one of Burda, Grosse, Salakhutdinov
2016, and rises with K.)
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

_LOG_VARIANCES = (-14.0, 14.0)
"""Range of a network's log variances; beyond it, exp would only overflow or vanish."""


def mean_and_log_variance(output: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and log variance [N,d] from a network's output [N,2d]."""
    mean, log_variance = output.chunk(2, 1)
    return mean, log_variance.clamp(*_LOG_VARIANCES)


def drawn_code(mean: Tensor, log_variance: Tensor, rng: torch.Generator) -> Tensor:
    """Draw codes [N,d] from N(mean, exp log_variance), differentiable in both."""
    noise = torch.randn(mean.shape, generator=rng, device=rng.device).to(mean)
    return mean + noise * (0.5 * log_variance).exp()


def divergence_from_prior(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return KL(N(mean, exp log_variance) || N(0, I)) of each dimension, in nats: [N,d] -> [N,d]."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)


def log_weights(
    log_likelihood: Tensor, codes: Tensor, mean: Tensor, log_variance: Tensor
) -> Tensor:
    """Return log p(x|z) p(z) / q(z|x) for codes drawn from q: [N] from log p(x|z) [N] and [N,d] three times.

    Its mean is the ELBO; the log of the mean of its exponentials over K draws is the importance-weighted
    bound.
    """
    standard = (codes - mean) * (-0.5 * log_variance).exp()
    log_ratio = 0.5 * (standard.square() + log_variance - codes.square()).sum(1)
    return log_likelihood + log_ratio


def evidence_bounds(weights: Tensor) -> tuple[Tensor, Tensor]:
    """Return the ELBO and the importance-weighted bound, each [N], from the log weights [K,N] of K draws."""
    return weights.mean(0), weights.logsumexp(0) - math.log(len(weights))
