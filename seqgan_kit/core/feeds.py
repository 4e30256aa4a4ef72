"""Feeds: where batches come from. They hold tensors, know their place, and can be resumed exactly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import torch
from torch import Tensor

from seqgan_kit.core.runs.runtime import mixed_seed
from seqgan_kit.errors import UsageError


class Feed(Protocol):
    """A source of batches with a position."""

    @property
    def batches_per_epoch(self) -> int:
        """How many batches make one pass."""

    def next_batch(self) -> dict[str, Tensor]:
        """The next batch; passes follow each other without end."""

    def state_dict(self) -> dict[str, Any]:
        """The position, as plain numbers."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes back to a saved position."""


class TensorFeed:
    """Batches from tensors that fit in memory, reshuffled every pass.

    The order of pass ``e`` depends on ``(seed, e)`` alone. With several processes each takes its slice of
    every global batch, so that R ranks of batch B see together what one process of batch R*B sees. Rows
    that do not fill the last global batch wait for another pass.
    """

    def __init__(
        self,
        tensors: Mapping[str, Tensor],
        batch_size: int,
        *,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
        device: torch.device | str = "cpu",
        transform: Callable[[dict[str, Tensor]], dict[str, Tensor]] | None = None,
    ):
        rows = {len(tensor) for tensor in tensors.values()}
        if len(rows) != 1:
            raise UsageError(
                f"a feed's tensors need one number of rows; these have {sorted(rows)}."
            )
        self.rows = rows.pop()
        if not 1 <= batch_size * world_size <= self.rows:
            raise UsageError(
                f"a batch of {batch_size} on {world_size} process(es) does not fit the data: it has "
                f"{self.rows} rows. Use a batch size (--batch-size) between 1 and {self.rows // world_size}."
            )
        self.tensors = {name: tensor.to(device) for name, tensor in tensors.items()}
        self.batch_size, self.seed, self.transform = batch_size, seed, transform
        self.rank, self.world_size = rank, world_size
        self._epoch, self._position = 0, 0
        self._order = self._permutation()

    @property
    def batches_per_epoch(self) -> int:
        return self.rows // (self.batch_size * self.world_size)

    def next_batch(self) -> dict[str, Tensor]:
        if self._position == self.batches_per_epoch:
            self._epoch, self._position = self._epoch + 1, 0
            self._order = self._permutation()
        start = (self._position * self.world_size + self.rank) * self.batch_size
        rows = self._order[start : start + self.batch_size]
        self._position += 1
        batch = {name: tensor[rows] for name, tensor in self.tensors.items()}
        return self.transform(batch) if self.transform else batch

    def state_dict(self) -> dict[str, Any]:
        return {"epoch": self._epoch, "position": self._position, "rows": self.rows}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        if state["rows"] != self.rows:
            raise UsageError(
                f"the run was trained on {state['rows']} rows and the data now has {self.rows}; "
                "resume with the same data."
            )
        self._epoch, self._position = int(state["epoch"]), int(state["position"])
        self._order = self._permutation()

    def _permutation(self) -> Tensor:
        rng = torch.Generator().manual_seed(mixed_seed(self.seed, self._epoch))
        order = torch.randperm(self.rows, generator=rng)
        return order.to(next(iter(self.tensors.values())).device)
