r"""Langevin-like steps in a space of features, with a prior and a condition (Nguyen et al. 2017, equation 5).

    h <- h + epsilon1 (R(h) - h) + epsilon2 d/dh log p(y | h) + N(0, epsilon3^2 I)

R(h) - h stands for sigma^2 d/dh log p(h) of a denoiser R that was trained at noise sigma (Alain and Bengio
2014, "What regularized auto-encoders learn from the data-generating distribution"). With
eta = epsilon1 sigma^2, epsilon2 = eta and epsilon3^2 = 2 eta the chain is unadjusted Langevin sampling of
p(h | y).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from seqgan_kit.core.bounds import Positive, Weight, bounded

Denoise = Callable[[Tensor], Tensor]
"""R, [N,d] -> [N,d]."""
LogLikelihood = Callable[[Tensor], Tensor]
"""log p(y | h), [N,d] -> [N]; no value depends on another row."""
Prior = Literal["denoiser", "joint", "none"]
"""denoiser: R (PPGN-h); joint: E(G(h)) in place of R(h) (noiseless joint PPGN-h)."""


@dataclass(frozen=True)
@bounded
class Steering:
    """The sampler's prior, and the sizes and number of its steps."""

    prior: Prior = "denoiser"
    """Prior of the chain. denoiser: the trained one; joint: the features of the drawn image; none."""
    epsilon1: Weight = 0.2
    """Size of the step towards the prior: share of the way to what the denoiser makes of the features."""
    epsilon2: Weight = 15.0
    """Size of the step along the gradient of the condition's log-probability; Langevin sampling would have
    epsilon1 sigma^2, and more makes the condition sharper."""
    epsilon3: Weight = 0.63
    """Standard deviation of the noise of each step, in standard deviations of a feature."""
    moves: Positive = 200
    """Number of steps (200 in the paper)."""


def steered(
    starts: Tensor,
    denoise: Denoise | None,
    log_likelihood: LogLikelihood | None,
    steps: Steering,
    noise: Callable[[int], Tensor],
) -> Tensor:
    """Return features [N,d] after the steps from ``starts``, one chain for each row.

    Args:
        starts: [N,d].
        denoise: R; None: no prior.
        log_likelihood: of the condition; None: no condition.
        steps: their sizes and number.
        noise: standard normal numbers [N,d] of a step, by its number.
    """
    h = starts.detach().clone()
    for number in range(steps.moves):
        move = torch.zeros_like(h)
        if denoise is not None:
            with torch.no_grad():
                move += steps.epsilon1 * (denoise(h) - h)
        if log_likelihood is not None:
            move += steps.epsilon2 * _slope(log_likelihood, h)
        h = h + move + steps.epsilon3 * noise(number)
    return h


def _slope(log_likelihood: LogLikelihood, h: Tensor) -> Tensor:
    with torch.enable_grad():
        h = h.detach().requires_grad_(True)
        (slope,) = torch.autograd.grad(log_likelihood(h).sum(), h)
    return slope
