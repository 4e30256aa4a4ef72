"""A discriminator of pairs: a TextCNN on each side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from seqgan_kit.core.bounds import Finite, Share, Size, bounded
from seqgan_kit.sequences.discriminators.pair_scorer import check_pairs
from seqgan_kit.sequences.discriminators.prefix_scorer import PrefixScorer
from seqgan_kit.sequences.discriminators.textcnn import Filters, TextCNN, TextCNNConfig


@dataclass(frozen=True)
@bounded
class PairTextCNNConfig:
    """Settings of a TextCNN on each side."""

    embedding: Size = 64
    """Width of the token embeddings; each side has its own."""
    filters: Filters = ((1, 100), (2, 100), (3, 100), (4, 100), (5, 100))
    """(width, number) of each bank of filters, on both sides; wider ones than a side are left out of it."""
    dropout: Share = 0.25
    """Dropout rate on the features."""
    gate_bias: Finite = 0.0
    """Initial bias of the highways' gates; negative values start closer to the identity."""


class PairTextCNN(nn.Module):
    """The discriminator of CSGAN-NMT (Yang et al. 2018): convolutions, maximum over time and a highway on the
    source and on the target, whose features are concatenated.

    Differs from the authors' code: no batch norm, because D would then score a completion by its company; one
    logit instead of two classes; fewer filters (theirs: widths 1, 5, 9 ... 49 with 110 to 590 filters,
    embedding 512). The rest as :class:`TextCNN`.

    Args:
        config: widths, filters, dropout.
        vocabulary: V.
        length: S+T.
        pad: the padding token, or None.
        given: S.
    """

    rows_are_independent = True
    reads_pairs = True

    def __init__(
        self,
        config: PairTextCNNConfig,
        vocabulary: int,
        length: int,
        *,
        pad: int | None,
        given: int,
    ):
        super().__init__()
        check_pairs("pair_textcnn", given, length)
        self.config, self.length, self.given = config, length, given
        self.source, self.target = (
            TextCNN(_side(config, columns), vocabulary, columns, pad=pad)
            for columns in (given, length - given)
        )
        self.features = self.source.features + self.target.features

    def forward(self, tokens: Tensor) -> Tensor:
        """Map [B,S+T] ids or [B,S+T,V] soft one-hots to features [B,F]."""
        given, written = tokens[:, : self.given], tokens[:, self.given :]
        return torch.cat([self.source(given), self.target(written)], 1)

    def prefix_scorer(self, verdict: Callable[[Tensor], Tensor]) -> PairPrefixScorer:
        """Return a fast scorer of completions with the current weights."""
        return PairPrefixScorer(self, verdict)


class PairPrefixScorer:
    """A scorer equal to ``verdict(trunk(tokens))``: sources are read once, targets by the TextCNN's scorer.

    Args:
        trunk: a TextCNN on each side.
        verdict: function from features [M,F] to rewards [M].
    """

    def __init__(self, trunk: PairTextCNN, verdict: Callable[[Tensor], Tensor]):
        self.trunk, self.verdict = trunk, verdict
        self.target = PrefixScorer(trunk.target, lambda features: features)

    @torch.no_grad()
    def __call__(self, tokens: Tensor) -> Tensor:
        """Return rewards [M] of whole rows [M,S+T]."""
        source = self.trunk.source(tokens[:, : self.trunk.given])
        target = self.target(tokens[:, self.trunk.given :])
        return self.verdict(torch.cat([source, target], 1))

    @torch.no_grad()
    def for_originals(self, originals: Tensor) -> Callable[[Tensor, Tensor, int], Tensor]:
        """Read the sources and prefixes of rows [G,S+T]; see :meth:`PrefixScorer.for_originals`."""
        given = self.trunk.given
        sources = self.trunk.source(originals[:, :given])
        targets = self.target.for_originals(originals[:, given:])

        def score(completions: Tensor, owner: Tensor, kept: int) -> Tensor:
            target = targets(completions[..., given:], owner, kept - given)
            source = sources[owner].unsqueeze(1).expand(-1, completions.shape[1], -1)
            features = torch.cat([source, target], 2).flatten(0, 1)
            return self.verdict(features).view(completions.shape[:2])

        return score


def _side(config: PairTextCNNConfig, columns: int) -> TextCNNConfig:
    filters = tuple(pair for pair in config.filters if pair[0] <= columns)
    return TextCNNConfig(
        config.embedding, filters, config.dropout, highway=True, gate_bias=config.gate_bias
    )
