"""Balls of perturbations: steepest directions, projections and random starts in L-infinity and L2."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from seqgan_kit.core.techniques.virtual_adversary import unit_rows

Norm = Literal["linf", "l2"]

LOWEST, HIGHEST = -1.0, 1.0
"""Range of pixel values."""
GREY_LEVEL = (HIGHEST - LOWEST) / 255
"""One of 255 grey levels, the unit of perturbations in settings."""


def steepest(gradient: Tensor, norm: Norm) -> Tensor:
    """Return the perturbations of norm 1 [N,...] that raise a linear function with this gradient most."""
    return gradient.sign() if norm == "linf" else unit_rows(gradient)


def projected(perturbation: Tensor, epsilon: float, norm: Norm) -> Tensor:
    """Return the nearest perturbations [N,...] of norm ``epsilon`` or less."""
    if norm == "linf":
        return perturbation.clamp(-epsilon, epsilon)
    length = lengths(perturbation, norm).clamp(min=1e-12)
    shrink = (epsilon / length).clamp(max=1.0)
    return perturbation * shrink.view(-1, *[1] * (perturbation.dim() - 1))


def lengths(perturbation: Tensor, norm: Norm) -> Tensor:
    """Return the norms [N] of perturbations [N,...]."""
    flat = perturbation.flatten(1)
    return flat.abs().amax(1) if norm == "linf" else flat.norm(dim=1)


def random_perturbation(x: Tensor, epsilon: float, norm: Norm, rng: torch.Generator) -> Tensor:
    """Draw perturbations of the shape of ``x`` uniformly from the ball of radius ``epsilon``."""
    if norm == "linf":
        return (epsilon * (2 * _uniform(x.shape, x, rng) - 1)).to(x.device)
    radius = _uniform([len(x), *[1] * (x.dim() - 1)], x, rng) ** (1 / x[0].numel())
    normal = torch.randn(x.shape, generator=rng, device=rng.device, dtype=x.dtype)
    return (epsilon * radius * unit_rows(normal)).to(x.device)


def _uniform(shape: Sequence[int], like: Tensor, rng: torch.Generator) -> Tensor:
    return torch.rand(shape, generator=rng, device=rng.device, dtype=like.dtype)
