"""Rows that are written token by token, with a generator state that is changed in place.

``Stepper.advance`` maps a state to the next one, which is sufficient for a state of constant size (an
LSTM's). A Transformer's state grows with every token, so creating a new one at every step would copy the
whole cache.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

# The state of a generator after a prefix: tensors whose dimension 0 is the batch.
State = tuple[Tensor, ...]


def take_rows(state: State, rows: Tensor) -> State:
    """Return the state of some rows, in the order of ``rows`` [M] (a row may be taken more than once)."""
    return tuple(part.index_select(0, rows) for part in state)


def join_rows(first: State, second: State) -> State:
    """Concatenate the states of two batches at the same position."""
    return tuple(torch.cat(pair) for pair in zip(first, second, strict=True))


class Rows(Protocol):
    """A batch of unfinished rows; every call changes it."""

    def read(self, tokens: Tensor) -> Tensor:
        """Read one more token [A] of each row; return hidden states [A,H]."""

    def keep(self, rows: Tensor) -> Tensor:
        """Drop all rows except ``rows`` [K] (ascending); return them in their new order."""

    def follow(self, parents: Tensor) -> None:
        """Replace the rows by [K] continuations of rows ``parents`` [K], each after its parent's condition;
        rows with one condition stay together."""


class Beginnings(Protocol):
    """The state of a generator for beginnings [G,S+n], each of which many rows may continue."""

    @property
    def hidden(self) -> Tensor:
        """Hidden states [G,n+1,H]; entry s is after the condition, BOS and s written tokens."""

    def rows(self, owner: Tensor, kept: Tensor) -> Rows:
        """Return rows that begin with the first ``kept`` [A] written tokens of ``owner`` [A] (ascending)."""


class StateRows:
    """Rows of a generator whose state has a constant size.

    Args:
        advance: function (tokens [A], state) -> (hidden [A,H], next state).
        state: state of the rows [A].
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

    def follow(self, parents: Tensor) -> None:
        """See :class:`Rows`."""
        self.state = take_rows(self.state, parents)


def closing_up(rows: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return how to keep ``rows`` [K] (ascending) of ``count`` rows with the fewest moves.

    Returns:
        Their new order [K], the places below K to be filled [M], and the rows that fill them [M].
    """
    staying = rows < len(rows)
    free = torch.ones(count, dtype=torch.bool, device=rows.device)
    free[rows] = False
    places, movers = free[: len(rows)].nonzero().squeeze(1), rows[~staying]
    order = torch.arange(len(rows), device=rows.device)
    order[places] = movers
    return order, places, movers
