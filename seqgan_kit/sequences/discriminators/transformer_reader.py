"""A discriminator with a Transformer encoder."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqgan_kit.core.bounds import Share, Size, bounded, check_heads
from seqgan_kit.core.products import Linear
from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.soft_tokens import embed, presence


@dataclass(frozen=True)
@bounded
class TransformerReaderConfig:
    """Settings of a Transformer encoder with pre-norm blocks."""

    width: Size = 64
    """Width of embeddings and blocks."""
    layers: Size = 2
    """Number of blocks, each of attention and a feed-forward network."""
    heads: Size = 4
    """Number of attention heads, which split the width."""
    feedforward: Size = 256
    """Hidden width of the feed-forward networks."""
    pooling: Literal["start", "mean"] = "mean"
    """Pooling: the output at a learned vector before the first token, or the mean over the tokens (which
    needs about half as many updates)."""
    dropout: Share = 0.1
    """Dropout rate on embeddings and after each half of a block."""


class TransformerReader(nn.Module):
    """Token and learned position embeddings, pre-norm encoder blocks (Vaswani et al. 2017), pooling.

    A learned vector precedes the first token, as in BERT (Devlin et al. 2019). PAD is masked in attention.
    Soft one-hots are weighted by their presence, in a plain implementation of attention, since the fused
    kernels used for ids have no second derivative.

    Args:
        config: widths, layers, heads, pooling, dropout.
        vocabulary: V.
        length: T, the number of learned positions; shorter rows are read as well.
        pad: the padding token, or None.
    """

    def __init__(
        self, config: TransformerReaderConfig, vocabulary: int, length: int, *, pad: int | None
    ):
        super().__init__()
        check_heads(config.width, config.heads)
        self.config, self.length, self.pad = config, length, pad
        self.features = config.width
        # torch's default N(0, 1) is kept, since layer normalisation divides the input's gradient by this
        # scale.
        self.embedding = nn.Embedding(vocabulary, config.width, padding_idx=pad)
        self.positions = nn.Parameter(torch.randn(1 + length, config.width))
        self.blocks = nn.ModuleList(EncoderBlock(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width)
        self.dropout = nn.Dropout(config.dropout)

    def separate_blocks(self) -> list[nn.Module]:
        """See :class:`~seqgan_kit.core.sharding.sharded_player.HasBlocks`."""
        return list(self.blocks)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map [B,T] ids or [B,T,V] soft one-hots to features [B,F]."""
        if tokens.shape[1] > self.length:
            raise UsageError(
                f"a sequence of {tokens.shape[1]} tokens does not fit the {self.length} positions of the "
                f"discriminator: build it with length {tokens.shape[1]}."
            )
        present = F.pad(presence(tokens, self.pad), (1, 0), value=1.0)
        states = F.pad(embed(self.embedding, tokens), (0, 0, 1, 0))
        states = self.dropout(states + self.positions[: states.shape[1]])
        for block in self.blocks:
            states = block(states, present, soft=tokens.is_floating_point())
        states = self.norm(states)
        if self.config.pooling == "start":
            return states[:, 0]
        share = present[:, 1:, None]
        return (states[:, 1:] * share).sum(1) / share.sum(1).clamp(min=1e-6)


class EncoderBlock(nn.Module):
    """An encoder block: x + attention(norm(x)), then x + feedforward(norm(x))."""

    def __init__(self, config: TransformerReaderConfig):
        super().__init__()
        self.heads = config.heads
        self.norm_attention = nn.LayerNorm(config.width)
        self.norm_feedforward = nn.LayerNorm(config.width)
        self.project_in = Linear(config.width, 3 * config.width)
        self.project_out = Linear(config.width, config.width)
        self.feedforward = nn.Sequential(
            Linear(config.width, config.feedforward),
            nn.GELU(),
            Linear(config.feedforward, config.width),
        )
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, states: Tensor, present: Tensor, soft: bool) -> Tensor:
        """Map states [B,S,W] and the presence [B,S] of their tokens to states [B,S,W]."""
        states = states + self.dropout(self._attend(self.norm_attention(states), present, soft))
        return states + self.dropout(self.feedforward(self.norm_feedforward(states)))

    def _attend(self, states: Tensor, present: Tensor, soft: bool) -> Tensor:
        query, key, value = self.project_in(states).unflatten(2, (3, self.heads, -1)).unbind(2)
        query, key, value = (part.transpose(1, 2) for part in (query, key, value))
        if soft:
            seen = soft_attention(query, key, value, present)
        else:
            mask = present.bool()[:, None, None]
            seen = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return self.project_out(seen.transpose(1, 2).flatten(2))


def soft_attention(query: Tensor, key: Tensor, value: Tensor, present: Tensor) -> Tensor:
    """Return attention [B,h,S,d] in which key j has weight present_j * exp(q . k_j / sqrt(d)), normalised.

    With presence 0 or 1 this is masked attention. At least one key must be present.

    Args:
        query: [B,h,S,d], as are ``key`` and ``value``.
        present: [B,S] in [0, 1].
    """
    scores = query @ key.transpose(2, 3) / math.sqrt(query.shape[-1])
    weights = scores.softmax(-1) * present[:, None, None]
    return weights / weights.sum(-1, keepdim=True).clamp(min=1e-30) @ value
