"""Rows that are being written token by token: what a generator remembers of them, changed in place.

``Stepper.advance`` maps a state to the next one. That is enough for a state of constant size (an LSTM's). A
Transformer's state grows with every token, so making it anew at every step copies all that was there before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

# What a generator remembers of a prefix: tensors whose dimension 0 is the batch.
State = tuple[Tensor, ...]


def take_rows(state: State, rows: Tensor) -> State:
    """Return the state of some rows, in the order of ``rows`` [M] (a row may be taken more than once)."""
    return tuple(part.index_select(0, rows) for part in state)


def join_rows(first: State, second: State) -> State:
    """One state of two batches that stand at the same position."""
    return tuple(torch.cat(pair) for pair in zip(first, second, strict=True))


class Rows(Protocol):
    """A batch of rows; every call changes it."""

    def read(self, tokens: Tensor) -> Tensor:
        """Read one more token [A] of each row; return hidden states [A,H]."""

    def keep(self, rows: Tensor) -> Tensor:
        """Forget all rows but ``rows`` [K] (ascending); return them in the order in which they lie now."""


class Beginnings(Protocol):
    """What a generator remembers of beginnings [G,S+n], each of which many rows may continue."""

    @property
    def hidden(self) -> Tensor:
        """[G,n+1,H]: at s, after the condition, BOS and s written tokens."""

    def rows(self, owner: Tensor, kept: Tensor) -> Rows:
        """Rows that begin as ``owner`` [A] (ascending) does, up to ``kept`` [A] written tokens of it."""


class StateRows:
    """Rows of a generator whose state has a constant size.

    Args:
        advance: (tokens [A], state) -> (hidden [A,H], next state).
        state: of the rows [A].
    """

    def __init__(self, advance: Callable[[Tensor, State], tuple[Tensor, State]], state: State):
        self.advance, self.state = advance, state

    def read(self, tokens: Tensor) -> Tensor:
        """See :class:`Rows`."""
        hidden, self.state = self.advance(tokens, self.state)
        return hidden

    def keep(self, rows: Tensor) -> Tensor:
        """See :class:`Rows`."""
        self.state = take_rows(self.state, rows)
        return rows


def closing_up(rows: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """How to keep ``rows`` [K] (ascending) of ``count`` rows by moving as few of them as possible.

    Returns:
        The order [K] in which they lie afterwards, the places below K that are to be filled [M], and the rows
        that fill them [M].
    """
    staying = rows < len(rows)
    free = torch.ones(count, dtype=torch.bool, device=rows.device)
    free[rows] = False
    places, movers = free[: len(rows)].nonzero().squeeze(1), rows[~staying]
    order = torch.arange(len(rows), device=rows.device)
    order[places] = movers
    return order, places, movers
