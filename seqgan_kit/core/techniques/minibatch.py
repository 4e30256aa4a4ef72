"""Minibatch discrimination: D also reads how similar a sample is to the rest of the batch (Salimans et al.
2016: "Improved techniques for training GANs", section 3.2).

    M_i = f(x_i) T  [B,C],   c_b(i, j) = exp(-||M_ib - M_jb||_1),   o_b(x_i) = sum_j c_b(i, j)
    the score is a linear map of f(x_i) and o(x_i) together

If G collapses, its samples are close to each other. D can see this only by comparing samples.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from seqgan_kit.core.runs.machine.memory import TRAINED_BYTES, check_memory
from seqgan_kit.errors import UsageError

# Every pair of samples stores, per dimension, a difference, its sign for the gradient, and the gradient.
_BYTES_A_DISTANCE = 12
_MANY_BYTES = 2**30
_FEWER = "use fewer kernels or dimensions (50 kernels of 5 are usual)"


def closeness(rows: Tensor) -> Tensor:
    """Map rows [N,B,C] to o [N,B]: the sum over all j, including i, of exp(-||row_ib - row_jb||_1)."""
    # cdist would be shorter, but it has no second derivative.
    return (-(rows.unsqueeze(0) - rows.unsqueeze(1)).abs().sum(3)).exp().sum(1)


class MinibatchDiscrimination(nn.Module):
    """A layer from features [N,F] to similarities o [N,kernels].

    Args:
        features: F.
        kernels: B, the number of similarities.
        dimensions: C, the dimensions per similarity.
    """

    def __init__(self, features: int, kernels: int = 50, dimensions: int = 5):
        super().__init__()
        if min(features, kernels, dimensions) < 1:
            raise UsageError(
                f"minibatch discrimination has {kernels} kernels of {dimensions} dimensions on {features} "
                "features; use at least 1 of each."
            )
        self.kernels, self.dimensions = kernels, dimensions
        what, numbers = f"minibatch discrimination by {kernels:,} kernels", kernels * dimensions
        check_memory(f"training {what}", features * numbers, TRAINED_BYTES, advice=_FEWER)
        # Entries of T f are of order 1, so that the exponentials of distances are neither all 1 nor all 0.
        self.tensor = nn.Parameter(torch.randn(features, kernels * dimensions) / features**0.5)

    def forward(self, features: Tensor) -> Tensor:
        pairs = len(features) ** 2 * self.kernels * self.dimensions
        if pairs * _BYTES_A_DISTANCE > _MANY_BYTES:  # Reading the machine's free memory is slow.
            what = f"comparing {len(features)} samples by {self.kernels:,} kernels"
            check_memory(
                what, pairs, _BYTES_A_DISTANCE, "distances", f"{_FEWER}, or a smaller batch"
            )
        return closeness((features @ self.tensor).unflatten(1, (self.kernels, self.dimensions)))


class MinibatchScore(nn.Module):
    """A score head on features and similarities: score(f) + w o(f)."""

    def __init__(self, score: nn.Module, closenesses: MinibatchDiscrimination):
        super().__init__()
        self.score, self.closenesses = score, closenesses
        self.weight = nn.Linear(closenesses.kernels, 1, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """[N,F] -> [N,1]."""
        return cast(Tensor, self.score(features) + self.weight(self.closenesses(features)))
