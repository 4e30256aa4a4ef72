"""Rows that a language model reads token by token, with keys and values written in place.

A row that continues the first s tokens of a known sequence has that sequence's keys and values in its first
slots. Rows with different s advance together: new tokens go to the same slot of all rows, and a mask leaves
out the slots between. Positions count the tokens that are read, so probabilities are those of the row alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import torch
from torch import Tensor

from seqgan_kit.sequences.sampling.rows_in_progress import State, closing_up

CACHE_BYTES = 64_000_000
"""Keys and values of the rows that are stepped together; more rows gain nothing."""

ReadToken = Callable[[Tensor, Tensor, Tensor, Any], Tensor]
"""(tokens [A], positions [A], mask [A,t] or None for all, cache) -> hidden states [A,H]."""


@dataclass(frozen=True)
class BeginningsInPlace:
    """Beginnings [G,S+n] that were read in one pass.

    Attributes:
        read: one step of the model.
        hidden: [G,n+1,H], after BOS and 0 ... n written tokens.
        keys, values: of every layer [G,heads,S+1+n,d].
        mask: [G,S+1+n], the tokens that are read.
        room: T.
    """

    read: ReadToken
    hidden: Tensor
    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]
    mask: Tensor
    room: int

    def rows(self, owner: Tensor, kept: Tensor) -> RowsInPlace:
        """See :class:`~seqgan_kit.sequences.sampling.rows_in_progress.Beginnings`."""
        before = self.mask.shape[1] - self.hidden.shape[1]
        longest = before + 1 + int(kept.max())
        slots = torch.arange(longest, device=owner.device)
        mask = self.mask[owner, :longest] & (slots <= before + kept.unsqueeze(1))
        room = longest + self.room - int(kept.min())
        keys = [with_room(part[owner, :, :longest], room) for part in self.keys]
        values = [with_room(part[owner, :, :longest], room) for part in self.values]
        return RowsInPlace(self.read, keys, values, mask)


class RowsInPlace:
    """A batch of unfinished rows; see :class:`~seqgan_kit.sequences.sampling.rows_in_progress.Rows`.

    Args:
        read: one step of the model.
        keys, values: of every layer [A,heads,room,d], filled up to the mask's last slot.
        mask: [A,t], the tokens that are read.
        first: hidden states [A,H] in place of those after the first input, which is skipped; None to read it.
    """

    def __init__(
        self,
        read: ReadToken,
        keys: list[Tensor],
        values: list[Tensor],
        mask: Tensor,
        first: Tensor | None = None,
    ):
        self._read, self._keys, self._values, self._first = read, keys, values, first
        self._mask, self._slot = mask, mask.shape[1]

    def read(self, tokens: Tensor) -> Tensor:
        """See :class:`~seqgan_kit.sequences.sampling.rows_in_progress.Rows`."""
        if self._first is not None:
            hidden, self._first = self._first, None
            return hidden
        position = self._mask.sum(1)
        seen = self._mask.new_ones(len(self._mask), 1)
        self._mask = torch.cat([self._mask, seen], 1)
        hidden = self._read(tokens, position, self._mask, self._cache())
        self._slot += 1
        return hidden

    def keep(self, rows: Tensor) -> Tensor:
        """See :class:`~seqgan_kit.sequences.sampling.rows_in_progress.Rows`."""
        order, places, movers = closing_up(rows, len(self._mask))
        self._mask = self._mask[order]
        self._first = None if self._first is None else self._first[order]
        if len(movers):
            for part in (*self._keys, *self._values):
                part[places, :, : self._slot] = part[movers, :, : self._slot]
        return order

    def follow(self, parents: Tensor) -> None:
        """See :class:`~seqgan_kit.sequences.sampling.rows_in_progress.Rows`."""
        self._mask = self._mask[parents]
        self._first = None if self._first is None else self._first[parents]
        self._keys, self._values = (
            [part[parents] for part in kept] for kept in (self._keys, self._values)
        )

    def _cache(self) -> Any:
        """Return the library's cache, whose layers write into these rows."""
        library = import_module("transformers.cache_utils")
        cache, rows = library.DynamicCache(), len(self._mask)
        cache.layers = [
            _layer(library.DynamicLayer(), keys[:rows], values[:rows], self._slot)
            for keys, values in zip(self._keys, self._values, strict=True)
        ]
        return cache


def _layer(layer: Any, keys: Tensor, values: Tensor, slot: int) -> Any:
    """Make a layer of the library's cache write its next token into ``slot`` of [A,heads,room,d]."""

    def update(key: Tensor, value: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        keys[:, :, slot : slot + 1] = key
        values[:, :, slot : slot + 1] = value
        layer.keys, layer.values = keys[:, :, : slot + 1], values[:, :, : slot + 1]
        return layer.keys, layer.values

    layer.update, layer.is_initialized = update, True
    layer.keys, layer.values = keys[:, :, :slot], values[:, :, :slot]
    layer.dtype, layer.device = keys.dtype, keys.device
    return layer


def with_room(part: Tensor, slots: int) -> Tensor:
    """Return [A,heads,slots,d] that begins with a part [A,heads,n,d]."""
    rows, heads, filled, width = part.shape
    whole = part.new_empty(rows, heads, slots, width)
    whole[:, :, :filled] = part
    return whole


def as_cache(state: State) -> Any:
    """Return the library's cache of keys and values."""
    cache = import_module("transformers").DynamicCache()
    if state and state[0].shape[2]:
        for layer, start in enumerate(range(0, len(state), 2)):
            cache.update(state[start], state[start + 1], layer)
    return cache


def as_state(cache: Any) -> State:
    """Return keys and values of all layers."""
    return tuple(part for layer in cache.layers for part in (layer.keys, layer.values))


def no_keys(model: Any, rows: int, device: torch.device) -> Tensor:
    """Return the keys or values [rows,heads,0,d] of a layer that has read nothing."""
    config = model.config.get_text_config()
    heads = int(getattr(config, "num_key_value_heads", None) or config.num_attention_heads)
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    weight = model.get_input_embeddings().weight
    return torch.zeros(rows, heads, 0, int(width), dtype=weight.dtype, device=device)
