"""Keys and values of a Transformer's rows in room made beforehand; rows with one beginning share its part.

A row that continues the first s tokens of a sequence attends to that sequence's keys up to s, which lie in
memory once for all such rows and positions, and to the keys of its own tail. Both scores go through one
softmax, so the attention is exactly that of the whole row. Rows of different s advance together: their tails
are equally long, and what lies beyond a row's beginning is masked. A row's tail is written in place, and a
row that ends is replaced by the last one, so that no step copies a cache.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from seqgan_kit.sequences.sampling.rows_in_progress import closing_up

Attend = Callable[[int, Tensor, Tensor, Tensor], Tensor]
"""(layer, query, key, value), each [A,heads,d] -> their mixture [A,heads,d]."""


class LayerStack(Protocol):
    """A network whose layers attend to what has been read before."""

    length: int
    given: int

    def read_position(self, tokens: Tensor, places: Tensor, attend: Attend) -> Tensor:
        """Read one token [A] of each row at its place [A]; return hidden states [A,H]."""


@dataclass(frozen=True)
class KnownBeginnings:
    """Beginnings [G,S+n], of n written tokens, that have been read at once."""

    generator: LayerStack
    hidden: Tensor
    """[G,n+1,H]: at s, after BOS and s written tokens."""
    keys: list[Tensor]
    """Of every layer [G,heads,S+n+1,d]."""
    values: list[Tensor]
    """Of every layer [G,heads,S+n+1,d]."""

    def rows(self, owner: Tensor, kept: Tensor) -> CachedRows:
        """See :class:`~seqgan_kit.sequences.sampling.rows_in_progress.Beginnings`; ``owner`` is ascending."""
        last = self.generator.given + kept
        longest = int(last.max()) + 1
        owners, of_row = owner.unique_consecutive(return_inverse=True)
        first = torch.searchsorted(owner, owners)
        place = torch.arange(len(owner), device=owner.device) - first[of_row]
        most = int(place.max()) + 1
        masked = torch.arange(longest, device=owner.device) > last.unsqueeze(1)
        shared = _Shared(
            [part[owners, :, :longest].flatten(0, 1) for part in self.keys],
            [part[owners, :, :longest].flatten(0, 1) for part in self.values],
            most,
            of_row * most + place,
            masked,
            len(owner) == len(owners) * most,
        )
        return CachedRows(self.generator, last + 1, self.generator.length - int(kept.min()), shared)


@dataclass
class _Shared:
    """What P beginnings hold for the rows that continue them, at most R rows each."""

    keys: list[Tensor]
    """Of every layer [P*heads,S,d]."""
    values: list[Tensor]
    most: int
    """R."""
    slot: Tensor
    """[A]: where a row lies among P*R."""
    masked: Tensor
    """[A,S]: what is not part of a row's own beginning."""
    is_full: bool
    """Whether the rows lie in the order of their slots, and no slot is free."""

    def scores(self, query: Tensor, layer: int) -> Tensor:
        """Scores [A,heads,S] of queries [A,heads,d]."""
        found = self._laid_out(query) @ self.keys[layer].transpose(1, 2)  # [P*heads,R,S]
        return self._of_rows(found, query.shape[1]).masked_fill(self.masked.unsqueeze(1), -math.inf)

    def mixed(self, weights: Tensor, layer: int) -> Tensor:
        """Sums of values [A,heads,d], weighted by [A,heads,S]."""
        return self._of_rows(self._laid_out(weights) @ self.values[layer], weights.shape[1])

    def take(self, order: Tensor) -> None:
        """The rows ``order`` [K] alone."""
        self.slot, self.masked, self.is_full = self.slot[order], self.masked[order], False

    def _laid_out(self, rows: Tensor) -> Tensor:
        """[A,heads,X] -> [P*heads,R,X], zeros where no row is."""
        if not self.is_full:
            slots = len(self.keys[0]) // rows.shape[1] * self.most
            rows = rows.new_zeros(slots, *rows.shape[1:]).index_copy_(0, self.slot, rows)
        return rows.unflatten(0, (-1, self.most)).transpose(1, 2).flatten(0, 1)

    def _of_rows(self, found: Tensor, heads: int) -> Tensor:
        """[P*heads,R,X] -> [A,heads,X]."""
        rows = found.unflatten(0, (-1, heads)).transpose(1, 2).flatten(0, 1)
        return rows if self.is_full else rows.index_select(0, self.slot)


class CachedRows:
    """Rows of a Transformer that are read token by token.

    Args:
        generator: whose layers read.
        places: [A]: how many inputs of each row have been read (BOS is one).
        room: how many more will be, at most.
        shared: what the rows' beginnings hold; None where nothing has been read.
    """

    def __init__(
        self,
        generator: LayerStack,
        places: Tensor,
        room: int,
        shared: _Shared | None = None,
    ):
        self.generator, self.places, self.room, self.shared = generator, places, room, shared
        self.tail = 0
        """Tokens in every row's tail."""
        self.keys: list[Tensor] = []
        """Of every layer [rows,heads,d,room]: of these all but the first A rows and ``tail`` are free."""
        self.values: list[Tensor] = []
        """Of every layer [rows,heads,room,d]."""

    def read(self, tokens: Tensor) -> Tensor:
        """See :class:`~seqgan_kit.sequences.sampling.rows_in_progress.Rows`."""
        hidden = self.generator.read_position(tokens, self.places, self._attend)
        self.tail += 1
        self.places = self.places + 1
        return hidden

    def keep(self, rows: Tensor) -> Tensor:
        """See :class:`~seqgan_kit.sequences.sampling.rows_in_progress.Rows`."""
        order, places, movers = closing_up(rows, len(self.places))
        self.places = self.places[order]
        if self.shared is not None:
            self.shared.take(order)
        if len(movers):
            for keys, values in zip(self.keys, self.values, strict=True):
                keys[places, :, :, : self.tail] = keys[movers, :, :, : self.tail]
                values[places, :, : self.tail] = values[movers, :, : self.tail]
        return order

    def _attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Each [A,heads,d] -> [A,heads,d]; the key and value are remembered."""
        keys, values = self._remember(layer, key, value)
        heads, width = query.shape[1:]
        query = query / math.sqrt(width)
        scores = torch.bmm(query.reshape(-1, 1, width), keys).view(-1, heads, self.tail + 1)
        if self.shared is None:
            weights = scores.softmax(2)
        else:
            weights = torch.cat([self.shared.scores(query, layer), scores], dim=2).softmax(2)
        weights = weights.to(value.dtype)
        own = weights[..., -(self.tail + 1) :]
        mixed = torch.bmm(own.reshape(-1, 1, self.tail + 1), values).view(-1, heads, width)
        if self.shared is None:
            return mixed
        return mixed + self.shared.mixed(weights[..., : -(self.tail + 1)], layer)

    def _remember(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Return the tails' keys [A*heads,d,t] and values [A*heads,t,d], these among them."""
        rows, heads, width = key.shape
        if layer == len(self.keys):
            self.keys.append(key.new_empty(rows, heads, width, self.room))
            self.values.append(value.new_empty(rows, heads, self.room, width))
        keys, values = self.keys[layer][:rows], self.values[layer][:rows]
        keys[..., self.tail], values[:, :, self.tail] = key, value
        known = self.tail + 1
        return keys[..., :known].flatten(0, 1), values[:, :, :known].flatten(0, 1)
