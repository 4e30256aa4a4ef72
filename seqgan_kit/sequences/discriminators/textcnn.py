"""The discriminator of the SeqGAN paper: convolutions over token embeddings, maximum over time, highway."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from seqgan_kit.core.bounds import Finite, Share, Size, bounded
from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.discriminators.highway import Highway
from seqgan_kit.sequences.discriminators.prefix_scorer import PrefixScorer
from seqgan_kit.sequences.kernels.largest_responses import (
    largest_responses,
    plain_largest_responses,
)
from seqgan_kit.sequences.soft_tokens import embed

# (width, number of filters); Yu et al. 2017, appendix.
Filters = tuple[tuple[Size, Size], ...]
_SHORT_FILTERS: Filters = (
    (1, 100),
    *((width, 200) for width in (2, 3, 4, 5)),
    *((width, 100) for width in (6, 7, 8, 9, 10)),
)


def filters_for_length(length: int) -> Filters:
    """Return the SeqGAN paper's filters, continued to any length.

    The paper lists T=20 (..., 15, 20) and T=32 (..., 16, 24, 32): widths 1 to 10, then 160 filters each at
    a half, three quarters and the whole of T. That rule gives both lists; at T=40 it gives 20, 30 and 40.
    Widths that do not fit into a shorter sequence are left out.
    """
    short = tuple((width, count) for width, count in _SHORT_FILTERS if width <= length)
    longest = short[-1][0]
    wide = sorted({length // 2, 3 * length // 4, length})
    return short + tuple((width, 160) for width in wide if width > longest)


@dataclass(frozen=True)
@bounded
class TextCNNConfig:
    """The discriminator of the SeqGAN paper; the defaults are its own."""

    embedding: Size = 64
    """Width of the token embeddings."""
    filters: Filters | None = None
    """(width, number) of each bank of filters. None: the paper's, continued to the sequence length."""
    dropout: Share = 0.25
    """Share of features dropped in training (the paper keeps 0.75)."""
    highway: bool = True
    """Whether a highway layer follows the pooling."""
    gate_bias: Finite = 0.0
    """Initial bias of the highway's gate (the paper's code: 0); below 0 the layer starts nearer to the
    identity."""


class TextCNN(nn.Module):
    """Embedding, convolutions of many widths, max over time, highway, dropout (Kim 2014; Yu et al. 2017).

    Differs from the paper's code: one logit (the head of ``Discriminator``, with torch's initialisation) in
    place of a softmax over two classes; the highway's other biases start at 0, there at small random numbers;
    a relu after the maximum, which is the same as before it. PAD is embedded as zeros, never learned: windows
    over the padding see nothing but the bias, real and generated alike, and the sequence's length shows in
    how many there are.

    Args:
        config: widths, filters, dropout.
        vocabulary: V.
        length: T, needed to choose filters and to refuse those that do not fit.
        pad: the padding token, None where there is none.
    """

    # The highway's products are cheaper for one batch of twice the size.
    rows_are_independent = True

    def __init__(self, config: TextCNNConfig, vocabulary: int, length: int, *, pad: int | None):
        super().__init__()
        self.config, self.length = config, length
        self.filters = filters_for_length(length) if config.filters is None else config.filters
        check_filters(self.filters, length)
        self.features = sum(count for _, count in self.filters)
        self.embedding = nn.Embedding(vocabulary, config.embedding, padding_idx=pad)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(config.embedding, count, width) for width, count in self.filters
        )
        self.highway = Highway(self.features, config.gate_bias) if config.highway else nn.Identity()
        self.dropout = nn.Dropout(config.dropout)
        self._initialise()

    def forward(self, tokens: Tensor) -> Tensor:
        """[B,T] ids or [B,T,V] soft one-hots -> features [B,F]."""
        embedded = embed(self.embedding, tokens)
        # A convolution skips gradients that nobody asked for, as the filters' are where soft one-hots carry
        # one back to a generator; autocast has convolutions in bfloat16; a GPU has no need of fewer FLOPs.
        kind = embedded.device.type
        plain = tokens.requires_grad or kind != "cpu" or torch.is_autocast_enabled(kind)
        pool = plain_largest_responses if plain else largest_responses
        return self.top(pool(embedded, cast(Iterable[nn.Conv1d], self.convolutions)))

    def top(self, pooled: Tensor) -> Tensor:
        """What follows the maximum over time [B,F] -> features [B,F]."""
        return self.dropout(self.highway(pooled.relu()))

    def prefix_scorer(self, verdict: Callable[[Tensor], Tensor]) -> PrefixScorer:
        """Return what scores completions of one prefix together, by the present weights; ``verdict`` maps
        features [M,F] to rewards [M]."""
        return PrefixScorer(self, verdict)

    @torch.no_grad()
    def _initialise(self) -> None:
        """As in the paper's code: embeddings U(-1, 1), filters N(0, 0.1) cut at 2 sigma, biases 0.1."""
        nn.init.uniform_(self.embedding.weight, -1, 1)
        if self.embedding.padding_idx is not None:
            self.embedding.weight[self.embedding.padding_idx] = 0
        for parameter in self.convolutions.parameters():
            if parameter.dim() == 1:
                nn.init.constant_(parameter, 0.1)
            else:
                nn.init.trunc_normal_(parameter, 0.0, 0.1, -0.2, 0.2)


def score_penalty(score: nn.Linear) -> Tensor:
    """What the paper's L2 weight (0.2) multiplies: the size of the output layer's weights and bias.

    The paper's code penalises (|w|^2 + b^2) / 2 of both classes' rows. With one logit, w = w1 - w0, the
    least of that over all pairs with this difference is (|w|^2 + b^2) / 4.
    """
    return (score.weight.square().sum() + score.bias.square().sum()) / 4


def check_filters(filters: Filters, length: int) -> None:
    """Raise UsageError for filters that are none, or that do not fit."""
    if not filters or min(min(pair) for pair in filters) < 1:
        raise UsageError(f"filters are (width, number) pairs of at least 1, not {filters}.")
    widest = max(width for width, _ in filters)
    if widest > length:
        raise UsageError(
            f"a filter of width {widest} does not fit into sequences of {length} tokens: leave it out, "
            "or give no filters to have them chosen by the length."
        )
