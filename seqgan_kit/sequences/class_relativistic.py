"""Relativistic losses within classes (CatGAN; Liu et al. 2020)."""

from __future__ import annotations

from typing import Literal

import torch.nn.functional as F
from torch import Tensor

Mutation = Literal["ragan", "rsgan"]


def class_means(scores: Tensor, classes: Tensor, of: Tensor) -> Tensor:
    """Return, for each row of class ``of`` [N], the mean of the ``scores`` [M] of rows of that class.

    It is 0 where no row of ``classes`` [M] has the class.
    """
    same = (of.unsqueeze(1) == classes).to(scores.dtype)
    return same @ scores / same.sum(1).clamp(min=1)


def class_relativistic(
    real: Tensor, fake: Tensor, real_classes: Tensor, fake_classes: Tensor
) -> tuple[Tensor, Tensor]:
    """Return a_D [N] of real scores [N] and [M] of generated ones [M], each compared within its class."""
    return (
        real - class_means(fake, fake_classes, real_classes),
        fake - class_means(real, real_classes, fake_classes),
    )


def child_loss(mutation: Mutation, real: Tensor, fake: Tensor, classes: Tensor) -> Tensor:
    """Return the loss of a child on D's scores [B,S] of real and of its own rows, both of ``classes`` [B]."""
    if mutation == "rsgan":
        return F.softplus(real - fake).mean()
    of_real, of_fake = class_relativistic(real.mean(1), fake.mean(1), classes, classes)
    return F.softplus(-of_fake).mean() + F.softplus(of_real).mean()
