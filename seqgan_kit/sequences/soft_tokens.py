"""Functions that read ids and soft one-hots alike, including padding.

Soft one-hots are rows of V weights that sum to 1: a generator's softmax, or a point on the line between a
real and a generated sequence, where a gradient penalty is evaluated. On exact one-hots, these functions equal
those on ids, and they have second derivatives everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.penalties import GradientPenalty


def embed(embedding: nn.Embedding, tokens: Tensor) -> Tensor:
    """Embed [...] ids or [...,V] soft one-hots as [...,E]; soft one-hots get the weighted mean embedding.

    If the embedding of padding is a fixed zero, this also holds for soft one-hots. Soft tokens may have fewer
    ids than the table, whose last ones are then those of given tokens alone.
    """
    if not tokens.is_floating_point():
        return embedding(tokens)
    weight, pad = embedding.weight, embedding.padding_idx
    if pad is not None:
        weight = weight.select_scatter(weight.new_zeros(weight.shape[1]), 0, pad)
    return tokens @ weight[: tokens.shape[-1]]


def presence(tokens: Tensor, pad: int | None) -> Tensor:
    """Return the presence of a token at each position [B,T]: 0 on PAD, 1 elsewhere, in between for soft
    tokens."""
    if tokens.is_floating_point():
        soft = tokens.new_ones(()) if pad is None else 1 - tokens[..., pad]
        return soft.expand(tokens.shape[:2])
    return (tokens != (-1 if pad is None else pad)).float()


@dataclass(frozen=True)
class SoftTokenPenalty:
    """A gradient penalty on the lines between real rows of ids, as one-hots, and soft generated rows."""

    penalty: GradientPenalty

    @property
    def name(self) -> str:
        return self.penalty.name

    def check(self, discriminator: nn.Module) -> None:
        self.penalty.check(discriminator)

    def __call__(
        self, discriminator: Discriminator, real: Tensor, fake: Tensor, rng: torch.Generator
    ) -> Tensor:
        return self.penalty(discriminator, F.one_hot(real, fake.shape[-1]), fake, rng)
