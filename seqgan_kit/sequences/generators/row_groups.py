"""Rows in groups that share something large, such as the encoding of a source."""

from __future__ import annotations

import torch
from torch import Tensor


class RowGroups:
    """Places of A rows in P groups of at most R rows.

    Args:
        owner: [A], ascending: what each row shares; equal numbers are a group.

    Attributes:
        owners: [P]: the number of each group.
        most: R.
    """

    def __init__(self, owner: Tensor):
        self.owners, group = owner.unique_consecutive(return_inverse=True)
        place = torch.arange(len(owner), device=owner.device)
        place = place - torch.searchsorted(owner, self.owners)[group]
        self.most = int(place.max()) + 1
        self._slot = group * self.most + place
        self._is_full = len(owner) == len(self.owners) * self.most

    @property
    def use(self) -> float:
        """Share of the P*R slots that a row is in."""
        return len(self._slot) / (len(self.owners) * self.most)

    @property
    def group(self) -> Tensor:
        """[A]: number of each row's group, from 0."""
        return self._slot // self.most

    def keep(self, rows: Tensor) -> None:
        """Keep only ``rows`` [K], in this order."""
        self._slot, self._is_full = self._slot[rows], False

    def laid_out(self, rows: Tensor) -> Tensor:
        """Reshape [A,...] to [P,R,...], with zeros in free slots."""
        if not self._is_full:
            slots = rows.new_zeros(len(self.owners) * self.most, *rows.shape[1:])
            rows = slots.index_copy_(0, self._slot, rows)
        return rows.unflatten(0, (-1, self.most))

    def of_rows(self, found: Tensor) -> Tensor:
        """Reshape [P,R,...] to [A,...]."""
        rows = found.flatten(0, 1)
        return rows if self._is_full else rows.index_select(0, self._slot)
