"""SeqGAN's discriminator: convolutions over token embeddings, maximum over time, highway."""

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
    """Return the SeqGAN paper's filters, extended to any length.

    The paper lists filters for T=20 (..., 15, 20) and T=32 (..., 16, 24, 32). Both lists follow one rule:
    widths 1 to 10, then 160 filters each of width T/2, 3T/4 and T. At T=40 the rule gives 20, 30 and 40.
    Widths that do not fit into a shorter sequence are left out.
    """
    short = tuple((width, count) for width, count in _SHORT_FILTERS if width <= length)
    longest = short[-1][0]
    wide = sorted({length // 2, 3 * length // 4, length})
    return short + tuple((width, 160) for width in wide if width > longest)


@dataclass(frozen=True)
@bounded
class TextCNNConfig:
    """Settings of SeqGAN's discriminator; the defaults are the paper's."""

    embedding: Size = 64
    """Width of the token embeddings."""
    filters: Filters | None = None
    """(width, number) of each bank of filters. None: the paper's, extended to the sequence length."""
    dropout: Share = 0.25
    """Dropout rate on the features (0.25 in the paper)."""
    highway: bool = True
    """Whether a highway layer follows the pooling."""
    gate_bias: Finite = 0.0
    """Initial bias of the highway's gate (the authors' code: 0); negative values start closer to the
    identity."""


class TextCNN(nn.Module):
    """Embedding, convolutions of many widths, max over time, highway, dropout (Kim 2014; Yu et al. 2017).

    Differs from the authors' code: one logit (the head of ``Discriminator``, with torch's initialisation)
    replaces a softmax over two classes; the highway's other biases start at 0 instead of small random
    numbers; the relu comes after the maximum, which is equivalent. The embedding of PAD is zero and is not
    trained, so windows over padding see only the bias, for real and generated sequences alike. The number of
    such windows still reveals the length.

    Args:
        config: widths, filters, dropout.
        vocabulary: V.
        length: T, to choose filters and to check that they fit.
        pad: the padding token, or None.
    """

    # One batch of twice the size makes the highway's products cheaper.
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
        """Map [B,T] ids or [B,T,V] soft one-hots to features [B,F]."""
        embedded = embed(self.embedding, tokens)
        # Plain convolutions are better in three cases. They skip gradients that are not needed (those of the
        # filters when only G is trained), autocast computes them in bfloat16, and a GPU is not limited by
        # FLOPs.
        kind = embedded.device.type
        plain = tokens.requires_grad or kind != "cpu" or torch.is_autocast_enabled(kind)
        pool = plain_largest_responses if plain else largest_responses
        return self.top(pool(embedded, cast(Iterable[nn.Conv1d], self.convolutions)))

    def top(self, pooled: Tensor) -> Tensor:
        """Apply the layers after the maximum over time: [B,F] -> features [B,F]."""
        return self.dropout(self.highway(pooled.relu()))

    def prefix_scorer(self, verdict: Callable[[Tensor], Tensor]) -> PrefixScorer:
        """Return a fast scorer of completions with the current weights; ``verdict`` maps features [M,F] to
        rewards [M]."""
        return PrefixScorer(self, verdict)

    @torch.no_grad()
    def _initialise(self) -> None:
        """Initialise as in the authors' code: embeddings U(-1, 1), filters N(0, 0.1) truncated at 2 sigma,
        biases 0.1."""
        nn.init.uniform_(self.embedding.weight, -1, 1)
        if self.embedding.padding_idx is not None:
            self.embedding.weight[self.embedding.padding_idx] = 0
        for parameter in self.convolutions.parameters():
            if parameter.dim() == 1:
                nn.init.constant_(parameter, 0.1)
            else:
                nn.init.trunc_normal_(parameter, 0.0, 0.1, -0.2, 0.2)


def score_penalty(score: nn.Linear) -> Tensor:
    """Return the L2 penalty on the output layer, which the paper multiplies by 0.2.

    The authors' code penalises (|w|^2 + b^2) / 2 for the rows of both classes. With one logit, w = w1 - w0,
    the minimum of that over all w0 and w1 with this difference is (|w|^2 + b^2) / 4.
    """
    return (score.weight.square().sum() + score.bias.square().sum()) / 4


def check_filters(filters: Filters, length: int) -> None:
    """Raise UsageError for invalid filters, or filters wider than the sequence."""
    if not filters or min(min(pair) for pair in filters) < 1:
        raise UsageError(f"filters are {filters}; give (width, number) pairs of 1 or more.")
    widest = max(width for width, _ in filters)
    if widest > length:
        raise UsageError(
            f"a filter of width {widest} does not fit into sequences of {length} tokens: leave it out, "
            "or give no filters to choose them by the length."
        )
