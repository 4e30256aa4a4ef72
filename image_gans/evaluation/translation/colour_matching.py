"""A translation without training: the linear map of colours that gives an image set another set's colour
statistics (Pitie, Kokaram 2007, "The linear Monge-Kantorovitch linear colour mapping for example-based colour
transfer").

    y = m_y + T (x - m_x),    T = A^(-1/2) (A^(1/2) B A^(1/2))^(1/2) A^(-1/2)

with the mean m_x and covariance A of the pixels of one set, and m_y and B of the other. T A T = B, and of
all linear maps with the wanted covariance this one moves colours least.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

_LEAST_VARIANCE = 1e-8


@dataclass(frozen=True)
class ColourStatistics:
    """Mean and covariance of the pixels of an image set."""

    mean: Tensor
    """[C] float64."""
    covariance: Tensor
    """[C,C] float64."""

    @classmethod
    def of(cls, images: Tensor) -> ColourStatistics:
        """Return the statistics of images [N,C,H,W]."""
        pixels = images.movedim(1, 0).flatten(1).double()
        return cls(pixels.mean(1), torch.atleast_2d(pixels.cov(correction=0)))


def with_matched_colours(x: Tensor, own: ColourStatistics, wanted: ColourStatistics) -> Tensor:
    """Return images [N,C,H,W] of a set with statistics ``own``, moved to the statistics ``wanted``."""
    root, inverse = _power(own.covariance, 0.5), _power(own.covariance, -0.5)
    move = inverse @ _power(root @ wanted.covariance @ root, 0.5) @ inverse
    centred = x.double().movedim(1, 3) - own.mean
    moved = centred @ move.T + wanted.mean
    return moved.movedim(3, 1).clamp(-1, 1).to(x.dtype)


def _power(matrix: Tensor, exponent: float) -> Tensor:
    """Return a power of a symmetric matrix without negative eigenvalues."""
    values, vectors = torch.linalg.eigh(matrix)
    return (vectors * values.clamp_min(_LEAST_VARIANCE) ** exponent) @ vectors.T
