"""Virtual adversarial perturbations: the small change that alters a classifier's prediction most (Miyato,
Maeda, Koyama, Ishii 2018, "Virtual adversarial training: a regularization method for supervised and
semi-supervised learning", equations 5 to 12). They need no labels.

With p(y | x) the classifier's prediction, held fixed, and D the Kullback-Leibler divergence:

    D(r, x)  = KL(p(y | x) || p(y | x + r))
    r_vadv   = argmax_r D(r, x)  where |r|_2 <= epsilon
    loss     = E[D(r_vadv, x)]

D and its gradient vanish at r = 0, so r_vadv points along the largest eigenvector of its Hessian there. Power
iteration finds it, with a gradient in place of the product of Hessian and vector:

    d <- normalised grad_r D(r, x) at r = xi d
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

Logits = Callable[[Tensor], Tensor]
"""A classifier: a batch [N,...] to logits [N,K]."""


def prediction_divergence(fixed: Tensor, other: Tensor) -> Tensor:
    """Return KL(softmax(fixed) || softmax(other)) [N] of logits [N,K]."""
    log_p, log_q = fixed.log_softmax(1), other.log_softmax(1)
    return (log_p.exp() * (log_p - log_q)).sum(1)


def unit_rows(x: Tensor) -> Tensor:
    """Return [N,...] with every row divided by its L2 norm; a row of zeros stays."""
    flat = x.flatten(1)
    # Scaled by the largest entry first, because squares of tiny gradients underflow.
    largest = flat.abs().amax(1, keepdim=True)
    flat = flat / torch.where(largest > 0, largest, 1.0)
    return functional.normalize(flat, dim=1).view_as(x)


@torch.enable_grad()
def virtual_direction(
    logits: Logits,
    x: Tensor,
    rng: torch.Generator,
    *,
    power_steps: int = 1,
    difference: float = 1e-2,
    mask: Tensor | None = None,
) -> Tensor:
    """Return unit vectors [N,...] along which the prediction changes most.

    Args:
        logits: the classifier.
        x: [N,...] points.
        rng: for the random start.
        power_steps: power iterations, 1 in the paper.
        difference: xi, the length at which gradients are taken.
        mask: of the shape of ``x`` or broadcast to it: 0 where nothing may change, such as padding.
    """
    with torch.no_grad():
        fixed = logits(x)
    start = torch.randn(x.shape, generator=rng, device=rng.device, dtype=x.dtype).to(x.device)
    direction = unit_rows(start if mask is None else start * mask)
    for _ in range(power_steps):
        step = (difference * direction).requires_grad_()
        total = prediction_divergence(fixed, logits(x.detach() + step)).sum()
        (gradient,) = torch.autograd.grad(total, step)
        direction = unit_rows(gradient if mask is None else gradient * mask)
    return direction


def smoothness_loss(logits: Logits, x: Tensor, perturbation: Tensor) -> Tensor:
    """Return D(r, x) [N]; its gradient reaches the classifier through the perturbed prediction alone."""
    with torch.no_grad():
        fixed = logits(x)
    return prediction_divergence(fixed, logits(x + perturbation))
