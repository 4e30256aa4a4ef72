"""A generator that fills the blanks of a text and keeps all other tokens."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from seqgan_kit.core.bounds import bounded
from seqgan_kit.core.discriminator import evaluating
from seqgan_kit.core.runs.machine.memory import check_training_memory
from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.generators.autoregressive import IMPOSSIBLE, SequenceGenerator
from seqgan_kit.sequences.generators.rnn_search import RNNSearchConfig, RNNSearchGenerator
from seqgan_kit.sequences.generators.transformer_seq2seq import Seq2SeqConfig, Seq2SeqGenerator
from seqgan_kit.sequences.sampling.drawing_tokens import shaped_drawer
from seqgan_kit.sequences.sampling.inverse_cdf import Drawer, draw_uniforms
from seqgan_kit.sequences.sampling.rows_in_progress import Rows, State
from seqgan_kit.sequences.sampling.stepper import CHUNK_ROWS, Stepper


@dataclass(frozen=True)
@bounded
class InfillingConfig:
    """An encoder-decoder that reads a text with blanks and writes the text."""

    body: Literal["rnn_search", "transformer_seq2seq"] = "rnn_search"
    """Name of the network."""
    rnn_search: RNNSearchConfig = RNNSearchConfig()
    """Sizes of rnn_search."""
    transformer_seq2seq: Seq2SeqConfig = Seq2SeqConfig()
    """Sizes of transformer_seq2seq."""

    def build(self, vocabulary: int, length: int, **options: Any) -> SequenceGenerator:
        """Return the network, with as many given tokens as written ones."""
        sizes: dict[str, Any] = {"given": length, **options}
        if self.body == "rnn_search":
            return RNNSearchGenerator(self.rnn_search, vocabulary, length, **sizes)
        return Seq2SeqGenerator(self.transformer_seq2seq, vocabulary, length, **sizes)


class EndLayer(nn.Module):
    """The output layer of another network with one more input: 1 forbids EOS.

    The parameters stay the other network's.
    """

    forbidden: Tensor

    def __init__(self, layer: Any, vocabulary: int, eos: int | None):
        super().__init__()
        self._layer = (layer,)
        self.in_features = layer.in_features + 1
        forbidden = torch.zeros(vocabulary, 1)
        if eos is not None:
            forbidden[eos] = IMPOSSIBLE
        self.register_buffer("forbidden", forbidden, persistent=False)

    @property
    def weight(self) -> Tensor:
        """Weight [V,H+1]."""
        weight = self._layer[0].weight
        return torch.cat([weight, self.forbidden.to(weight)], 1)

    @property
    def bias(self) -> Tensor:
        """Bias [V]."""
        bias: Tensor = self._layer[0].bias
        return bias


class InfillingGenerator(SequenceGenerator):
    """An encoder-decoder whose rows [B,2T] are a text with blanks m and the text x:

        G(x | m) = prod over blanks t of G(x_t | x_<t, m),   x_t = m_t at all other positions

    The decoder also reads the tokens that are kept. The mark of a blank is the id of BOS, which no text has.
    Where a later token is kept (EOS is one), EOS has probability 0. If the end is open, all positions from
    some t on are blank, and the text may end at any of them. ``token_mask`` is True on blanks alone, so
    losses, rewards and likelihoods are those of the fills.

    Args:
        config: the encoder-decoder.
        vocabulary, length, bos, eos, pad: as in the base class.
        given: T; left out, it is T too.
    """

    fills_blanks = True

    def __init__(
        self,
        config: InfillingConfig,
        vocabulary: int,
        length: int,
        *,
        bos: int,
        eos: int | None,
        pad: int | None,
        given: int | None = None,
        rng: torch.Generator | None = None,
    ):
        if given not in (None, length):
            raise UsageError(
                f"a generator that fills blanks is given a text of the {length} tokens that it writes, "
                f"not {given}: leave given out."
            )
        special: dict[str, Any] = {"bos": bos, "eos": eos, "pad": pad}
        body = config.build(vocabulary, length, **special, rng=rng)
        output = EndLayer(body.output, vocabulary, eos)
        width = output.in_features
        super().__init__(vocabulary, length, width, **special, given=length, output=output)
        self.config, self.body = config, body

    def blanks(self, rows: Tensor) -> Tensor:
        """Return True [B,T] on the blanks of rows [B,2T]."""
        return rows[:, : self.given] == self.bos

    def encode(self, inputs: Tensor) -> Tensor:
        """See the base class; no blank of whole inputs may end the text."""
        hidden = self.body.encode(inputs)
        return torch.cat([hidden, torch.ones_like(hidden[..., :1])], -1)

    def prefix_states(self, tokens: Tensor) -> Tensor:
        """See the base class."""
        hidden = self.body.prefix_states(tokens)
        closed = _closed(tokens[:, : self.given], self.bos)[:, : hidden.shape[1]]
        return torch.cat([hidden, closed.unsqueeze(2).to(hidden.dtype)], 2)

    def start(self, given: Tensor) -> State:
        """Return the given tokens that have not been passed [B,T], and the state of the encoder-decoder."""
        return given, *self.body.start(given)

    def advance(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """See the base class."""
        coming, *inner = state
        hidden, following = self.body.advance(inputs, tuple(inner))
        closed = (coming != self.bos).any(1, keepdim=True).to(hidden.dtype)
        return torch.cat([hidden, closed], 1), (coming[:, 1:], *following)

    def step(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """See the base class; a kept token has probability 1."""
        logits, following = super().step(inputs, state)
        return self._keep(logits, state[0][:, 0]), following

    def logits(self, tokens: Tensor) -> Tensor:
        """See the base class; a kept token has probability 1."""
        return self._keep(super().logits(tokens), tokens[:, : self.given])

    def log_probs(self, tokens: Tensor) -> Tensor:
        """See the base class; 0 on kept tokens, and a large negative number where another one is written."""
        of_blanks, given = super().log_probs(tokens), tokens[:, : self.given]
        of_kept = torch.zeros_like(of_blanks).masked_fill(self.written(tokens) != given, IMPOSSIBLE)
        return torch.where(self.blanks(tokens), of_blanks, of_kept)

    def token_mask(self, tokens: Tensor) -> Tensor:
        """Return True [B,T] on the blanks of rows [B,2T] up to and including EOS."""
        return super().token_mask(tokens) & self.blanks(tokens)

    def scale_logits(self, factor: float) -> None:
        """See the base class."""
        self.body.scale_logits(factor)

    def stepper(self) -> Stepper:
        """Refuse: a stepper does not know which tokens are kept."""
        raise UsageError(
            "a generator that fills blanks has neither beam search nor rewards by completions: sample from "
            "it (--top-k 1 takes the most likely token of each blank), and reward each blank."
        )

    def sample(
        self,
        n: int,
        *,
        rng: torch.Generator,
        given: Tensor | None = None,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        chunk_rows: int = CHUNK_ROWS,
    ) -> Tensor:
        """Draw ``n`` rows [n,2T] that fill the blanks of ``given`` [n,T]."""
        given = self.conditions(n, given)
        with torch.no_grad(), evaluating(self):
            reader = self.body.stepper()
            draw = shaped_drawer(super().stepper(), temperature, top_k, top_p)
            uniforms = draw_uniforms((n, self.length), rng, given.device)
            parts = zip(given.split(chunk_rows), uniforms.split(chunk_rows), strict=True)
            return torch.cat([self._fill(reader.rows(some), draw, some, u) for some, u in parts])

    def _fill(self, states: Rows, draw: Drawer, given: Tensor, uniforms: Tensor) -> Tensor:
        """Return rows [M,2T] of texts with blanks [M,T], from uniform numbers [M,T]."""
        kept, closed = given != self.bos, _closed(given, self.bos)
        ended = torch.zeros(len(given), dtype=torch.bool, device=given.device)
        tokens, written = torch.full_like(given[:, 0], self.bos), []
        for place in range(self.length):
            hidden = states.read(tokens)
            hidden = torch.cat([hidden, closed[:, place, None].to(hidden.dtype)], 1)
            tokens = draw(hidden, uniforms[:, place, None]).squeeze(1)
            if self.eos is not None:
                tokens = tokens.masked_fill(ended, self.pad or 0)
                ended = ended | (tokens == self.eos)
            tokens = torch.where(kept[:, place], given[:, place], tokens)
            written.append(tokens)
        return torch.cat([given, torch.stack(written, 1)], 1)

    def _keep(self, logits: Tensor, given: Tensor) -> Tensor:
        """Return logits [...,V] that allow the given token alone where ``given`` [...] is no blank."""
        only = torch.full_like(logits, IMPOSSIBLE).scatter(-1, given.unsqueeze(-1), 0.0)
        return torch.where((given != self.bos).unsqueeze(-1), only, logits)


def build_infilling(
    config: InfillingConfig, vocabulary: int, length: int, **special: int | None
) -> InfillingGenerator:
    """Build the generator for V tokens and texts of T positions, if it fits into memory."""
    make = partial(InfillingGenerator, config, vocabulary, length, **cast(Any, special))
    what = f"a {config.body} on {vocabulary:,} tokens"
    check_training_memory(what, make, getattr(config, config.body), vocabulary)
    return make()


def _closed(given: Tensor, blank: int) -> Tensor:
    """Return True [B,T] where this token or a later one is kept."""
    kept = given != blank
    return kept.flip(1).cummax(1).values.flip(1)
