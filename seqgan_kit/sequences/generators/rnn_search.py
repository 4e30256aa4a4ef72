"""RNNsearch: a recurrent encoder-decoder with attention over the source (Bahdanau et al. 2015)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from seqgan_kit.core.bounds import Share, Size, bounded
from seqgan_kit.core.products import Linear, linear
from seqgan_kit.core.recurrence import recurrent_precision
from seqgan_kit.sequences.generators.attending_rows import (
    AttendingRows,
    ReadBeginnings,
    read_beginnings,
)
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.generators.given_tokens import check_source, source_mask
from seqgan_kit.sequences.generators.row_groups import RowGroups
from seqgan_kit.sequences.kernels.hyperbolic import tanh
from seqgan_kit.sequences.sampling.rows_in_progress import State
from seqgan_kit.sequences.sampling.stepper import Stepper
from seqgan_kit.sequences.soft_tokens import embed

_CACHED_ENERGIES = 1 << 18
"""Numbers under the tanh of the energies that are computed at once."""


@dataclass(frozen=True)
@bounded
class RNNSearchConfig:
    """An attention encoder-decoder; the paper's widths are 620 and 1000."""

    embedding: Size = 256
    """Width of the token embeddings, one table for sources and targets."""
    hidden: Size = 256
    """Width of the GRUs: the decoder, and each direction of the encoder."""
    dropout: Share = 0.2
    """Share of activations dropped in training: of embeddings and before the output."""


