"""RelGAN's relational-memory generator: an LSTM-like cell whose memory slots attend to each other."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from seqgan_kit.core.bounds import Share, Size, bounded
from seqgan_kit.core.products import Linear
from seqgan_kit.core.recurrence import recurrent_precision
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.kernels.hyperbolic import tanh
from seqgan_kit.sequences.sampling.rows_in_progress import State
from seqgan_kit.sequences.sampling.stepper import Stepper
from seqgan_kit.sequences.soft_tokens import embed

# Bias of the forget gate, so that an untrained network keeps its memory (Santoro et al. 2018).
_FORGET_BIAS = 1.0


@dataclass(frozen=True)
@bounded
class RelationalConfig:
    """Settings of a relational-memory generator; the defaults are RelGAN's (Nie et al. 2019)."""

    embedding: Size = 32
    """Width of the token embeddings."""
    slots: Size = 1
    """Number of memory slots; each is as wide as all heads together."""
    heads: Size = 2
    """Number of attention heads."""
    head_size: Size = 256
    """Width of one head."""
    dropout: Share = 0.0
    """Dropout rate on embeddings and before the output layer."""


class RelationalMemory(nn.Module):
    """One step of relational memory (Santoro et al. 2018, section 3), for a memory M [N,W] and an input x:

        A = softmax(Q K' / sqrt(d)) V, queries of M, keys and values of M and W_x x, per head of width d
        M1 = norm(M + A);   M2 = norm(M1 + mlp(M1))
        i, f = sigma(W_i x + U_i tanh(M)), sigma(W_f x + U_f tanh(M) + 1)
        next M = f * M + i * tanh(M2)

    Queries, keys and values of a row are normalised together, as in the authors' code. The input's own row of
    the attention is not computed, because it is not used.
    """

    def __init__(self, embedding: int, heads: int, head_size: int):
        super().__init__()
        self.heads, width = heads, heads * head_size
        self.input = Linear(embedding, width)
        self.query_key_value = Linear(width, 3 * width, bias=False)
        self.attention_norm = nn.LayerNorm(3 * width)
        self.memory_norm, self.mlp_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.mlp = nn.Sequential(Linear(width, width), nn.ReLU(), Linear(width, width))
        self.input_gates = Linear(width, 2 * width, bias=False)
        self.memory_gates = Linear(width, 2 * width, bias=False)

    def read(self, embedded: Tensor) -> Tensor:
        """Return the parts that depend only on the input [...,E]: key, value and gates [...,4W]."""
        row = self.input(embedded)
        key_value = self._queries_keys_values(row)[..., row.shape[-1] :]
        return torch.cat([key_value, self.input_gates(row)], dim=-1)

    def forward(self, read: Tensor, memory: Tensor) -> Tensor:
        """Return the next memory [B,N,W] from the result of ``read`` [B,4W] and the memory [B,N,W]."""
        key_value, gates = read.unsqueeze(1).chunk(2, dim=2)
        attended = self.memory_norm(memory + self._attend(memory, key_value))
        candidate = self.mlp_norm(attended + self.mlp(attended))
        keep_in, forget = (gates + self.memory_gates(tanh(memory))).chunk(2, dim=2)
        return (forget + _FORGET_BIAS).sigmoid() * memory + keep_in.sigmoid() * tanh(candidate)

    def _attend(self, memory: Tensor, key_value: Tensor) -> Tensor:
        """Return the attention output [B,N,W] of memory [B,N,W] and the input's key and value [B,1,2W]."""
        query, *own = self._queries_keys_values(memory).chunk(3, dim=2)
        pairs = zip(own, key_value.chunk(2, dim=2), strict=True)
        query, key, value = (
            part.unflatten(2, (self.heads, -1)).transpose(1, 2)  # [B,heads,N or N+1,d]
            for part in (query, *(torch.cat(pair, dim=1) for pair in pairs))
        )
        weights = (query @ key.transpose(2, 3) / math.sqrt(query.shape[3])).softmax(3)
        return (weights @ value).transpose(1, 2).flatten(2)

    def _queries_keys_values(self, rows: Tensor) -> Tensor:
        return self.attention_norm(self.query_key_value(rows))


class RelationalGenerator(SequenceGenerator):
    """Embedding, relational memory, linear layer to the vocabulary from the concatenated slots.

    The state is the memory [B,N,W]; slot n starts as the n-th unit vector, so that slots differ. Differs from
    the authors' code: attention scores are divided by the square root of a key's width, as in the paper, and
    layer norm is computed per row. The stepper is for inference and applies no dropout.
    """

    def __init__(
        self,
        config: RelationalConfig,
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
        width = config.heads * config.head_size
        super().__init__(
            vocabulary, length, config.slots * width, bos, eos, pad, given, source_vocabulary
        )
        self.config = config
        self.embedding = nn.Embedding(self.readable, config.embedding)
        self.memory = RelationalMemory(config.embedding, config.heads, config.head_size)
        self.dropout = nn.Dropout(config.dropout)
        self._initialise(rng)

    def encode(self, inputs: Tensor) -> Tensor:
        """See the base class."""
        memory = self._blank(inputs)
        hidden = []
        with recurrent_precision(inputs):
            for read in self.memory.read(self.dropout(embed(self.embedding, inputs))).unbind(1):
                memory = self.memory(read, memory)
                hidden.append(memory.flatten(1))
        return self.dropout(torch.stack(hidden, dim=1))

    def start(self, given: Tensor) -> State:
        """Return the memory [B,N,W] after the condition."""
        return self.after(given, (self._blank(given),))

    def advance(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """See the base class."""
        with recurrent_precision(inputs):
            return self._advance(self.memory.read(embed(self.embedding, inputs)), state)

    def stepper(self) -> Stepper:
        """Return a stepper that, from V tokens on, looks up a token's part in a [V,4W] table.

        The table costs as much as reading V tokens, so it is not built for a few samples.
        """
        tokens_read, table = 0, torch.empty(0)

        def advance(tokens: Tensor, state: State) -> tuple[Tensor, State]:
            nonlocal tokens_read, table
            tokens_read += len(tokens)
            with recurrent_precision(tokens):
                if not len(table) and tokens_read > self.vocabulary:
                    table = self.memory.read(self.embedding.weight).detach()
                if len(table):
                    return self._advance(table.index_select(0, tokens), state)
                return self.advance(tokens, state)

        return replace(super().stepper(), advance=advance)

    def _blank(self, inputs: Tensor) -> Tensor:
        """Return the initial memory, unit vectors [B,N,W], for inputs [B,...]."""
        weight, (slots, width) = self.output.weight, self._shape()
        unit = torch.eye(slots, width, dtype=weight.dtype, device=inputs.device)
        return unit.expand(len(inputs), -1, -1)

    def _shape(self) -> tuple[int, int]:
        return self.config.slots, self.config.heads * self.config.head_size

    def _advance(self, read: Tensor, state: State) -> tuple[Tensor, State]:
        memory = self.memory(read, state[0])
        return memory.flatten(1), (memory,)

    @torch.no_grad()
    def _initialise(self, rng: torch.Generator | None) -> None:
        """Initialise as in RelGAN's code: N(0, 1/inputs) truncated at 2 sigma, biases 0; an embedding has V
        inputs."""
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                of_tokens = isinstance(module, nn.Embedding)
                std = module.weight.shape[0 if of_tokens else 1] ** -0.5
                nn.init.trunc_normal_(module.weight, 0.0, std, -2 * std, 2 * std, generator=rng)
            if isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)
