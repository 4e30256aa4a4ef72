"""A preallocated cache of a Transformer's keys and values; rows with the same beginning share its part.

A row that continues the first s tokens of a sequence attends to two sets of keys: those of the sequence up to
s, stored once for all such rows, and those of its own tail. Both scores go through one softmax, so the
attention is exactly that of the whole row. Rows with different s advance together: their tails are equally
long, and keys beyond a row's beginning are masked. Tails are written in place, and a row that ends is
replaced by the last one, so no step copies the cache.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from seqgan_kit.sequences.generators.row_groups import RowGroups
from seqgan_kit.sequences.sampling.rows_in_progress import closing_up

Attend = Callable[[int, Tensor, Tensor, Tensor], Tensor]
"""Function of (layer, query, key, value), each [A,heads,d], that returns the attention output [A,heads,d]."""


class LayerStack(Protocol):
    """A network whose layers attend to earlier positions."""

    length: int
    given: int

    def read_position(self, tokens: Tensor, places: Tensor, attend: Attend) -> Tensor:
        """Read one token [A] of each row at its place [A]; return hidden states [A,H]."""


@dataclass(frozen=True)
class KnownBeginnings:
    """Beginnings [G,S+n], with n written tokens, that were read in one pass."""

    generator: LayerStack
    hidden: Tensor
    """[G,n+1,H]: hidden states; entry s is after BOS and s written tokens."""
    keys: list[Tensor]
    """Of every layer [G,heads,S+n+1,d]."""
    values: list[Tensor]
    """Of every layer [G,heads,S+n+1,d]."""

    def rows(self, owner: Tensor, kept: Tensor) -> CachedRows:
        """See :class:`~seqgan_kit.sequences.sampling.rows_in_progress.Beginnings`; ``owner`` is ascending."""
        last = self.generator.given + kept
        longest = int(last.max()) + 1
        groups = RowGroups(owner)
        masked = torch.arange(longest, device=owner.device) > last.unsqueeze(1)
        shared = _Shared(
            [part[groups.owners, :, :longest].flatten(0, 1) for part in self.keys],
            [part[groups.owners, :, :longest].flatten(0, 1) for part in self.values],
            groups,
            masked,
        )
        return CachedRows(self.generator, last + 1, self.generator.length - int(kept.min()), shared)


@dataclass
class _Shared:
    """Keys and values of P beginnings, each shared by at most R rows."""

    keys: list[Tensor]
    """Of every layer [P*heads,S,d]."""
    values: list[Tensor]
    groups: RowGroups
    """Which beginning each row has."""
    masked: Tensor
    """[A,S]: mask of positions that are not part of the row's own beginning."""

    def scores(self, query: Tensor, layer: int) -> Tensor:
        """Return attention scores [A,heads,S] of queries [A,heads,d]."""
        found = self._laid_out(query) @ self.keys[layer].transpose(1, 2)  # [P*heads,R,S]
        return self._of_rows(found, query.shape[1]).masked_fill(self.masked.unsqueeze(1), -math.inf)

    def mixed(self, weights: Tensor, layer: int) -> Tensor:
        """Return the sums [A,heads,d] of values weighted by [A,heads,S]."""
        return self._of_rows(self._laid_out(weights) @ self.values[layer], weights.shape[1])

    def take(self, order: Tensor) -> None:
        """Keep only the rows ``order`` [K]."""
        self.groups.keep(order)
        self.masked = self.masked[order]

    def _laid_out(self, rows: Tensor) -> Tensor:
        """Reshape [A,heads,X] to [P*heads,R,X], with zeros in free slots."""
        return self.groups.laid_out(rows).transpose(1, 2).flatten(0, 1)

    def _of_rows(self, found: Tensor, heads: int) -> Tensor:
        """Reshape [P*heads,R,X] to [A,heads,X]."""
        return self.groups.of_rows(found.unflatten(0, (-1, heads)).transpose(1, 2))


class CachedRows:
    """Rows that a Transformer reads token by token.

    Args:
        generator: the network.
        places: [A], the number of inputs read so far in each row, including BOS.
        room: largest number of further inputs.
        shared: the cache of the rows' beginnings; None if nothing has been read.
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
        """Number of tokens in every row's tail."""
        self.keys: list[Tensor] = []
        """Keys per layer [rows,heads,d,room]; only the first A rows and ``tail`` positions are in use."""
        self.values: list[Tensor] = []
        """Values per layer [rows,heads,room,d]."""

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

    def follow(self, parents: Tensor) -> None:
        """See :class:`~seqgan_kit.sequences.sampling.rows_in_progress.Rows`."""
        assert self.shared is None, "only rows that began with their conditions branch"
        self.places = self.places[parents]
        self.keys, self.values = (
            [part[parents] for part in kept] for kept in (self.keys, self.values)
        )

    def _attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Store key and value, and return the attention output [A,heads,d] of the query."""
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
        """Store key and value, and return the tails' keys [A*heads,d,t] and values [A*heads,t,d]."""
        rows, heads, width = key.shape
        if layer == len(self.keys):
            self.keys.append(key.new_empty(rows, heads, width, self.room))
            self.values.append(value.new_empty(rows, heads, self.room, width))
        keys, values = self.keys[layer][:rows], self.values[layer][:rows]
        keys[..., self.tail], values[:, :, self.tail] = key, value
        known = self.tail + 1
        return keys[..., :known].flatten(0, 1), values[:, :, :known].flatten(0, 1)
