"""Feeds: sources of batches that can save and restore their position exactly."""

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
        """Return the number of batches per epoch."""

    def next_batch(self) -> dict[str, Tensor]:
        """Return the next batch; a new epoch starts after the last batch."""

    def state_dict(self) -> dict[str, Any]:
        """Return the position as plain numbers."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore a saved position."""


class TensorFeed:
    """Batches from tensors that fit in memory, reshuffled every epoch.

    The order of epoch ``e`` depends only on ``(seed, e)``. With several processes, each takes its slice of
    every global batch, so R ranks with batch size B together see what one process with batch size R*B sees.
    Rows that do not fill the last global batch are left out of that epoch.
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
                f"all tensors of a feed need the same number of rows; these have {sorted(rows)}."
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
                f"the run was trained on {state['rows']} rows, but the data now have {self.rows}; "
                "resume with the same data."
            )
        self._epoch, self._position = int(state["epoch"]), int(state["position"])
        self._order = self._permutation()

    def _permutation(self) -> Tensor:
        rng = torch.Generator().manual_seed(mixed_seed(self.seed, self._epoch))
        order = torch.randperm(self.rows, generator=rng)
        return order.to(next(iter(self.tensors.values())).device)


class JoinedFeed:
    """A feed that joins several feeds: every batch merges one batch of each.

    For unpaired rows: images of two domains, labelled and unlabelled images, simulated and real images. Each
    feed shuffles and restarts independently. An epoch is a pass over the first feed.

    Args:
        feeds: feeds by name; positions are saved under these names.
    """

    def __init__(self, feeds: Mapping[str, Feed]):
        if not feeds:
            raise UsageError("a joined feed needs at least one feed.")
        self.feeds = dict(feeds)

    @property
    def batches_per_epoch(self) -> int:
        return next(iter(self.feeds.values())).batches_per_epoch

    def next_batch(self) -> dict[str, Tensor]:
        joined: dict[str, Tensor] = {}
        for name, feed in self.feeds.items():
            batch = feed.next_batch()
            if twice := joined.keys() & batch.keys():
                raise UsageError(
                    f"the feed {name!r} has {', '.join(sorted(twice))} in its batches, as a feed before it "
                    "has. Give the entries of joined feeds different names."
                )
            joined |= batch
        return joined

    def state_dict(self) -> dict[str, Any]:
        return {name: feed.state_dict() for name, feed in self.feeds.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        if state.keys() != self.feeds.keys():
            raise UsageError(
                f"the saved position is of the feeds {', '.join(sorted(state))}; this run has "
                f"{', '.join(sorted(self.feeds))}. Resume with the same data."
            )
        for name, feed in self.feeds.items():
            feed.load_state_dict(state[name])
