"""The Transformer generator: a decoder with a key-value cache, so that a step reads one token."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqgan_kit.core.bounds import Above0, Share, Size, bounded, check_heads
from seqgan_kit.core.products import Linear
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.generators.key_value_cache import Attend, CachedRows, KnownBeginnings
from seqgan_kit.sequences.sampling.rows_in_progress import State
from seqgan_kit.sequences.sampling.stepper import Stepper
from seqgan_kit.sequences.soft_tokens import embed

# Of rows that are stepped together. Fewer make more operations that are too small for their cost; more gain
# nothing, whether or not the keys and values stay in the last cache until the next step.
_CACHE_BYTES = 64_000_000


@dataclass(frozen=True)
@bounded
class TransformerConfig:
    """Settings of a decoder-only Transformer; layout and initialisation are GPT-2's (Radford et al. 2019)."""

    width: Size = 128
    """Width of embeddings and layers."""
    layers: Size = 2
    """Number of blocks, each of attention and a feed-forward layer."""
    heads: Size = 4
    """Number of attention heads, which split the width."""
    dropout: Share = 0.1
    """Dropout rate on embeddings, attention weights and residual branches."""
    initial_std: Above0 = 0.02
    """Standard deviation of the initial weights, N(0, std); residual outputs have N(0, std / sqrt(2
    layers))."""


