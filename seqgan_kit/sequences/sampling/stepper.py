"""Steppers: a generator's weights, prepared to read and draw many tokens one position at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from seqgan_kit.core.products import product
from seqgan_kit.sequences.kernels.fused_likelihood import LOG2_E
from seqgan_kit.sequences.sampling.rows_in_progress import Beginnings, Rows, State, StateRows

CHUNK_ROWS = 1024
"""Default number of rows that are stepped together."""


class TokenModel(Protocol):
    """The parts of a generator that samplers use: its tokens, its length and its initial state."""

    vocabulary: int
    length: int
    given: int
    bos: int
    eos: int | None
    pad: int | None

    def start(self, given: Tensor) -> State:
        """Return the state after the condition [B,S] and before the first input."""

    def token_mask(self, tokens: Tensor) -> Tensor:
        """Return True [B,T] on the written tokens of rows [B,S+T] up to and including their first EOS."""


@dataclass(frozen=True)
class Stepper:
    """Inference with fixed weights; values that depend only on the weights are computed once.

    It is valid until the generator's parameters change, and has no gradients. Unlike a generator's ``step``,
    it does not force PAD after EOS: the caller must drop rows that have ended.
    """

    generator: TokenModel
    advance: Callable[[Tensor, State], tuple[Tensor, State]]
    """Function (tokens [M], state) -> (hidden [M,H], next state)."""
    table: Tensor
    """The output layer [H+1,V]. The bias is its last row, because torch.addmm would copy it to all rows
    first."""
    cached: Callable[[Tensor], Rows] | None = None
    """Function from conditions [A,S] to rows that have read only them; None if the state is small enough to
    copy."""
    beginnings: Callable[[Tensor], Beginnings] | None = None
    """Function that reads beginnings [G,S+n] at once; None if the state is small enough to copy."""
    most_rows: int = CHUNK_ROWS
    """Best number of rows to step together."""

    def rows(self, given: Tensor) -> Rows:
        """Return rows that have read only their conditions [A,S]."""
        if self.cached is not None:
            return self.cached(given)
        return StateRows(self.advance, self.generator.start(given))

    def project(self, hidden: Tensor) -> Tensor:
        """Return logits [M,V] of hidden states [M,H]."""
        return self._product(self._rows(hidden))

    def powers(self, hidden: Tensor, room: Tensor) -> Tensor:
        """Return exp(logits) [M,V], which may overflow; the buffer ``room`` [M,V] is overwritten."""
        return self._product(self._rows(hidden) * LOG2_E, room).exp2_()

    def _rows(self, hidden: Tensor) -> Tensor:
        # float32, as in the generator: samples must follow the same probabilities that are scored.
        return F.pad(hidden.float(), (0, 1), value=1.0)

    def _product(self, rows: Tensor, out: Tensor | None = None) -> Tensor:
        with torch.autocast(rows.device.type, enabled=False):
            return product(rows, self.table, out)
