"""Pairs whose sources are computed from the targets as a batch is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from seqgan_kit.core.feeds import Feed
from seqgan_kit.core.runs.runtime import mixed_seed
from seqgan_kit.data.images.corruptions import Corruption


class DamagedFeed:
    """A feed of pairs that damages every batch afresh.

    The damage depends only on the seed, the rank and the number of the batch, so runs resume exactly.

    Args:
        feed: a feed with ``real`` [B,2C,H,W]; the second half of the channels holds the targets.
        damage: corruption that turns targets into sources.
        seed: seed of the damage.
        rank: rank of the process, which damages its own rows.
        masks: whether batches have ``mask`` [B,1,H,W], 1 where the damage changed a pixel, else 0.
    """

    def __init__(
        self, feed: Feed, damage: Corruption, seed: int, rank: int = 0, *, masks: bool = False
    ):
        self.feed, self.damage, self.seed = feed, damage, mixed_seed(seed, rank)
        self.masks = masks
        self._batches = 0

    @property
    def batches_per_epoch(self) -> int:
        return self.feed.batches_per_epoch

    def next_batch(self) -> dict[str, Tensor]:
        rng = torch.Generator().manual_seed(mixed_seed(self.seed, self._batches))
        self._batches += 1
        batch = self.feed.next_batch()
        target = batch["real"].chunk(2, 1)[1]
        source = self.damage(target, rng)
        if self.masks:
            batch = {**batch, "mask": changed_pixels(source, target).to(target.dtype)}
        return {**batch, "real": torch.cat([source, target], 1)}

    def state_dict(self) -> dict[str, Any]:
        return {"feed": self.feed.state_dict(), "batches": self._batches}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.feed.load_state_dict(state["feed"])
        self._batches = int(state["batches"])


def changed_pixels(sources: Tensor, targets: Tensor) -> Tensor:
    """Return where sources differ from their targets [N,C,H,W], in any channel: [N,1,H,W]."""
    return (sources != targets).any(1, keepdim=True)
