"""Generators with top-k or top-p sampling."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.sampling.drawing_tokens import check_sampling_options


class Truncated(nn.Module):
    """A generator that samples with top-k or top-p (nucleus) sampling (Holtzman et al. 2020).

    It has samples but no useful likelihood: excluded tokens have probability 0, and almost every real text
    contains some of them.

    Args:
        generator: the full generator.
        top_k: draw from the k most likely tokens.
        top_p: draw from the fewest tokens whose total probability reaches this value.
    """

    def __init__(
        self, generator: SequenceGenerator, *, top_k: int | None = None, top_p: float | None = None
    ):
        super().__init__()
        check_sampling_options(1.0, top_k, top_p)
        self.generator, self.top_k, self.top_p = generator, top_k, top_p

    def sample(self, n: int, *, rng: torch.Generator, given: Tensor | None = None) -> Tensor:
        """Draw token rows [n,S+T] after conditions [n,S]."""
        return self.generator.sample(n, rng=rng, given=given, top_k=self.top_k, top_p=self.top_p)
