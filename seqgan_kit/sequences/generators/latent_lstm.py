"""LSTMs with a code of the whole sentence (Bowman et al. 2016): p(y) = integral of p(z) p(y|z) dz."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn

from seqgan_kit.core.bounds import Share, Size, bounded
from seqgan_kit.core.gaussian_codes import (
    drawn_code,
    evidence_bounds,
    log_weights,
    mean_and_log_variance,
)
from seqgan_kit.core.recurrence import recurrent_precision
from seqgan_kit.core.runs.machine.memory import check_training_memory
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.generators.lstm import LSTMConfig, LSTMGenerator, lstm_cell
from seqgan_kit.sequences.sampling.beam_search import beam_search
from seqgan_kit.sequences.sampling.rows_in_progress import State


@dataclass(frozen=True)
@bounded
class LatentLSTMConfig:
    """Settings of the encoder and the decoder of a sentence VAE."""

    embedding: Size = 256
    """Width of the token embeddings."""
    hidden: Size = 512
    """Width of both LSTMs (Bowman et al. 2016: 512 for their model of books)."""
    latent: Size = 32
    """d: dimensions of the code."""
    dropout: Share = 0.0
    """Dropout rate on the decoder's embeddings and before its output layer."""
    code_at: Literal["start", "every_step"] = "start"
    """Where the decoder reads the code. start: its initial state (the paper); every_step: also beside every
    input."""


