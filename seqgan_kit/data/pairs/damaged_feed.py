"""Pairs whose sources are made of their targets as a batch is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from seqgan_kit.core.feeds import Feed
from seqgan_kit.core.runs.runtime import mixed_seed
from seqgan_kit.data.images.corruptions import Corruption


class DamagedFeed:
    """Batches of pairs with fresh damage: that of a batch depends on its number alone, so runs resume
    exactly.

    Args:
        feed: gives ``real`` [B,2C,H,W], whose second half of channels are the targets.
        damage: makes sources of targets.
        seed: of the damage.
        rank: of the process, which damages its own rows.
    """

    def __init__(self, feed: Feed, damage: Corruption, seed: int, rank: int = 0):
        self.feed, self.damage, self.seed = feed, damage, mixed_seed(seed, rank)
        self._batches = 0

    @property
    def batches_per_epoch(self) -> int:
        return self.feed.batches_per_epoch

    def next_batch(self) -> dict[str, Tensor]:
        rng = torch.Generator().manual_seed(mixed_seed(self.seed, self._batches))
        self._batches += 1
        batch = self.feed.next_batch()
        target = batch["real"].chunk(2, 1)[1]
        return {**batch, "real": torch.cat([self.damage(target, rng), target], 1)}

    def state_dict(self) -> dict[str, Any]:
        return {"feed": self.feed.state_dict(), "batches": self._batches}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.feed.load_state_dict(state["feed"])
        self._batches = int(state["batches"])
