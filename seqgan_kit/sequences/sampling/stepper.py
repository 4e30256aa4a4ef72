"""Stepping: a generator's weights prepared for reading and drawing many tokens, one position at a time."""

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
"""Rows that are stepped together unless told otherwise."""


class TokenModel(Protocol):
    """What samplers need to know of a generator: its tokens, its length, and where a row starts."""

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
    """Inference with fixed weights: what depends on the weights alone is computed once.

    Valid until the generator's parameters change; it takes no part in gradients. It does not
    force PAD after EOS, as a generator's ``step`` does: stop asking for rows that have ended.
    """

    generator: TokenModel
    advance: Callable[[Tensor, State], tuple[Tensor, State]]
    """(tokens [M], state) -> (hidden [M,H], next state)."""
    table: Tensor
    """The output layer [H+1,V]. Its bias is one more row: torch.addmm would copy it to all rows first."""
    cached: Callable[[Tensor], Rows] | None = None
    """Conditions [A,S] -> rows that have read them alone; None where a state is small enough to copy."""
    beginnings: Callable[[Tensor], Beginnings] | None = None
    """Reads beginnings [G,S+n] at once; None where a state is small enough to copy."""
    most_rows: int = CHUNK_ROWS
    """Rows that are best stepped together."""

    def rows(self, given: Tensor) -> Rows:
        """Return rows that have read their conditions [A,S] alone."""
        if self.cached is not None:
            return self.cached(given)
        return StateRows(self.advance, self.generator.start(given))

    def project(self, hidden: Tensor) -> Tensor:
        """Logits [M,V] of hidden states [M,H]."""
        return self._product(self._rows(hidden))

    def powers(self, hidden: Tensor, room: Tensor) -> Tensor:
        """exp(logits) [M,V], which may overflow; ``room`` [M,V] is overwritten."""
        return self._product(self._rows(hidden) * LOG2_E, room).exp2_()

    def _rows(self, hidden: Tensor) -> Tensor:
        # In float32, as in the generator: what is drawn must follow the probabilities that are scored.
        return F.pad(hidden.float(), (0, 1), value=1.0)

    def _product(self, rows: Tensor, out: Tensor | None = None) -> Tensor:
        with torch.autocast(rows.device.type, enabled=False):
            return product(rows, self.table, out)
