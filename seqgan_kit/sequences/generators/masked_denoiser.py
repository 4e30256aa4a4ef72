"""A Transformer that fills in masked tokens; unmasking step by step makes it a generator."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from seqgan_kit.core.bounds import Positive, Share, Size, bounded
from seqgan_kit.core.discriminator import evaluating
from seqgan_kit.core.products import Linear, use_quick_products
from seqgan_kit.core.runs.machine.memory import check_training_memory
from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.generators.autoregressive import IMPOSSIBLE
from seqgan_kit.sequences.sampling.drawing_tokens import sample_tokens
from seqgan_kit.sequences.sampling.stepper import CHUNK_ROWS


@dataclass(frozen=True)
@bounded
class MaskedDenoiserConfig:
    """Settings of the denoising Transformer; the defaults are those of the authors' small model."""

    width: Size = 768
    """Width of the embeddings and layers."""
    layers: Size = 12
    """Number of Transformer layers."""
    heads: Size = 12
    """Attention heads; they must divide the width."""
    feedforward: Size = 3072
    """Width of the feed-forward layers."""
    dropout: Share = 0.1
    """Dropout rate in every layer."""
    steps: Positive = 128
    """Steps in which a row of samples is unmasked (the authors' code: 128)."""

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise UsageError(
                f"the width is {self.width} and the number of heads {self.heads}: use heads that divide it."
            )


class MaskedDenoiser(nn.Module):
    """A bidirectional Transformer p(y_i | the tokens of y that are not masked), for all masked i at once.

    It generates rows of T tokens, PAD after EOS included, by unmasking a fully masked row step by step. It is
    no ``SequenceGenerator``: its likelihood has a bound, :meth:`bounds`.
    """

    given = 0
    impossible: Tensor

    def __init__(
        self,
        config: MaskedDenoiserConfig,
        vocabulary: int,
        length: int,
        *,
        bos: int,
        eos: int | None,
        pad: int | None,
    ):
        super().__init__()
        self.config, self.vocabulary, self.length = config, vocabulary, length
        self.bos, self.eos, self.pad, self.hidden_token = bos, eos, pad, vocabulary
        self.embedding = nn.Embedding(vocabulary + 1, config.width)
        self.positions = nn.Parameter(0.02 * torch.randn(length, config.width))
        layer = nn.TransformerEncoderLayer(
            config.width, config.heads, config.feedforward, config.dropout, "gelu",
            batch_first=True, norm_first=True,
        )  # fmt: skip
        self.layers = nn.TransformerEncoder(layer, config.layers, enable_nested_tensor=False)
        use_quick_products(self.layers)
        self.norm = nn.LayerNorm(config.width)
        self.output = Linear(config.width, vocabulary)
        nn.init.normal_(self.embedding.weight, 0.0, 0.02)
        impossible = torch.zeros(vocabulary)
        if pad is not None:
            impossible[bos] = IMPOSSIBLE
        self.register_buffer("impossible", impossible, persistent=False)

    def forward(self, rows: Tensor) -> Tensor:
        """Return logits [B,T,V] of every position of rows [B,T] in which V is the mask."""
        return self._logits(self._read(rows))

    def _read(self, rows: Tensor) -> Tensor:
        """Return the last layer's output [B,T,W]."""
        hidden: Tensor = self.layers(self.embedding(rows) + self.positions)
        return hidden

    def _logits(self, hidden: Tensor) -> Tensor:
        """Map outputs of the last layer [...,W] to logits [...,V]."""
        with torch.autocast(hidden.device.type, enabled=False):
            logits: Tensor = self.output(self.norm(hidden.float())) + self.impossible
        return logits

    def token_mask(self, rows: Tensor) -> Tensor:
        """Return True [N,T] on the tokens of rows [N,T] up to and including their first EOS."""
        if self.eos is None:
            return torch.ones_like(rows, dtype=torch.bool)
        is_end = (rows == self.eos).long()
        return is_end.cumsum(1) == is_end

    def hidden_log_prob(self, rows: Tensor, hidden: Tensor) -> Tensor:
        """Return log p of the hidden tokens [B,T] given the others, 0 elsewhere.

        Args:
            rows: [B,T].
            hidden: [B,T], True on the tokens that are masked.
        """
        logits = self(torch.where(hidden, self.hidden_token, rows))
        found = logits.log_softmax(-1).gather(2, rows.unsqueeze(2)).squeeze(2)
        return found * hidden

    @torch.no_grad()
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
        """Draw rows [n,T]: in every step each masked token is drawn with probability (t - s) / t."""
        parts = [min(CHUNK_ROWS, n - start) for start in range(0, n, CHUNK_ROWS)]
        drawn = [self._drawn(part, rng, temperature, top_k, top_p) for part in parts]
        return torch.cat(drawn) if drawn else self._drawn(0, rng, temperature, top_k, top_p)

    def _drawn(
        self,
        n: int,
        rng: torch.Generator,
        temperature: float,
        top_k: int | None,
        top_p: float | None,
    ) -> Tensor:
        device = self.output.weight.device
        rows = torch.full((n, self.length), self.hidden_token, device=device)
        times = torch.linspace(1, 0, self.config.steps + 1).tolist()
        with evaluating(self):
            for t, s in itertools.pairwise(times):
                draws = torch.rand(rows.shape, generator=rng, device=rng.device).to(device)
                shown = (rows == self.hidden_token) & (draws < (t - s) / t)
                if s == 0:
                    shown = rows == self.hidden_token
                touched = shown.any(1).nonzero().squeeze(1)
                if not len(touched):
                    continue
                logits = self._logits(self._read(rows[touched])[shown[touched]])
                rows[shown] = sample_tokens(logits, rng, temperature, top_k, top_p)
        return self._ended(rows)

    @torch.no_grad()
    def bounds(self, rows: Tensor, draws: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return the bound of log p [N] of rows [N,T] from ``draws`` masks per row, twice.

        (A model with codes has two bounds; here both are the same.) The number of masked tokens runs over 1
        to T in equal steps from a random start.
        """
        start = torch.rand(len(rows), generator=rng, device=rng.device).to(rows.device)
        total = torch.zeros(len(rows), device=rows.device)
        for k in range(draws):
            share = (start + k / draws) % 1
            count = (share * self.length).long() + 1
            hidden = random_places(count, self.length, rng)
            scaled = self.length / count
            total += scaled * self.hidden_log_prob(rows, hidden).sum(1)
        return total / draws, total / draws

    def _ended(self, rows: Tensor) -> Tensor:
        """Return rows whose tokens after EOS are PAD."""
        if self.eos is None or self.pad is None:
            return rows
        return torch.where(self.token_mask(rows), rows, self.pad)


def random_places(counts: Tensor, length: int, rng: torch.Generator) -> Tensor:
    """Return [N,T], True on ``counts`` [N] random places of each row."""
    draws = torch.rand(len(counts), length, generator=rng, device=rng.device).to(counts.device)
    return draws.argsort(1).argsort(1) < counts.unsqueeze(1)


def build_denoiser(
    config: MaskedDenoiserConfig,
    vocabulary: int,
    length: int,
    *,
    bos: int,
    eos: int | None,
    pad: int | None,
) -> MaskedDenoiser:
    """Build the Transformer if training it fits into memory."""

    def make() -> MaskedDenoiser:
        return MaskedDenoiser(config, vocabulary, length, bos=bos, eos=eos, pad=pad)

    check_training_memory(f"a denoiser on {vocabulary:,} tokens", make, config, vocabulary)
    return make()
