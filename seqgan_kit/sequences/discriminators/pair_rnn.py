"""A discriminator of pairs: two recurrent encoders and a matching layer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from seqgan_kit.core.bounds import Share, Size, bounded
from seqgan_kit.sequences.discriminators.birnn import BiRNN, BiRNNConfig
from seqgan_kit.sequences.discriminators.pair_scorer import SharedSourceScorer, check_pairs


@dataclass(frozen=True)
@bounded
class PairRNNConfig:
    """Settings of two recurrent encoders with a matching layer."""

    embedding: Size = 64
    """Width of the token embeddings; each side has its own."""
    hidden: Size = 64
    """Width of the GRUs, in each direction."""
    layers: Size = 1
    """Number of GRU layers of each encoder."""
    pooling: Literal["final", "mean", "max"] = "max"
    """Pooling of the states: the last state of each direction, or the mean or maximum over the tokens."""
    matching: Size = 128
    """Width of the matching layer."""
    dropout: Share = 0.25
    """Dropout rate between layers, on both encodings and on the features."""


class PairRNN(nn.Module):
    """Bidirectional GRUs read source and target; a layer matches their encodings u and v.

        features = relu(W [u; v; |u - v|; u * v] + b)

    as Conneau et al. 2017 match two sentences ("Supervised learning of universal sentence representations",
    section 2.1).

    Args:
        config: widths, layers, pooling, dropout.
        vocabulary: V.
        length: S+T; rows with another number of written tokens are read as well.
        pad: the padding token, or None.
        given: S.
    """

    reads_pairs = True

    def __init__(
        self, config: PairRNNConfig, vocabulary: int, length: int, *, pad: int | None, given: int
    ):
        super().__init__()
        check_pairs("pair_rnn", given, length)
        self.config, self.length, self.given = config, length, given
        self.features = config.matching
        side = BiRNNConfig(
            config.embedding, config.hidden, config.layers, config.pooling, config.dropout
        )
        self.source_encoder = BiRNN(side, vocabulary, given, pad=pad)
        self.target_encoder = BiRNN(side, vocabulary, length - given, pad=pad)
        self.matching = nn.Linear(4 * self.source_encoder.features, config.matching)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map [B,S+T] ids or [B,S+T,V] soft one-hots to features [B,F]."""
        return self.compare(self.read_source(tokens[:, : self.given]), tokens[:, self.given :])

    def read_source(self, given: Tensor) -> Tensor:
        """Return the encoding [B,2H] of sources [B,S]."""
        encoded: Tensor = self.source_encoder(given)
        return encoded

    def compare(self, source: Tensor, written: Tensor) -> Tensor:
        """Map encoded sources [B,2H] and written tokens [B,T] to features [B,F]."""
        target = self.target_encoder(written)
        parts = [source, target, (source - target).abs(), source * target]
        return self.dropout(self.matching(torch.cat(parts, 1)).relu())

    def prefix_scorer(self, verdict: Callable[[Tensor], Tensor]) -> SharedSourceScorer:
        """Return a scorer of completions that reads each source once."""
        return SharedSourceScorer(self, verdict)
