"""An LSTM that scores every prefix of a row (ScratchGAN; de Masson d'Autume et al. 2019)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from seqgan_kit.core.bounds import Share, Size, bounded
from seqgan_kit.core.recurrence import recurrent_precision
from seqgan_kit.sequences.generators.lstm import lstm_cell
from seqgan_kit.sequences.soft_tokens import embed


@dataclass(frozen=True)
@bounded
class StepReaderConfig:
    """Settings of the discriminator of prefixes; the defaults are those of the authors' code."""

    embedding: Size = 64
    """Width of the token embeddings."""
    hidden: Size = 512
    """Width of the LSTM."""
    positions: Size = 8
    """Width of the sinusoidal position signal beside each embedding; an even number."""
    dropout: Share = 0.1
    """Dropout rate on the embeddings."""


class StepReader(nn.Module):
    """A unidirectional LSTM with layer normalisation; the features of a position depend on its prefix alone.

    With features [B,T,F], ``Discriminator`` returns T scores per row. PAD is read like any token; its scores
    mean nothing (:meth:`scored`). Differs from the authors' code: no pretrained embeddings beside the learned
    ones; the same dropout mask is not kept over a batch.

    Args:
        config: widths and dropout.
        vocabulary: V.
        length: T.
        pad: PAD, which ends rows; None where rows have no end.
    """

    rows_are_independent = True

    def __init__(self, config: StepReaderConfig, vocabulary: int, length: int, *, pad: int | None):
        super().__init__()
        self.config, self.length, self.features, self.pad = config, length, config.hidden, pad
        self.scores_per_sample = length
        self.embedding = nn.Embedding(vocabulary, config.embedding)
        self.dropout = nn.Dropout(config.dropout)
        self.inputs = nn.Linear(config.embedding + config.positions, config.hidden)
        self.gates = nn.Linear(2 * config.hidden, 4 * config.hidden)
        self.norm = nn.LayerNorm(4 * config.hidden)
        self.register_buffer("signal", position_signal(length, config.positions), persistent=False)

    signal: Tensor

    def scored(self, tokens: Tensor) -> Tensor:
        """Return True [B,T] on the tokens that are not PAD."""
        return torch.ones_like(tokens, dtype=torch.bool) if self.pad is None else tokens != self.pad

    def forward(self, tokens: Tensor) -> Tensor:
        """Map [B,T] ids or [B,T,V] soft one-hots to features [B,T,F]."""
        embedded = self.dropout(embed(self.embedding, tokens))
        placed = torch.cat([embedded, self.signal.expand(len(embedded), -1, -1)], 2)
        with recurrent_precision(embedded):
            weight_in, weight_hidden = self.gates.weight.chunk(2, 1)
            gates = self.inputs(placed) @ weight_in.t() + self.gates.bias
            hidden = cell = gates.new_zeros(len(gates), self.features)
            states = []
            for step in gates.unbind(1):
                hidden, cell = lstm_cell(self.norm(step + hidden @ weight_hidden.t()), cell)
                states.append(hidden)
        return torch.stack(states, 1)


def position_signal(length: int, width: int) -> Tensor:
    """Return sines and cosines [T,width] of the position at geometrically spaced wavelengths."""
    half = (width + 1) // 2
    rates = torch.exp(-math.log(1e4) * torch.arange(half) / max(1, half - 1))
    angles = torch.arange(length).unsqueeze(1) * rates
    return torch.cat([angles.sin(), angles.cos()], 1)[:, :width]
