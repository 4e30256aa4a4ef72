"""Tangent spaces of the set of images: angles to given tangents, their rank, and simple ones to compare with.

A space is given by rows [D,F] that span it, F the number of an image's values.
"""

from __future__ import annotations

import torch
from torch import Tensor

_NEGLIGIBLE = 1e-4
"""Singular values below this share of the largest span nothing: they are rounding errors."""


def angles(rows: Tensor, vectors: Tensor) -> Tensor:
    """Return the angles [N] in degrees between vectors [N,F] and the spaces of rows [N,D,F].

    cos = |P v| / |v|,  P the projection on the space; 0 degrees: v lies in the space
    """
    _, values, basis = torch.linalg.svd(rows.double(), full_matrices=False)
    spans = values > _NEGLIGIBLE * values[:, :1]
    v = vectors.double()
    parts = torch.einsum("ndf,nf->nd", basis, v) * spans
    inside = parts.norm(dim=1)
    # The length of what is left keeps its digits where the cosine is 1 up to rounding.
    left = (v - torch.einsum("ndf,nd->nf", basis, parts)).norm(dim=1)
    return torch.rad2deg(torch.atan2(left, inside))


def effective_rank(rows: Tensor) -> Tensor:
    """Return exp(entropy of the shares of the squared singular values) [N] of rows [N,D,F].

    It is D for orthogonal rows of equal length, and 1 if all rows are parallel (Roy and Vetterli 2007, "The
    effective rank").
    """
    squares = torch.linalg.svdvals(rows.double()).square()
    shares = squares / squares.sum(1, keepdim=True).clamp_min(torch.finfo(squares.dtype).tiny)
    return torch.exp(torch.special.entr(shares).sum(1))


def random_tangents(count: int, dimensions: int, features: int, rng: torch.Generator) -> Tensor:
    """Return orthonormal rows [N,D,F] in uniformly random directions.

    The mean squared cosine of the angle of any vector to them is D/F.
    """
    drawn = torch.randn(count, features, dimensions, generator=rng)
    return torch.linalg.qr(drawn).Q.transpose(1, 2)


def local_tangents(x: Tensor, images: Tensor, dimensions: int, neighbours: int) -> Tensor:
    """Return the principal directions [N,D,F] in which the nearest images differ from x.

    Args:
        x: [N,F] images.
        images: [M,F] among which neighbours are searched, by their pixels.
        dimensions: D.
        neighbours: how many, at least D.
    """
    nearest = torch.cdist(x, images).topk(neighbours, largest=False).indices
    differences = images[nearest] - x[:, None]
    return torch.linalg.svd(differences, full_matrices=False).Vh[:, :dimensions]
