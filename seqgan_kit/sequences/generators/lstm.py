"""The LSTM generator."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqgan_kit.core.bounds import Share, Size, Weight, bounded
from seqgan_kit.core.recurrence import recurrent_precision
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.kernels.hyperbolic import tanh
from seqgan_kit.sequences.sampling.rows_in_progress import State
from seqgan_kit.sequences.sampling.stepper import Stepper
from seqgan_kit.sequences.soft_tokens import embed


@dataclass(frozen=True)
@bounded
class LSTMConfig:
    """Settings of an LSTM generator; the defaults are those of SeqGAN's code (Yu et al. 2017)."""

    embedding: Size = 32
    """Width of the token embeddings."""
    hidden: Size = 32
    """Width of the LSTM."""
    layers: Size = 1
    """Number of LSTM layers."""
    dropout: Share = 0.0
    """Dropout rate on embeddings, between layers and before the output layer."""
    initial_std: Weight | None = 0.1
    """Standard deviation of the initial parameters, N(0, std); in SeqGAN's code 0.1 for the generator and 1
    for the oracle. None: torch's own initialisation. A gate's bias, the sum of torch's two, is N(0, 1.4
    std)."""


class LSTMGenerator(SequenceGenerator):
    """Embedding, LSTM, linear layer to the vocabulary.

    The stepper is for inference and applies no dropout.
    """

    def __init__(
        self,
        config: LSTMConfig,
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
        super().__init__(vocabulary, length, config.hidden, bos, eos, pad, given, source_vocabulary)
        self.config = config
        self.embedding = nn.Embedding(self.readable, config.embedding)
        between = config.dropout if config.layers > 1 else 0.0
        self.lstm = nn.LSTM(
            config.embedding, config.hidden, config.layers, batch_first=True, dropout=between
        )
        self.dropout = nn.Dropout(config.dropout)
        if config.initial_std is not None:
            for parameter in self.parameters():
                nn.init.normal_(parameter, 0.0, config.initial_std, generator=rng)

    def encode(self, inputs: Tensor) -> Tensor:
        """See the base class."""
        with recurrent_precision(inputs):
            return self.dropout(self.lstm(self.dropout(embed(self.embedding, inputs)))[0])

    def start(self, given: Tensor) -> State:
        """Return hidden and cell states of every layer, each [B,H], after the condition."""
        zeros = self.output.weight.new_zeros(len(given), self.config.hidden, device=given.device)
        return self.after(given, (zeros,) * (2 * self.config.layers))

    def advance(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """See the base class."""
        weight_ih: Tensor = self.lstm.all_weights[0][0]
        with recurrent_precision(inputs):
            return self._advance(F.linear(embed(self.embedding, inputs), weight_ih), state)

    def stepper(self) -> Stepper:
        """Return a stepper that looks up the first layer's input product in a [V,4H] table."""
        weight = self.embedding.weight
        with recurrent_precision(weight):
            table = F.linear(weight, self.lstm.all_weights[0][0]).detach()

        def advance(tokens: Tensor, state: State) -> tuple[Tensor, State]:
            with recurrent_precision(tokens):
                return self._advance(table.index_select(0, tokens), state)

        return replace(super().stepper(), advance=advance)

    def _advance(self, gates: Tensor, state: State) -> tuple[Tensor, State]:
        """Apply all layers, given the first layer's input product [B,4H] without biases."""
        following: list[Tensor] = []
        hidden = gates
        for layer in range(self.config.layers):
            weight_ih, weight_hh, bias_ih, bias_hh = self.lstm.all_weights[layer]
            if layer:
                gates = F.linear(hidden, weight_ih)
            past_hidden, past_cell = state[2 * layer : 2 * layer + 2]
            gates = gates + F.linear(past_hidden, weight_hh, bias_ih + bias_hh)
            hidden, cell = lstm_cell(gates, past_cell)
            following += [hidden, cell]
        return hidden, tuple(following)


def lstm_cell(gates: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    """Return hidden [B,H] and cell [B,H] from gates [B,4H] before their activations, in torch's order i, f,
    g, o."""
    keep_in, forget, candidate, keep_out = gates.chunk(4, dim=1)
    cell = forget.sigmoid() * cell + keep_in.sigmoid() * tanh(candidate)
    return keep_out.sigmoid() * tanh(cell), cell
