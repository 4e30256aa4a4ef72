"""How the ids of a language model correspond to those of a tokenizer.

A pretrained model keeps its ids, and the tokenizer's are shifted by the four special tokens:

    tokenizer   0 PAD        1 BOS        2 EOS   3 UNK       4 ... V-1
    model       bos or eos   bos or eos   eos     unk or eos  0 ... V-5

A model that is built for a tokenizer of the kit has the tokenizer's ids.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

PAD, BOS, EOS, UNK = 0, 1, 2, 3
"""The special ids of text tokenizers."""
SPECIAL_IDS = 4
NONE = -1
"""Stands for a special token that a model does not have."""


@dataclass(frozen=True)
class ModelIds:
    """A pretrained model's own special ids; without an end, the model has the tokenizer's ids."""

    bos: int = NONE
    eos: int = NONE
    unk: int = NONE


@dataclass(frozen=True)
class Numbering:
    """A table of the model's id for each id of the tokenizer."""

    special: tuple[int, ...]
    """The model's ids for PAD, BOS, EOS and UNK. That of PAD is read where nothing is given."""
    size: int
    """V, the number of the tokenizer's ids."""
    shift: int
    """What is subtracted from all other ids."""
    never_written: tuple[int, ...] = ()
    """Ids of the tokenizer with probability 0 besides PAD and BOS."""

    @property
    def model_size(self) -> int:
        """Number of the model's ids that the tokenizer uses."""
        return self.size - self.shift

    def model_ids(self) -> Tensor:
        """Return the model's ids [V]."""
        others = torch.arange(SPECIAL_IDS - self.shift, self.model_size)
        return torch.cat([torch.tensor(self.special), others])

    def arranged(self, rows: Tensor) -> Tensor:
        """Return the model's rows [V',...] in the tokenizer's order [V,...]."""
        if not self.shift:
            return rows[: self.size]
        special = torch.tensor(self.special, device=rows.device)
        # All others are consecutive, so this is one copy and not a gather.
        return torch.cat([rows[special], rows[: self.model_size]])


def numbering(vocabulary: int, ids: ModelIds) -> Numbering:
    """Return the numbering of a model for a tokenizer of V ids."""
    if ids.eos == NONE:
        return Numbering((BOS, BOS, EOS, UNK), vocabulary, 0)
    first = ids.eos if ids.bos == NONE else ids.bos
    unknown = ids.eos if ids.unk == NONE else ids.unk
    # The model's end is EOS and its beginning BOS, so their shifted ids are never written.
    unwritten = {UNK, *(token + SPECIAL_IDS for token in (ids.bos, ids.eos) if token != NONE)}
    special = (first, first, ids.eos, unknown)
    return Numbering(special, vocabulary, SPECIAL_IDS, tuple(sorted(unwritten)))
