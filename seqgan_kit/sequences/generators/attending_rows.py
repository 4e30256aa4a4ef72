"""Rows of a recurrent decoder that attends to sources; rows of one source share its encoding.

A row's own state is small. The encoding of a source, S times as large, is stored once for all its rows, so
neither copies of a prefix nor dropped rows copy it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from seqgan_kit.sequences.generators.row_groups import RowGroups
from seqgan_kit.sequences.sampling.rows_in_progress import State, take_rows

_LEAST_USE = 0.6
"""Share of the slots that must be in use; below it the encodings are gathered anew for the remaining rows."""

Attend = Callable[[Tensor, Tensor, State, RowGroups], tuple[Tensor, Tensor]]
"""(tokens [A], hidden [A,H], sources of P groups, groups) -> (outputs [A,H], next hidden [A,H])."""


@dataclass
class AttendingRows:
    """A batch of unfinished rows.

    Attributes:
        attend: one step of the decoder.
        sources: encodings of P sources, each part [P,...].
        hidden: [A,H] state of each row.
        owner: [A], ascending: which of the sources each row attends to.
    """

    attend: Attend
    sources: State
    hidden: Tensor
    owner: Tensor
    groups: RowGroups = field(init=False)

    def __post_init__(self) -> None:
        self._gather()

    def read(self, tokens: Tensor) -> Tensor:
        """See :class:`~seqgan_kit.sequences.sampling.rows_in_progress.Rows`."""
        output, self.hidden = self.attend(tokens, self.hidden, self.sources, self.groups)
        return output

    def keep(self, rows: Tensor) -> Tensor:
        """See :class:`~seqgan_kit.sequences.sampling.rows_in_progress.Rows`."""
        self.hidden, self.owner = self.hidden[rows], self.owner[rows]
        self.groups.keep(rows)
        if len(rows) and self.groups.use < _LEAST_USE:
            self._gather()
        return rows

    def follow(self, parents: Tensor) -> None:
        """See :class:`~seqgan_kit.sequences.sampling.rows_in_progress.Rows`."""
        self.hidden, self.owner = self.hidden[parents], self.owner[parents]
        self._gather()

    def _gather(self) -> None:
        """Keep the sources that a row attends to."""
        self.groups = RowGroups(self.owner)
        if len(self.groups.owners) < len(self.sources[0]):
            self.sources = take_rows(self.sources, self.groups.owners)
        self.owner = self.groups.group


@dataclass(frozen=True)
class ReadBeginnings:
    """Beginnings [G,S+n], with n written tokens, that were read token by token.

    Attributes:
        attend: one step of the decoder.
        sources: encodings of the G sources.
        hidden: [G,n+1,H] outputs; entry s is after BOS and s written tokens.
        states: [G,n+1,H] states at the same places.
    """

    attend: Attend
    sources: State
    hidden: Tensor
    states: Tensor

    def rows(self, owner: Tensor, kept: Tensor) -> AttendingRows:
        """See :class:`~seqgan_kit.sequences.sampling.rows_in_progress.Beginnings`."""
        return AttendingRows(self.attend, self.sources, self.states[owner, kept], owner)


def read_beginnings(
    attend: Attend, first: Tensor, sources: State, inputs: Tensor
) -> ReadBeginnings:
    """Read inputs [G,n+1], BOS first, from the states [G,H] after the sources."""
    rows = AttendingRows(attend, sources, first, torch.arange(len(first), device=first.device))
    outputs, states = [], []
    for tokens in inputs.t():
        outputs.append(rows.read(tokens))
        states.append(rows.hidden)
    return ReadBeginnings(attend, sources, torch.stack(outputs, 1), torch.stack(states, 1))
