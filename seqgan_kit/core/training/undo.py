"""Undo an interrupted update, by saving before every update what it may change before its step.

A loss draws random numbers, takes a batch and may change buffers (batch norm's statistics, pools, histories);
a rule may also change its players' parameters. Parameters and optimizers otherwise change only in the step,
which is never interrupted. A large buffer is copied only if it has changed since its last copy, so a pool
costs nothing in updates that only read it.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seqgan_kit.core.feeds import Feed

# Buffers up to this size are always copied, since batch norm changes its statistics without counting a
# version.
_SMALL = 65_536


class Undo:
    """The state before the current update.

    Args:
        buffers: tensors that losses and rules change in place.
        feeds: sources of batches.
        rng: generator that updates use besides the global ones.
    """

    def __init__(
        self, buffers: Iterable[Tensor], feeds: Mapping[str, Feed], rng: torch.Generator
    ) -> None:
        self.buffers, self.feeds, self.rng = list(buffers), feeds, rng
        self._copies: list[tuple[int, Tensor]] = [(-1, buffer) for buffer in self.buffers]
        self._parameters: list[tuple[Tensor, Tensor]] = []
        self._positions: dict[str, dict[str, Any]] = {}
        self._numbers: tuple[Any, ...] = ()

    @torch.no_grad()
    def mark(self, parameters: Iterable[Tensor] = ()) -> None:
        """Save the current state, and ``parameters`` that a rule may change."""
        self._parameters = [(parameter, parameter.clone()) for parameter in parameters]
        for place, buffer in enumerate(self.buffers):
            if buffer.numel() <= _SMALL or self._copies[place][0] != buffer._version:
                self._copies[place] = (buffer._version, buffer.clone())
        self._positions = {name: feed.state_dict() for name, feed in self.feeds.items()}
        self._numbers = (
            random.getstate(),
            np.random.get_state(),  # noqa: NPY002
            torch.get_rng_state(),
            torch.cuda.get_rng_state() if torch.cuda.is_initialized() else None,
            self.rng.get_state(),
        )

    @torch.no_grad()
    def back(self) -> None:
        """Restore the saved state."""
        for buffer, (version, copy) in zip(self.buffers, self._copies, strict=True):
            if buffer.numel() <= _SMALL or buffer._version != version:
                buffer.copy_(copy)
        for parameter, copy in self._parameters:
            parameter.copy_(copy)
        for name, position in self._positions.items():
            self.feeds[name].load_state_dict(position)
        python, numpy, cpu, cuda, own = self._numbers
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
        torch.set_rng_state(cpu)
        if cuda is not None:
            torch.cuda.set_rng_state(cuda)
        self.rng.set_state(own)
