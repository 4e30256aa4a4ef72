"""Conditions of rows, the S given tokens before the T written ones; checks of special ids."""

from __future__ import annotations

import torch
from torch import Tensor

from seqgan_kit.errors import UsageError


def check_special(vocabulary: int, length: int, bos: int, eos: int | None, pad: int | None) -> None:
    """Raise UsageError for impossible sizes or ids of special tokens."""
    if length < 1 or vocabulary < 2:
        raise UsageError(
            f"the vocabulary is {vocabulary} and the length {length}; use at least 2 and 1."
        )
    if eos is not None and pad is None:
        raise UsageError(
            "a generator with eos needs pad for the positions after it: give pad as well."
        )
    special = [token for token in (bos, eos, pad) if token is not None]
    if len(set(special)) < len(special) or not all(0 <= token < vocabulary for token in special):
        raise UsageError(
            f"bos={bos}, eos={eos}, pad={pad} must be different ids from 0 to {vocabulary - 1}."
        )


def check_given(given: int, source_vocabulary: int) -> None:
    """Raise UsageError for an impossible S, or for ids of sources where nothing is given."""
    if given < 0:
        raise UsageError(f"given is {given}; it must be 0 (no condition) or more.")
    if source_vocabulary < 0 or (source_vocabulary and not given):
        raise UsageError(
            f"source_vocabulary is {source_vocabulary} with {given} given tokens; it must be 0 or more, "
            "and 0 if nothing is given."
        )


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