class SentenceEncoder(nn.Module):
    """An LSTM that reads a sentence and returns mean and log variance of its code."""

    def __init__(self, config: LatentLSTMConfig, vocabulary: int):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, config.embedding)
        self.lstm = nn.LSTM(config.embedding, config.hidden, batch_first=True)
        self.head = nn.Linear(config.hidden, 2 * config.latent)

    def forward(self, rows: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log variance [N,d] of rows [N,T], read up to their lengths [N]."""
        with recurrent_precision(rows):
            read = self.lstm(self.embedding(rows))[0]
        last = read[torch.arange(len(rows), device=rows.device), lengths - 1]
        return mean_and_log_variance(self.head(last).float())


class SentenceDecoder(SequenceGenerator):
    """An LSTM that writes a sentence after a code.

    Its condition is one given token: the number of a row of the table of codes that :meth:`reading` holds.
    So samplers and beam search take it like any conditional generator. Differs from Bowman et al. 2016: the
    code gives the cell's initial state too.
    """

    def __init__(
        self,
        config: LatentLSTMConfig,
        vocabulary: int,
        length: int,
        bos: int,
        eos: int | None,
        pad: int | None,
    ):
        super().__init__(vocabulary, length, config.hidden, bos, eos, pad, given=1)
        self.config = config
        self.embedding = nn.Embedding(vocabulary, config.embedding)
        self.first = nn.Linear(config.latent, 2 * config.hidden)
        self.beside: nn.Linear | None = None
        if config.code_at == "every_step":
            self.beside = nn.Linear(config.latent, config.embedding, bias=False)
        self.lstm = nn.LSTM(config.embedding, config.hidden, batch_first=True)
        self.dropout = nn.Dropout(config.dropout)
        self.codes = torch.zeros(0, config.latent)
        self.shown: Tensor | None = None

    def reading(self, codes: Tensor, shown: Tensor | None = None) -> SentenceDecoder:
        """Return this decoder, with the same parameters, on a table of codes [N,d].

        Args:
            codes: the table; gradients pass through it.
            shown: [N,T] the tokens that the decoder reads in place of those that it is scored on; None: the
                same.
        """
        view = copy.copy(self)  # It shares the dictionaries of parameters and parts.
        view.codes, view.shown = codes, shown
        return view

    def numbered(self, rows: Tensor) -> Tensor:
        """Return rows [N,1+T] that begin with their numbers in the table, from rows [N,T]."""
        return torch.cat([torch.arange(len(rows), device=rows.device).unsqueeze(1), rows], 1)

    def prefix_states(self, tokens: Tensor) -> Tensor:
        """Return hidden states [B,T,H] of rows [B,1+T]; see the base class."""
        number, written = tokens[:, 0], tokens[:, 1:]
        if self.shown is not None:
            written = self.shown[number][:, : written.shape[1]]
        first = torch.full_like(written[:, :1], self.bos)
        inputs = torch.cat([first, written[:, :-1]], 1)
        hidden, cell, beside = self.start(tokens[:, :1])
        embedded = self.dropout(self.embedding(inputs) + beside.unsqueeze(1))
        with recurrent_precision(inputs):
            states = (hidden.unsqueeze(0), cell.unsqueeze(0))
            return self.dropout(self.lstm(embedded, states)[0])

    def encode(self, inputs: Tensor) -> Tensor:
        """Refuse: the states depend on the code; see ``prefix_states``."""
        raise NotImplementedError("a decoder of codes reads whole rows by prefix_states")

    def start(self, given: Tensor) -> State:
        """Return hidden and cell states [B,H], and what is added to every embedding [B,E]."""
        codes = self.codes[given[:, 0]]
        hidden, cell = self.first(codes).tanh().chunk(2, 1)
        if self.beside is None:
            return hidden, cell, codes.new_zeros(len(codes), self.config.embedding)
        return hidden, cell, self.beside(codes)

    def advance(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """See the base class."""
        hidden, cell, beside = state
        weight_ih, weight_hh, bias_ih, bias_hh = self.lstm.all_weights[0]
        with recurrent_precision(inputs):
            embedded = self.embedding(inputs) + beside
            gates = embedded @ weight_ih.t() + hidden @ weight_hh.t() + (bias_ih + bias_hh)
            hidden, cell = lstm_cell(gates, cell)
        return hidden, (hidden, cell, beside)


class LatentLSTM(nn.Module):
    """Encoder and decoder of a sentence VAE.

    It is no ``SequenceGenerator``: it samples a code first, so a sentence's likelihood is an integral, of
    which :meth:`bounds` gives lower bounds.
    """

    given = 0

    def __init__(
        self,
        config: LatentLSTMConfig,
        vocabulary: int,
        length: int,
        *,
        bos: int,
        eos: int | None,
        pad: int | None,
    ):
        super().__init__()
        self.config, self.vocabulary, self.length = config, vocabulary, length
        self.bos, self.eos, self.pad = bos, eos, pad
        self.encoder = SentenceEncoder(config, vocabulary)
        self.decoder = SentenceDecoder(config, vocabulary, length, bos, eos, pad)

    @property
    def output(self) -> nn.Linear:
        """The layer to the vocabulary."""
        return self.decoder.output

    def token_mask(self, rows: Tensor) -> Tensor:
        """Return True [N,T] on the tokens of rows [N,T] up to and including their first EOS."""
        return self.decoder.token_mask(self.decoder.numbered(rows))

    def posterior(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log variance [N,d] of the codes of rows [N,T]."""
        mean, log_variance = self.encoder(rows, self.token_mask(rows).sum(1))
        return mean, log_variance

    def sample(
        self,
        n: int,
        *,
        rng: torch.Generator,
        given: Tensor | None = None,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
    ) -> Tensor:
        """Draw codes from the prior, then rows [n,T] after them; the options are those of the tokens."""
        codes = torch.randn(n, self.config.latent, generator=rng, device=rng.device)
        decoder = self.decoder.reading(codes.to(self.output.weight))
        numbers = torch.arange(n).unsqueeze(1)
        return decoder.sample(
            n, rng=rng, given=numbers, temperature=temperature, top_k=top_k, top_p=top_p
        )[:, 1:]

    @torch.no_grad()
    def decoded(self, codes: Tensor, beam: int = 1) -> Tensor:
        """Return the likeliest rows [N,T] after codes [N,d] that a beam search finds (1: greedy)."""
        numbers = torch.arange(len(codes), device=codes.device).unsqueeze(1)
        return beam_search(self.decoder.reading(codes), numbers, beam).rows[:, 0, 1:]

    @torch.no_grad()
    def log_likelihood(self, rows: Tensor, codes: Tensor) -> Tensor:
        """Return log p(y|z) [N] of rows [N,T] after codes [N,d]."""
        decoder = self.decoder.reading(codes)
        return decoder.sequence_log_prob(decoder.numbered(rows))

    @torch.no_grad()
    def bounds(self, rows: Tensor, draws: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return the ELBO and the importance-weighted bound [N] of rows [N,T], from K codes per row."""
        mean, log_variance = self.posterior(rows)
        weights = []
        for _ in range(draws):
            codes = drawn_code(mean, log_variance, rng)
            likelihood = self.log_likelihood(rows, codes)
            weights.append(log_weights(likelihood, codes, mean, log_variance))
        return evidence_bounds(torch.stack(weights))


def build_latent(
    config: LatentLSTMConfig,
    vocabulary: int,
    length: int,
    *,
    bos: int,
    eos: int | None,
    pad: int | None,
) -> tuple[LatentLSTM, LSTMGenerator]:
    """Build a sentence VAE, and an LSTM of the decoder's sizes without a code."""
    plain = LSTMConfig(config.embedding, config.hidden, 1, config.dropout, None)

    make = partial(LatentLSTM, config, vocabulary, length, bos=bos, eos=eos, pad=pad)
    check_training_memory(f"a text VAE on {vocabulary:,} tokens", make, config, vocabulary)
    return make(), LSTMGenerator(plain, vocabulary, length, bos=bos, eos=eos, pad=pad)