class Block(nn.Module):
    """A pre-norm block: x + attention(norm(x)), then x + feed-forward(norm(x)) (Radford et al. 2019)."""

    steps = ("remembered", "read", "advance")
    """See :meth:`~seqgan_kit.core.sharding.sharded_player.HasBlocks.separate_blocks`."""

    def __init__(self, width: int, heads: int, dropout: float):
        super().__init__()
        self.heads = heads
        self.attention_norm, self.mlp_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query_key_value = Linear(width, 3 * width)
        self.attended = Linear(width, width)
        self.expand, self.contract = Linear(width, 4 * width), Linear(4 * width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Map whole sequences [B,T,W] to [B,T,W]; position t attends to 1 ... t."""
        return self.remembered(x)[0]

    def remembered(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the output of ``forward`` with the keys and values [B,heads,T,W/heads]."""
        query, key, value = self._split(self.query_key_value(self.attention_norm(x)))
        # The module's own flag, which is what turns its dropout off.
        dropout = self.dropout.p if self.dropout.training else 0.0
        mixed = F.scaled_dot_product_attention(query, key, value, dropout_p=dropout, is_causal=True)
        return self._add(x, mixed.transpose(1, 2).flatten(2)), key, value

    def read(self, x: Tensor, attend: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Tensor:
        """Map one position [A,W] to [A,W]; ``attend`` maps query, key and value to the attention output, each
        [A,heads,W/heads]."""
        joined = self.query_key_value(self.attention_norm(x))
        mixed = attend(*joined.unflatten(1, (3, self.heads, -1)).unbind(1))
        x = x + self.attended(mixed.flatten(1))
        return x + self.contract(F.gelu(self.expand(self.mlp_norm(x))))

    def advance(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """Map one position [B,W] after keys and values [B,t,2W] to [B,W] and keys and values [B,t+1,2W]."""
        query, key_value = self.query_key_value(self.attention_norm(x)).split(
            [x.shape[1], 2 * x.shape[1]], dim=1
        )
        past = torch.cat([past, key_value.unsqueeze(1)], dim=1)
        query = query.unflatten(1, (self.heads, 1, -1))
        key, value = (
            part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in past.chunk(2, dim=2)
        )
        mixed = F.scaled_dot_product_attention(query, key, value)
        return self._add(x, mixed.flatten(1)), past

    def _split(self, joined: Tensor) -> tuple[Tensor, ...]:
        """Split [B,T,3W] into query, key and value, each [B,heads,T,W/heads]."""
        return joined.unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4).unbind(0)

    def _add(self, x: Tensor, mixed: Tensor) -> Tensor:
        x = x + self.dropout(self.attended(mixed))
        return x + self.dropout(self.contract(F.gelu(self.expand(self.mlp_norm(x)))))


class TransformerGenerator(SequenceGenerator):
    """Token and position embeddings, blocks, layer norm, linear layer to the vocabulary.

    Differs from GPT-2: the output layer has its own weights and a bias, as in the other generators here. The
    state is the keys and values [B,t,2W] of every layer for the t inputs read so far, which is 2 * layers *
    width floats per token. The stepper is for inference and applies no dropout.
    """

    def __init__(
        self,
        config: TransformerConfig,
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
        super().__init__(vocabulary, length, config.width, bos, eos, pad, given, source_vocabulary)
        self.config = config
        self.embedding = nn.Embedding(self.readable, config.width)
        self.position = nn.Embedding(given + length, config.width)
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(
            Block(config.width, config.heads, config.dropout) for _ in range(config.layers)
        )
        self.norm = nn.LayerNorm(config.width)
        self._initialise(rng)

    def encode(self, inputs: Tensor) -> Tensor:
        """See the base class."""
        x = self.dropout(embed(self.embedding, inputs) + self.position.weight[: inputs.shape[1]])
        for block in self.blocks:
            x = block(x)
        return self.norm(x)

    def separate_blocks(self) -> list[nn.Module]:
        """See :class:`~seqgan_kit.core.sharding.sharded_player.HasBlocks`."""
        return list(self.blocks)

    def start(self, given: Tensor) -> State:
        """Return keys and values [B,S,2W] of the condition, for every layer."""
        width, device = 2 * self.config.width, given.device
        nothing = self.output.weight.new_zeros(len(given), 0, width, device=device)
        return self.after(given, (nothing,) * self.config.layers)

    def advance(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """See the base class."""
        x = embed(self.embedding, inputs) + self.position.weight[state[0].shape[1]]
        following: list[Tensor] = []
        for block, past in zip(self.blocks, state, strict=True):
            x, past = cast(Block, block).advance(x, past)
            following.append(past)
        return self.norm(x), tuple(following)

    def read_position(self, tokens: Tensor, places: Tensor, attend: Attend) -> Tensor:
        """See :class:`~seqgan_kit.sequences.generators.key_value_cache.LayerStack`."""
        x = self.embedding(tokens) + self.position.weight[places]
        for layer, block in enumerate(self.blocks):
            x = cast(Block, block).read(x, partial(attend, layer))
        return self.norm(x)

    def stepper(self) -> Stepper:
        """Return a stepper whose keys and values are written in place and shared by rows with the same
        beginning."""
        # Bytes of a row's keys and values in all layers, half of them in use on average.
        cells = (self.given + self.length) * self.config.layers * self.config.width
        return replace(
            super().stepper(),
            cached=self._cached_rows,
            beginnings=self._read_beginnings,
            most_rows=max(1, _CACHE_BYTES // (cells * self.norm.weight.itemsize)),
        )

    def _cached_rows(self, given: Tensor) -> CachedRows:
        places = torch.zeros(len(given), dtype=torch.int64, device=given.device)
        rows = CachedRows(self, places, self.given + self.length)
        for tokens in given.t():
            rows.read(tokens)
        return rows

    def _read_beginnings(self, tokens: Tensor) -> KnownBeginnings:
        given, written = tokens.split([self.given, tokens.shape[1] - self.given], dim=1)
        inputs = torch.cat([given, F.pad(written, (1, 0), value=self.bos)], dim=1)
        x = self.embedding(inputs) + self.position.weight[: inputs.shape[1]]
        keys, values = [], []
        for block in self.blocks:
            x, key, value = cast(Block, block).remembered(x)
            keys.append(key)
            values.append(value)
        return KnownBeginnings(self, self.norm(x)[:, self.given :], keys, values)

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
