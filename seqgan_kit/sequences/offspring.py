"""Copies of a generator that are trained apart from each other."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator


class Offspring(nn.Module):
    """Copies of a generator, the course of each one's temperature, and the temperature of the chosen one."""

    courses: Tensor
    temperature: Tensor

    def __init__(self, generator: SequenceGenerator, count: int):
        super().__init__()
        self.networks = nn.ModuleList(copy.deepcopy(generator) for _ in range(count))
        self.register_buffer("courses", torch.zeros(count, dtype=torch.int64))
        self.register_buffer("temperature", torch.ones(()))

    def all(self) -> Sequence[SequenceGenerator]:
        """Return the children."""
        return cast("Sequence[SequenceGenerator]", self.networks)
