"""Reading ids and soft one-hots alike, padding included.

Soft one-hots are rows of V weights that sum to 1: a generator's softmax, or a point on the line between a
real and a generated sequence, where a gradient penalty looks. What is done to them must be ids' own at the
corners and have a second derivative in between.
"""

from __future__ import annotations

from torch import Tensor, nn


def embed(embedding: nn.Embedding, tokens: Tensor) -> Tensor:
    """[...] ids or [...,V] soft one-hots -> [...,E]; of soft ones the mean embedding.

    Where padding is embedded as zeros and never learned, that holds for soft ones as well.
    """
    if not tokens.is_floating_point():
        return embedding(tokens)
    weight, pad = embedding.weight, embedding.padding_idx
    if pad is not None:
        weight = weight.select_scatter(weight.new_zeros(weight.shape[1]), 0, pad)
    return tokens @ weight


def presence(tokens: Tensor, pad: int | None) -> Tensor:
    """How much of a token stands at each position [B,T]: 0 on PAD, 1 elsewhere, and between for soft ones."""
    if tokens.is_floating_point():
        soft = tokens.new_ones(()) if pad is None else 1 - tokens[..., pad]
        return soft.expand(tokens.shape[:2])
    return (tokens != (-1 if pad is None else pad)).float()
