"""Lower rewards for repeated sequences (Guimaraes et al. 2017)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from seqgan_kit.sequences.sampling.rollout import RowReward


@dataclass(frozen=True)
class DividedByCopies:
    """An objective whose values are shared by equal rows.

        value(Y) * U / c(Y)

    c(Y) is the number of rows equal to Y among the M rows of one call, and U the share of distinct rows. So
    this depends on all rows of the call, unlike other objectives.

    Args:
        objective: function from whole rows [M,S+T] to values [M].
    """

    objective: RowReward

    def __call__(self, rows: Tensor) -> Tensor:
        """Return the values [M] of rows [M,S+T]."""
        _, kinds, copies = torch.unique(rows, dim=0, return_inverse=True, return_counts=True)
        return self.objective(rows) * (len(copies) / len(rows)) / copies[kinds]
