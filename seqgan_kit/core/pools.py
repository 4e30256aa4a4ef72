"""Players without parameters that store samples: pools of negatives, history buffers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqgan_kit.errors import UsageError


class Pool(nn.Module):
    """A fixed number of samples, refilled by a rule and read in order, batch by batch.

    Args:
        size: number of samples.
        example: one sample, for shape and dtype.
    """

    samples: Tensor
    cursor: Tensor

    def __init__(self, size: int, example: Tensor):
        super().__init__()
        if size < 1:
            raise UsageError(f"a pool has {size} samples; use at least 1.")
        self.register_buffer("samples", example.new_zeros((size, *example.shape)))
        self.register_buffer("cursor", torch.zeros((), dtype=torch.int64))

    def refill(self, samples: Tensor) -> None:
        """Replace all samples and start reading from the first."""
        self.samples.copy_(samples)
        self.cursor.zero_()

    def push(self, samples: Tensor) -> None:
        """Put samples in place of the oldest ones and start reading from the first."""
        new = samples[-len(self.samples) :]
        self.samples.copy_(torch.cat([self.samples[len(new) :], new]))
        self.cursor.zero_()

    def next(self, n: int) -> Tensor:
        """Return the next ``n`` samples; after the last sample, reading starts again at the first."""
        rows = (self.cursor + torch.arange(n, device=self.samples.device)) % len(self.samples)
        self.cursor.add_(n).remainder_(len(self.samples))
        return self.samples[rows]
