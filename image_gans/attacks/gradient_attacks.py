"""Adversarial examples by the gradient of a classifier's loss, for any function from images to logits.

With the cross-entropy J(x, y) of the classifier and pixels in [-1,1]:

    FGSM   x + epsilon sign(grad_x J(x, y))
    PGD    x_0 = x + u, u uniform in the ball of radius epsilon
           x_{t+1} = P(x_t + a steepest(grad_x J(x_t, y)))

FGSM is by Goodfellow et al. (2015, section 4), PGD by Madry et al. (2018, section 2.1). P projects onto the
ball around x, then onto the range of pixels. The steepest direction is the sign of the gradient for
L-infinity, and the gradient divided by its length for L2.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from image_gans.attacks.perturbations import (
    HIGHEST,
    LOWEST,
    Norm,
    projected,
    random_perturbation,
    steepest,
)
from seqgan_kit.core.techniques.virtual_adversary import Logits


@torch.enable_grad()
def loss_gradient(logits: Logits, x: Tensor, labels: Tensor) -> Tensor:
    """Return the gradient of each row's cross-entropy by the row [N,...]."""
    x = x.detach().requires_grad_()
    loss = functional.cross_entropy(logits(x), labels, reduction="sum")
    (gradient,) = torch.autograd.grad(loss, x)
    return gradient


def fgsm(logits: Logits, x: Tensor, labels: Tensor, epsilon: float, norm: Norm = "linf") -> Tensor:
    """Return images [N,...] one step of length ``epsilon`` up the loss from ``x`` (fast gradient method).

    Args:
        logits: the classifier.
        x: [N,...] images in [-1,1].
        labels: [N] classes to leave.
        epsilon: the norm of the perturbation, in units of ``x``.
        norm: L-infinity gives the fast gradient sign method.
    """
    step = epsilon * steepest(loss_gradient(logits, x, labels), norm)
    return (x + step).clamp(LOWEST, HIGHEST)


def pgd(
    logits: Logits,
    x: Tensor,
    labels: Tensor,
    *,
    epsilon: float,
    step: float,
    steps: int,
    norm: Norm = "linf",
    rng: torch.Generator | None = None,
) -> Tensor:
    """Return images [N,...] after ``steps`` projected gradient steps up the loss.

    Args:
        logits: the classifier.
        x: [N,...] images in [-1,1].
        labels: [N] classes to leave.
        epsilon: the largest norm of the perturbation, in units of ``x``.
        step: the length of a step.
        steps: number of steps.
        norm: the norm of the ball.
        rng: for a random start in the ball; None starts at ``x``.
    """
    x = x.detach()
    attacked = x if rng is None else x + random_perturbation(x, epsilon, norm, rng)
    attacked = attacked.clamp(LOWEST, HIGHEST)
    for _ in range(steps):
        moved = attacked + step * steepest(loss_gradient(logits, attacked, labels), norm)
        attacked = (x + projected(moved - x, epsilon, norm)).clamp(LOWEST, HIGHEST)
    return attacked