class RNNSearchGenerator(SequenceGenerator):
    """A GRU decoder that attends to a source. With annotations h_1 ... h_S of a bidirectional GRU:

        e_ts = v' tanh(W s_{t-1} + U h_s),   a_t = softmax_s e_ts,   c_t = sum_s a_ts h_s
        s_t = GRU([embedding of y_{t-1}; c_t], s_{t-1}),   s_0 = tanh(W_0 of the backward GRU's last state)

    and the output layer reads maxout(W_r [s_t; c_t; embedding of y_{t-1}]), the larger of each pair. PAD in
    the source is masked. Differs from the paper: a shared embedding, dropout, and Glorot
    initialisation. The state holds s_t and the source's annotations, so rollouts reuse them.
    """

    def __init__(
        self,
        config: RNNSearchConfig,
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
        check_source("rnn_search", given)
        super().__init__(vocabulary, length, config.hidden, bos, eos, pad, given, source_vocabulary)
        self.config = config
        width, hidden = config.embedding, config.hidden
        self.embedding = nn.Embedding(self.readable, width)
        self.encoder = nn.GRU(width, hidden, batch_first=True, bidirectional=True)
        self.first = Linear(hidden, hidden)
        self.key, self.query = Linear(2 * hidden, hidden), Linear(hidden, hidden, bias=False)
        self.energy = nn.Linear(hidden, 1, bias=False)
        self.cell = nn.GRUCell(width + 2 * hidden, hidden)
        self.readout = Linear(width + 3 * hidden, 2 * hidden)
        self.dropout = nn.Dropout(config.dropout)
        self._initialise(rng)

    def encode(self, inputs: Tensor) -> Tensor:
        """See the base class; the hidden states of the S given positions are zeros."""
        given, written = inputs[:, : self.given], inputs[:, self.given :]
        with recurrent_precision(inputs):
            state = self._read(self.dropout(embed(self.embedding, given)), given)
            embedded = self.dropout(embed(self.embedding, written))
            # What depends on the inputs alone is one product for all steps instead of one for each.
            read = self._input(embedded)
            met = []
            for step in read.unbind(1):
                context, state = self._attend(step, state)
                met.append(torch.cat([state[0], context], 1))
            mixed = self._mix(torch.stack(met, dim=1), embedded)
            return F.pad(self.dropout(mixed), (0, 0, self.given, 0))

    def start(self, given: Tensor) -> State:
        """Return s_0 [B,H], annotations [B,S,2H], U h_s [B,S,H] and the attention mask [B,S]."""
        with recurrent_precision(given):
            return self._read(embed(self.embedding, given), given)

    def advance(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """See the base class."""
        with recurrent_precision(inputs):
            embedded = embed(self.embedding, inputs)
            context, state = self._attend(self._input(embedded), state)
            return self._mix(torch.cat([state[0], context], 1), embedded), state

    def stepper(self) -> Stepper:
        """Return a stepper whose rows share the encodings of their sources."""
        return replace(
            super().stepper(), cached=self._rows_of_sources, beginnings=self._read_beginnings
        )

    def _rows_of_sources(self, given: Tensor) -> AttendingRows:
        distinct, owner = given.unique_consecutive(dim=0, return_inverse=True)
        first, *sources = self.start(distinct)
        return AttendingRows(self._attend_in_groups, tuple(sources), first[owner], owner)

    def _read_beginnings(self, tokens: Tensor) -> ReadBeginnings:
        given, written = tokens.split([self.given, tokens.shape[1] - self.given], dim=1)
        first, *sources = self.start(given)
        inputs = F.pad(written, (1, 0), value=self.bos)
        return read_beginnings(self._attend_in_groups, first, tuple(sources), inputs)

    def _attend_in_groups(
        self, tokens: Tensor, hidden: Tensor, sources: State, groups: RowGroups
    ) -> tuple[Tensor, Tensor]:
        """Advance rows [A] that attend to the sources of their groups; see ``AttendingRows``."""
        with recurrent_precision(tokens):
            annotations, keys, seen = sources
            queries = groups.laid_out(linear(hidden, self.query.weight))
            at_once = _groups_at_once(keys, queries)
            parts = zip(keys.split(at_once), queries.split(at_once), strict=True)
            energies = [
                tanh(k.unsqueeze(1) + q.unsqueeze(2)) @ self.energy.weight[0] for k, q in parts
            ]
            energy = torch.cat(energies)  # [P,R,S]
            weights = energy.masked_fill(~seen.unsqueeze(1), -torch.inf).softmax(2)
            context = groups.of_rows(weights @ annotations)
            embedded, cell = self.embedding(tokens), self.cell
            read = linear(torch.cat([embedded, context], 1), cell.weight_ih, cell.bias_ih)
            hidden = _gated(read, linear(hidden, cell.weight_hh, cell.bias_hh), hidden)
            met = torch.cat([hidden, context, embedded], 1)
            pairs = linear(met, self.readout.weight, self.readout.bias)
            return pairs.unflatten(1, (-1, 2)).amax(2), hidden

    def _read(self, embedded: Tensor, given: Tensor) -> State:
        seen = source_mask(given, self.pad)
        lengths = seen.sum(1)
        packed = pack_padded_sequence(
            embedded, lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        read, last = self.encoder(packed)
        annotations, _ = pad_packed_sequence(read, batch_first=True)
        seen = seen[:, : annotations.shape[1]]
        return self.first(last[1]).tanh(), annotations, self.key(annotations), seen

    def _input(self, embedded: Tensor) -> Tensor:
        """Return the embeddings' [...,W] part of the three gates [...,3H]."""
        return linear(embedded, self.cell.weight_ih[:, : self.config.embedding], self.cell.bias_ih)

    def _attend(self, read: Tensor, state: State) -> tuple[Tensor, State]:
        """Read an input's part of the gates [B,3H]; return the context c_t [B,2H] and the next state."""
        hidden, annotations, keys, seen = state
        energy = self.energy(tanh(keys + self.query(hidden).unsqueeze(1))).squeeze(2)
        weights = energy.masked_fill(~seen, -torch.inf).softmax(1)
        context = torch.bmm(weights.unsqueeze(1), annotations).squeeze(1)
        read = read + linear(context, self.cell.weight_ih[:, self.config.embedding :])
        kept = linear(hidden, self.cell.weight_hh, self.cell.bias_hh)
        hidden = _gated(read, kept, hidden)
        return context, (hidden, annotations, keys, seen)

    def _mix(self, met: Tensor, embedded: Tensor) -> Tensor:
        """Return the larger of each pair of the readout of [s_t; c_t] [...,3H] and embeddings [...,W]."""
        return self.readout(torch.cat([met, embedded], -1)).unflatten(-1, (-1, 2)).amax(-1)

    @torch.no_grad()
    def _initialise(self, rng: torch.Generator | None) -> None:
        for name, parameter in self.named_parameters():
            if parameter.dim() < 2:
                parameter.zero_()
            elif name == "embedding.weight":
                parameter.normal_(0.0, self.config.embedding**-0.5, generator=rng)
            else:
                nn.init.xavier_uniform_(parameter, generator=rng)


def _groups_at_once(keys: Tensor, queries: Tensor) -> int:
    """Return how many groups' energies are computed at once, so that they stay in the processor's cache."""
    return max(1, _CACHED_ENERGIES // (queries.shape[1] * keys.shape[1] * keys.shape[2]))


def _gated(read: Tensor, kept: Tensor, hidden: Tensor) -> Tensor:
    """Return the next state [B,H] of a GRU from its products with input and state, each [B,3H]."""
    read_gates, read_new = read.split([2 * hidden.shape[1], hidden.shape[1]], 1)
    kept_gates, kept_new = kept.split([2 * hidden.shape[1], hidden.shape[1]], 1)
    reset, update = (read_gates + kept_gates).sigmoid().chunk(2, 1)
    new = tanh(read_new + reset * kept_new)
    return torch.lerp(new, hidden, update)
