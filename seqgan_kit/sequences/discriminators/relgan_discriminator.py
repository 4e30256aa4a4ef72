"""RelGAN's discriminator: one CNN that scores S small embeddings of a sequence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from seqgan_kit.core.bounds import Share, Size, bounded
from seqgan_kit.core.products import Linear
from seqgan_kit.sequences.discriminators.highway import Highway
from seqgan_kit.sequences.discriminators.textcnn import Filters, check_filters
from seqgan_kit.sequences.kernels.largest_responses import plain_largest_responses
from seqgan_kit.sequences.soft_tokens import embed


@dataclass(frozen=True)
@bounded
class RelGANCNNConfig:
    """Settings of RelGAN's discriminator; the defaults are the paper's (Nie et al. 2019)."""

    representations: Size = 64
    """S: number of embeddings per sequence; each gets a score."""
    embedding: Size = 1
    """Width of each embedding (the paper splits a width of 64 into 64)."""
    filters: Filters = ((2, 300), (3, 300), (4, 300), (5, 300))
    """(width, number) of each bank of filters; all embeddings share the filters."""
    features: Size = 100
    """Width of the layer before the score."""
    dropout: Share = 0.25
    """Dropout rate on the features (0.25 in the paper)."""


class RelGANCNN(nn.Module):
    """S embeddings, each read by the same convolutions, max over time, highway, dropout and fully connected
    layer.

    With features [B,S,F], ``Discriminator`` returns S scores per sequence, ordered by sample, then embedding,
    so paired real and fake scores belong to the same embedding. Each embedding represents a token by only
    ``embedding`` numbers, and learns which tokens to distinguish.

    PAD is an ordinary token, as in the authors' code. Differs from it: the highway's layers have biases.

    Args:
        config: embeddings, filters, widths, dropout.
        vocabulary: V.
        length: T, to check that the filters fit.
        pad: not used; every position is read.
    """

    def __init__(self, config: RelGANCNNConfig, vocabulary: int, length: int, *, pad: int | None):
        super().__init__()
        check_filters(config.filters, length)
        self.config, self.length, self.features = config, length, config.features
        self.scores_per_sample = config.representations
        self.embedding = nn.Embedding(vocabulary, config.representations * config.embedding)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(config.embedding, count, width) for width, count in config.filters
        )
        self.highway = Highway(sum(count for _, count in config.filters))
        self.dropout = nn.Dropout(config.dropout)
        self.dense = Linear(self.highway.both.in_features, config.features)
        self._initialise()

    def forward(self, tokens: Tensor) -> Tensor:
        """Map [B,T] ids or [B,T,V] soft one-hots to features [B,S,F]."""
        split = embed(self.embedding, tokens).unflatten(2, (-1, self.config.embedding))
        rows = split.transpose(1, 2).flatten(0, 1)  # [B*S,T,E]
        pooled = plain_largest_responses(rows, cast(Iterable[nn.Conv1d], self.convolutions)).relu()
        features: Tensor = self.dense(self.dropout(self.highway(pooled)))
        return features.unflatten(0, (len(tokens), -1))

    @torch.no_grad()
    def _initialise(self) -> None:
        """Initialise as in the authors' code: normal, truncated at 2 sigma; biases 0.

        sigma^2 is 1/inputs (V for an embedding), and 2/inputs for a filter.
        """
        _cut_normal(self.embedding.weight, self.embedding.num_embeddings**-0.5)
        for convolution in cast(Iterable[nn.Conv1d], self.convolutions):
            _cut_normal(convolution.weight, (2 / convolution.weight[0].numel()) ** 0.5)
        for layer in (self.highway.both, self.dense):
            _cut_normal(layer.weight, layer.in_features**-0.5)
        for name, parameter in self.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(parameter)


def _cut_normal(weight: Tensor, std: float) -> None:
    nn.init.trunc_normal_(weight, 0.0, std, -2 * std, 2 * std)
