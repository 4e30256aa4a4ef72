"""An encoder-decoder Transformer that encodes the source once and caches its keys and values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqgan_kit.core.bounds import Above0, Share, Size, bounded, check_heads
from seqgan_kit.core.products import Linear
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.generators.given_tokens import check_source, source_mask
from seqgan_kit.sequences.generators.transformer import Block
from seqgan_kit.sequences.sampling.rows_in_progress import State
from seqgan_kit.sequences.soft_tokens import embed


@dataclass(frozen=True)
@bounded
class Seq2SeqConfig:
    """An encoder-decoder Transformer (Vaswani et al. 2017: width 512, 6 layers, 8 heads)."""

    width: Size = 256
    """Width of embeddings, positions and layers."""
    layers: Size = 3
    """Blocks of the encoder, and of the decoder."""
    heads: Size = 4
    """Attention heads; they share the width."""
    dropout: Share = 0.1
    """Share dropped in training: of embeddings, attention weights and what each layer adds."""
    initial_std: Above0 = 0.02
    """Weights start as N(0, std), those that add to the residual stream as N(0, std / sqrt(2 layers))."""


class ReadingBlock(Block):
    """A block of the encoder: every position attends to all positions except padding."""

    def read_source(self, x: Tensor, seen: Tensor) -> Tensor:
        """Map [B,S,W] with an attention mask [B,S] to [B,S,W]."""
        query, key, value = self._split(self.query_key_value(self.attention_norm(x)))
        dropout = self.dropout.p if self.dropout.training else 0.0
        mask = seen[:, None, None]
        mixed = F.scaled_dot_product_attention(query, key, value, mask, dropout_p=dropout)
        return self._add(x, mixed.transpose(1, 2).flatten(2))


class SourceAttention(nn.Module):
    """Cross-attention to the source: x + attention(norm(x), source)."""

    def __init__(self, width: int, heads: int, dropout: float):
        super().__init__()
        self.heads, self.norm = heads, nn.LayerNorm(width)
        self.query, self.key_value = Linear(width, width), Linear(width, 2 * width)
        self.attended, self.dropout = Linear(width, width), nn.Dropout(dropout)

    def forward(self, x: Tensor, remembered: Tensor, seen: Tensor) -> Tensor:
        """Map [B,n,W], the source's keys and values [B,S,2W] and a mask [B,S] to [B,n,W]."""
        query, key, value = (
            part.unflatten(2, (self.heads, -1)).transpose(1, 2)
            for part in (self.query(self.norm(x)), *remembered.chunk(2, dim=2))
        )
        dropout = self.dropout.p if self.dropout.training else 0.0
        mask = seen[:, None, None]
        mixed = F.scaled_dot_product_attention(query, key, value, mask, dropout_p=dropout)
        return x + self.dropout(self.attended(mixed.transpose(1, 2).flatten(2)))


class Seq2SeqGenerator(SequenceGenerator):
    """An encoder over the source, and a decoder in which cross-attention precedes every block.

    Differs from the paper: pre-norm layers, learned positions, cross-attention before self-attention instead
    of after, one embedding for source and target, and separate weights in the output layer. The state holds
    each block's keys and values [B,t,2W] of the written tokens, those of the source [B,S,2W], and the mask of
    the source. Stepping is inference: it applies no dropout.
    """

    def __init__(
        self,
        config: Seq2SeqConfig,
        vocabulary: int,
        length: int,
        *,
        bos: int,
        eos: int | None,
        pad: int | None,
        given: int = 0,
        source_vocabulary: int = 0,
        rng: torch.Generator | None = None,
    ):
        check_heads(config.width, config.heads)
        check_source("transformer_seq2seq", given)
        super().__init__(vocabulary, length, config.width, bos, eos, pad, given, source_vocabulary)
        self.config = config
        shape = (config.width, config.heads, config.dropout)
        self.embedding = nn.Embedding(self.readable, config.width)
        self.source_position = nn.Embedding(given, config.width)
        self.position = nn.Embedding(length, config.width)
        self.dropout = nn.Dropout(config.dropout)
        self.encoder = nn.ModuleList(ReadingBlock(*shape) for _ in range(config.layers))
        self.source_norm = nn.LayerNorm(config.width)
        self.lookups = nn.ModuleList(SourceAttention(*shape) for _ in range(config.layers))
        self.blocks = nn.ModuleList(Block(*shape) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width)
        self._initialise(rng)

    def encode(self, inputs: Tensor) -> Tensor:
        """See the base class; the hidden states of the S given positions are zeros."""
        given, written = inputs[:, : self.given], inputs[:, self.given :]
        *remembered, seen = self._read(given)
        x = self.dropout(embed(self.embedding, written) + self.position.weight[: written.shape[1]])
        for lookup, block, source in zip(self.lookups, self.blocks, remembered, strict=True):
            x = block(lookup(x, source, seen))
        return F.pad(self.norm(x), (0, 0, self.given, 0))

    def start(self, given: Tensor) -> State:
        """Return an empty cache [B,0,2W] for every block, and the source's keys and values."""
        nothing = self.output.weight.new_zeros(
            len(given), 0, 2 * self.config.width, device=given.device
        )
        return (nothing,) * self.config.layers + self._read(given)

    def advance(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """See the base class."""
        layers, following = self.config.layers, []
        source = state[layers:]
        x = embed(self.embedding, inputs) + self.position.weight[state[0].shape[1]]
        for number, past in enumerate(state[:layers]):
            lookup = cast(SourceAttention, self.lookups[number])
            x = lookup(x.unsqueeze(1), source[number], source[-1]).squeeze(1)
            x, past = cast(Block, self.blocks[number]).advance(x, past)
            following.append(past)
        return self.norm(x), (*following, *source)

    def _read(self, given: Tensor) -> State:
        """Return the source's keys and values [B,S,2W] for every block, and the mask [B,S]."""
        seen = source_mask(given, self.pad)
        longest = int(seen.sum(1).max())
        given, seen = given[:, :longest], seen[:, :longest]
        x = self.dropout(embed(self.embedding, given) + self.source_position.weight[:longest])
        for block in self.encoder:
            x = cast(ReadingBlock, block).read_source(x, seen)
        x = self.source_norm(x)
        return (*(cast(SourceAttention, lookup).key_value(x) for lookup in self.lookups), seen)

    @torch.no_grad()
    def _initialise(self, rng: torch.Generator | None) -> None:
        std = self.config.initial_std
        for name, parameter in self.named_parameters():
            if name.endswith(("attended.weight", "contract.weight")):
                parameter.normal_(0.0, std / math.sqrt(2 * self.config.layers), generator=rng)
            elif parameter.dim() == 2:
                parameter.normal_(0.0, std, generator=rng)
            elif name.endswith("bias"):
                parameter.zero_()
