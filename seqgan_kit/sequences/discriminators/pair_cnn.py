"""A discriminator of pairs: convolutions over the map of all source and target positions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from seqgan_kit.core.bounds import Share, Size, bounded
from seqgan_kit.sequences.discriminators.pair_scorer import SharedSourceScorer, check_pairs
from seqgan_kit.sequences.soft_tokens import embed


@dataclass(frozen=True)
@bounded
class PairCNNConfig:
    """Settings of convolutions over the source-target map."""

    embedding: Size = 64
    """Width of the token embeddings, which both sides share."""
    channels: Size = 64
    """Channels of every layer."""
    layers: Size = 2
    """Number of 3x3 convolutions, the first over the pairs of embeddings."""
    dropout: Share = 0.25
    """Dropout rate on the features."""


class PairCNN(nn.Module):
    """3x3 convolutions over the map [x_i; y_j] of a source x and a target y (Hu et al. 2014, ARC-II).

    Cell (i,j) of the map is the embedding of source token i beside that of target token j, as in the
    adversarial NMT of Wu et al. 2017. Each convolution is followed by relu and 2x2 max pooling, the last one
    by the maximum over the map.

    The first convolution reads a concatenation, so it is the sum of a convolution over i and one over j,

        sum_ab W_ab [x_i+a; y_j+b] = sum_a (sum_b U_ab) x_i+a + sum_b (sum_a V_ab) y_j+b,   W = [U, V]

    and the pooled maximum of this sum is the sum of the two maxima. So the map is made after pooling, and its
    parameters are those of two convolutions of width 3. Beyond the ends of a side the embedding is 0, as that
    of PAD.

    Differs from Wu et al. 2017: one logit from the maximum over the map, which does not fix the lengths of
    both sides, replaces a perceptron on the flattened map; embeddings and channels are narrower; no batch
    norm.

    Args:
        config: widths, layers, dropout.
        vocabulary: V.
        length: S+T.
        pad: the padding token, or None.
        given: S.
    """

    rows_are_independent = True
    reads_pairs = True

    def __init__(
        self, config: PairCNNConfig, vocabulary: int, length: int, *, pad: int | None, given: int
    ):
        super().__init__()
        check_pairs("pair_cnn", given, length)
        self.config, self.length, self.given = config, length, given
        self.features = config.channels
        self.embedding = nn.Embedding(vocabulary, config.embedding, padding_idx=pad)
        self.over_source = nn.Conv1d(config.embedding, config.channels, 3, padding=1)
        self.over_target = nn.Conv1d(config.embedding, config.channels, 3, padding=1, bias=False)
        self.convolutions = nn.ModuleList(
            nn.Conv2d(config.channels, config.channels, 3, padding=1)
            for _ in range(config.layers - 1)
        )
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map [B,S+T] ids or [B,S+T,V] soft one-hots to features [B,F]."""
        return self.compare(self.read_source(tokens[:, : self.given]), tokens[:, self.given :])

    def read_source(self, given: Tensor) -> Tensor:
        """Return the source's part of the first layer, pooled by pairs: [B,F,S/2]."""
        return self._side(self.over_source, given)

    def compare(self, source: Tensor, written: Tensor) -> Tensor:
        """Map the source's part [B,F,S/2] and written tokens [B,T] to features [B,F]."""
        target = self._side(self.over_target, written)
        table = (source.unsqueeze(3) + target.unsqueeze(2)).relu()
        for place, convolution in enumerate(self.convolutions):
            table = F.max_pool2d(table, 2, ceil_mode=True) if place else table
            table = convolution(table).relu()
        return self.dropout(table.amax((2, 3)))

    def prefix_scorer(self, verdict: Callable[[Tensor], Tensor]) -> SharedSourceScorer:
        """Return a scorer of completions that reads each source once."""
        return SharedSourceScorer(self, verdict)

    def _side(self, convolution: nn.Module, tokens: Tensor) -> Tensor:
        responses = convolution(embed(self.embedding, tokens).transpose(1, 2))
        pooled: Tensor = F.max_pool1d(responses, 2, ceil_mode=True)
        return pooled
