"""A feed over rows that do not fit in memory: bounded shuffling, sharding by rank, exact resume.

Rows are shuffled in blocks: one buffer of rows is read, permuted and returned, then the next. The order
depends only on (seed, epoch, block) and the source, so a position is a few small numbers, and resuming reads
one block again. The first block of each epoch has a random length, so the borders between blocks change every
epoch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seqgan_kit.errors import DataError, UsageError

Record = tuple[int, dict[str, Tensor]]
"""A row's position in its source, and the row as tensors without a batch dimension."""
OpenRecords = Callable[[int, int, int], Iterator[Record]]
"""``open(start, rank, world_size)``: iterate over this rank's usable rows from position ``start`` on."""


class StreamFeed:
    """Batches from a stream of rows; rank r reads the rows whose position is r modulo ``world_size``."""

    def __init__(
        self,
        open_records: OpenRecords,
        batch_size: int,
        *,
        rows: int,
        shuffle_buffer: int,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
        device: torch.device | str = "cpu",
        transform: Callable[[dict[str, Tensor]], dict[str, Tensor]] | None = None,
    ):
        """
        Args:
            open_records: function that opens the source at a position.
            batch_size: rows per batch on this rank.
            rows: rows per epoch; an estimate is enough.
            shuffle_buffer: rows per block, the most that are held in memory.
            seed: seed of the order, together with epoch and block.
            rank, world_size: this process and the number of processes.
            device: device of the batches.
            transform: function that is applied to every batch on the device.
        """
        if batch_size < 1 or shuffle_buffer < 1:
            raise UsageError(
                f"the batch size is {batch_size} and the shuffle buffer {shuffle_buffer}; both must be at "
                "least 1."
            )
        self.open_records, self.batch_size, self.rows = open_records, batch_size, rows
        self.shuffle_buffer, self.seed = shuffle_buffer, seed
        self.rank, self.world_size = rank, world_size
        self.device, self.transform = device, transform
        self._epoch, self._block_number, self._block_start, self._taken = 0, 0, 0, 0
        self._block: list[dict[str, Tensor]] | None = None
        self._block_end = 0
        self._records: Iterator[Record] | None = None

    @property
    def batches_per_epoch(self) -> int:
        """Return the batches per epoch by the stated number of rows; a batch may span two epochs."""
        return max(1, self.rows // (self.batch_size * self.world_size))

    def next_batch(self) -> dict[str, Tensor]:
        """Return the next batch; after one epoch the next begins."""
        rows = [self._next_row() for _ in range(self.batch_size)]
        batch = {name: torch.stack([row[name] for row in rows]).to(self.device) for name in rows[0]}
        return self.transform(batch) if self.transform else batch

    def state_dict(self) -> dict[str, Any]:
        """Return the position: epoch, block, start of the block in the source, and rows taken from the
        block."""
        return {
            "epoch": self._epoch,
            "block": self._block_number,
            "block_start": self._block_start,
            "taken": self._taken,
            "shuffle_buffer": self.shuffle_buffer,
            "world_size": self.world_size,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore a saved position; the block is read again for the next batch."""
        for name in ("shuffle_buffer", "world_size"):
            if state[name] != getattr(self, name):
                raise UsageError(
                    f"the run was trained with {name} {state[name]} and resumes with "
                    f"{getattr(self, name)}; the order of the rows depends on it, so keep {state[name]}."
                )
        self._epoch, self._block_number = int(state["epoch"]), int(state["block"])
        self._block_start, self._taken = int(state["block_start"]), int(state["taken"])
        self._block = self._records = None

    def _next_row(self) -> dict[str, Tensor]:
        if self._block is None:
            self._block = self._read_block()
        while self._taken == len(self._block):
            self._advance()
            self._block = self._read_block()
        self._taken += 1
        return self._block[self._taken - 1]

    def _advance(self) -> None:
        """Go to the next block, or after an empty block to the next epoch."""
        if self._block:
            self._block_number, self._block_start = self._block_number + 1, self._block_end
        elif self._block_start == 0:
            raise DataError(
                "the stream has no usable row for this process: check the counts printed for the data."
            )
        else:
            self._epoch, self._block_number, self._block_start = self._epoch + 1, 0, 0
            self._records = None
        self._taken = 0

    def _read_block(self) -> list[dict[str, Tensor]]:
        if self._records is None:
            self._records = self.open_records(self._block_start, self.rank, self.world_size)
        rng = np.random.default_rng((self.seed, self._epoch, self._block_number))
        size = self.shuffle_buffer
        if self._block_number == 0:
            size = int(rng.integers(1, size, endpoint=True))
        records = list(islice(self._records, size))
        if records:
            self._block_end = records[-1][0] + 1
        return [records[i][1] for i in rng.permutation(len(records))]
