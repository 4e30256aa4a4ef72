"""A reader of two texts, which attends to the first word by word while it reads the second."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from seqgan_kit.core.bounds import Share, Size, bounded
from seqgan_kit.core.recurrence import recurrent_precision
from seqgan_kit.sequences.discriminators.pair_scorer import SharedSourceScorer, check_pairs
from seqgan_kit.sequences.kernels.hyperbolic import tanh
from seqgan_kit.sequences.soft_tokens import embed, presence


@dataclass(frozen=True)
@bounded
class AttentiveReaderConfig:
    """Settings of a reader of two texts."""

    embedding: Size = 64
    """Width of the token embeddings, which both texts share."""
    hidden: Size = 64
    """Width of both LSTMs and of the attention (the paper: 100)."""
    attention: bool = True
    """Word-by-word attention over the first text; off: conditional encoding only."""
    dropout: Share = 0.25
    """Dropout rate on embeddings and features."""


class AttentiveReader(nn.Module):
    """Conditional encoding with word-by-word attention (Rocktaeschel et al. 2016).

    An LSTM reads the first text, with states Y = [h_1 ... h_L]. A second LSTM starts from the last cell state
    and reads the second text, with states h_t. For each of its words,

        M_t = tanh(W_y Y + (W_h h_t + W_r r_{t-1}) 1'),   a_t = softmax(w' M_t)
        r_t = Y a_t' + tanh(W_t r_{t-1}),                 h* = tanh(W_p r_N + W_x h_N)

    The features are h*; without attention they are tanh(W_x h_N). PAD is not read, wherever it stands. Soft
    one-hots are read step by step, and a change of a state is scaled by the token's presence.

    Differs from the paper: embeddings are learned, not word2vec projected by a layer; dropout also before
    the output; torch's default initialisation.

    Args:
        config: widths, attention, dropout.
        vocabulary: V.
        length: S+T.
        pad: the padding token, or None.
        given: S, the tokens of the first text.
    """

    rows_are_independent = True
    reads_pairs = True

    def __init__(
        self,
        config: AttentiveReaderConfig,
        vocabulary: int,
        length: int,
        *,
        pad: int | None,
        given: int,
    ):
        super().__init__()
        check_pairs("attentive_reader", given, length)
        width = config.hidden
        self.config, self.length, self.given, self.pad = config, length, given, pad
        self.features = width
        self.embedding = nn.Embedding(vocabulary, config.embedding, padding_idx=pad)
        self.first = nn.LSTM(config.embedding, width, batch_first=True)
        self.second = nn.LSTM(config.embedding, width, batch_first=True)
        self.from_second = nn.Linear(width, width)
        if config.attention:
            self.key = nn.Linear(width, width, bias=False)
            self.query, self.before = nn.Linear(width, width), nn.Linear(width, width, bias=False)
            self.energy = nn.Linear(width, 1, bias=False)
            self.carry = nn.Linear(width, width, bias=False)
            self.from_first = nn.Linear(width, width, bias=False)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map [B,S+T] ids or [B,S+T,V] soft one-hots to features [B,F]."""
        return self.compare(self.read_source(tokens[:, : self.given]), tokens[:, self.given :])

    def read_source(self, given: Tensor) -> Tensor:
        """Read the first text; return its states, their presence and the last cell: [B,L+1,H+1]."""
        with recurrent_precision(given):
            states, _, cell, present = self._read(self.first, given, None)
            table = torch.cat([states, present.to(states.dtype).unsqueeze(2)], 2)
            return torch.cat([table, F.pad(cell, (0, 1)).unsqueeze(1)], 1)

    def compare(self, source: Tensor, written: Tensor) -> Tensor:
        """Read the second text [B,T] beside what ``read_source`` returned; return features [B,F]."""
        with recurrent_precision(written):
            first, present, cell = source[:, :-1, :-1], source[:, :-1, -1], source[:, -1, :-1]
            states, last, _, steps = self._read(self.second, written, cell)
            features = self.from_second(last)
            if self.config.attention:
                features = features + self.from_first(self._attend(first, present, states, steps))
            return self.dropout(features.tanh())

    def prefix_scorer(self, verdict: Callable[[Tensor], Tensor]) -> SharedSourceScorer:
        """Return a scorer of completions that reads each source once."""
        return SharedSourceScorer(self, verdict)

    def _attend(self, first: Tensor, present: Tensor, states: Tensor, steps: Tensor) -> Tensor:
        """Return r_N [B,H], the attention over ``first`` [B,S,H] after the states [B,T,H]."""
        keys, queries = self.key(first), self.query(states)
        read = torch.zeros_like(queries[:, 0])
        for query, share in zip(queries.unbind(1), steps.unbind(1), strict=True):
            mixed = tanh(keys + (query + self.before(read)).unsqueeze(1))
            weights = self.energy(mixed).squeeze(2).softmax(1) * present
            weights = weights / weights.sum(1, keepdim=True).clamp(min=1e-30)
            following = torch.bmm(weights.unsqueeze(1), first).squeeze(1) + self.carry(read).tanh()
            read = read + share.unsqueeze(1) * (following - read)
        return read

    def _read(
        self, lstm: nn.LSTM, tokens: Tensor, cell: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return states [B,L,H], the last state and cell [B,H], and the presence [B,L] of the tokens."""
        read = _read_soft if tokens.is_floating_point() else _read_ids
        present = presence(tokens, self.pad)
        if not tokens.is_floating_point():
            # PAD moves to the end, where a packed LSTM does not read it; columns of PAD alone are cut.
            order = (present == 0).byte().argsort(dim=1, stable=True)
            order = order[:, : max(1, int(present.sum(1).max()))]
            tokens, present = tokens.gather(1, order), present.gather(1, order)
        embedded = self.dropout(embed(self.embedding, tokens))
        start = embedded.new_zeros(len(tokens), lstm.hidden_size)
        states, last, cell = read(lstm, embedded, present, start, start if cell is None else cell)
        return states, last, cell, present


def _read_ids(
    lstm: nn.LSTM, embedded: Tensor, present: Tensor, start: Tensor, cell: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    lengths = present.sum(1).long().clamp(min=1)
    packed = pack_padded_sequence(embedded, lengths.cpu(), batch_first=True, enforce_sorted=False)
    read, (last, after) = lstm(packed, (start[None], cell[None].to(start.dtype)))
    states, _ = pad_packed_sequence(read, batch_first=True, total_length=embedded.shape[1])
    any_read = present[:, :1] > 0  # A packed row has at least one token; an empty text has none.
    return states, torch.where(any_read, last[0], start), torch.where(any_read, after[0], cell)


def _read_soft(
    lstm: nn.LSTM, embedded: Tensor, present: Tensor, start: Tensor, cell: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Step by step, since the fused kernels have no second derivative."""
    of_input, of_state, bias_in, bias_state = lstm.all_weights[0]
    gates = F.linear(embedded, of_input, bias_in + bias_state)
    hidden, states = start, []
    for gate, share in zip(gates.unbind(1), present.unbind(1), strict=True):
        add, keep, new, show = (gate + F.linear(hidden, of_state)).chunk(4, dim=1)
        following = keep.sigmoid() * cell + add.sigmoid() * tanh(new)
        shown = show.sigmoid() * tanh(following)
        cell = cell + share.unsqueeze(1) * (following - cell)
        hidden = hidden + share.unsqueeze(1) * (shown - hidden)
        states.append(hidden)
    return torch.stack(states, dim=1), hidden, cell
