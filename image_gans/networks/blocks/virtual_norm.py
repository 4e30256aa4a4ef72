"""Virtual and reference batch normalisation: by a batch that is chosen once and fixed (Salimans et al. 2016:
"Improved techniques for training GANs", section 3.5).

    reference r of R samples, first in every batch, normalised by its own mean m_r and variance v_r
    reference norm:  x <- (x - m_r) / sqrt(v_r + eps)
    virtual norm:    m = (m_x + R m_r) / (R + 1), v the variance over the reference and x together, x likewise

with means over samples and pixels, channel by channel; m_x is over x's own pixels. So an output does not
depend on the rest of the batch, in training or in evaluation. The reference consists of latent vectors, which
the checkpoint holds. Their statistics are always computed from the current weights.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

REFERENCE_SAMPLES = 64
"""Latent vectors of the reference batch."""


class VirtualBatchNorm(nn.Module):
    """[R+N,C,...] -> the same shape; the first R rows are the reference.

    Args:
        channels: C.
        counts_itself: whether a sample's own statistics also count (virtual) or not (reference).
        reference: R.
    """

    def __init__(
        self, channels: int, *, counts_itself: bool = True, reference: int = REFERENCE_SAMPLES
    ):
        super().__init__()
        self.counts_itself, self.reference, self.eps = counts_itself, reference, 1e-5
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        first, rest = x[: self.reference], x[self.reference :]
        others = [d for d in range(x.dim()) if d != 1]
        mean, variance = _moments(first, others)
        means, variances = mean, variance
        if self.counts_itself:
            means, variances = self._joined(mean, variance, *_moments(rest, others[1:]))
        return torch.cat(
            [self._scaled(first, mean, variance), self._scaled(rest, means, variances)]
        )

    def _joined(
        self, mean: Tensor, variance: Tensor, own: Tensor, spread: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return mean and variance of the reference and each sample together, weighted R to 1."""
        share = 1 / (self.reference + 1)
        means = (1 - share) * mean + share * own
        # Not by E[x^2] - E[x]^2, which cancels where the mean is large.
        within = (1 - share) * variance + share * spread
        between = (1 - share) * (mean - means).square() + share * (own - means).square()
        return means, within + between

    def _scaled(self, x: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
        shape = (1, -1, *(1 for _ in x.shape[2:]))
        scale = (variance + self.eps).rsqrt() * self.weight.view(shape)
        return (x - mean) * scale + self.bias.view(shape)


def _moments(x: Tensor, dims: list[int]) -> tuple[Tensor, Tensor]:
    if not dims:  # one number for each sample and channel
        return x, torch.zeros_like(x)
    mean = x.mean(dims, keepdim=True)
    return mean, (x - mean).square().mean(dims, keepdim=True)
