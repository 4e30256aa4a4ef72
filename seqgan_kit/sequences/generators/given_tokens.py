"""Conditions of rows: the S given tokens before the T tokens that a generator writes."""

from __future__ import annotations

import torch
from torch import Tensor

from seqgan_kit.errors import UsageError


def check_given_length(given: int) -> int:
    """Return S, or raise UsageError if it is negative."""
    if given < 0:
        raise UsageError(f"given is {given}; it must be 0 (no condition) or more.")
    return given


def check_conditions(given: Tensor, n: int, length: int) -> Tensor:
    """Return ``given`` if it is [n,length]; else raise UsageError with the shape that is needed."""
    if tuple(given.shape) == (n, length):
        return given
    if not length:
        raise UsageError(
            f"this generator takes no condition, but got given tokens {tuple(given.shape)}: leave them out, "
            "or build the generator with given=S."
        )
    if not given.shape[-1]:
        raise UsageError(
            f"this generator writes after {length} given tokens: pass given=[{n},{length}], a condition for "
            "each sample; on the command line, --given FILE or --prompt TEXT."
        )
    raise UsageError(
        f"{n} samples of this generator need conditions of shape [{n},{length}], not "
        f"{list(given.shape)}: one row each, padded to {length} tokens."
    )


def conditions_of(rows: Tensor, n: int, length: int) -> Tensor:
    """Return the conditions [n,S] of the first ``n`` rows [B,S+T]; if there are fewer, they are repeated."""
    given = rows[:, :length]
    return given[:n] if n <= len(given) else given.repeat(-(-n // len(given)), 1)[:n]


def check_source(generator: str, given: int) -> None:
    """Raise UsageError for an encoder-decoder that has nothing to encode."""
    if given < 1:
        raise UsageError(
            f"the generator {generator} reads a source, and nothing is given: give sources (--sources, "
            "--source-column, --label-column or --prompt-words), or choose lstm, transformer or relational."
        )


def source_mask(given: Tensor, pad: int | None) -> Tensor:
    """Return which of the given tokens [B,S] are read: all up to the last that is not PAD, and the first."""
    seen = torch.ones_like(given, dtype=torch.bool) if pad is None else given != pad
    seen = seen.flip(1).cummax(1).values.flip(1)
    seen[:, 0] = True
    return seen
