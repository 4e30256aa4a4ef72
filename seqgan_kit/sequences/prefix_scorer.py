"""A TextCNN's verdict on many completions of the same prefixes, with what they share computed once.

Two facts make it cheap, both exact up to rounding. The maximum over time of a completion is the larger of its
prefix's maximum, shared by all its completions, and that of the windows that touch its tail. And with fixed
weights a filter of width f on token embeddings is a sum of f rows of a table [f*V, filters], one multiply
and add per filter and token in place of ``embedding`` many.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.discriminators import TextCNN

# Floats of window sums held at once: 4 MB, which stay in the cache until their maximum is taken.
_CACHED_SUMS = 1_000_000


@dataclass(frozen=True)
class _Bank:
    """All filters of one width, as a table."""

    width: int
    table: Tensor
    """[width*V, filters]: row k*V + v is what token v adds at place k of a window."""
    bias: Tensor
    """[filters]."""


class PrefixScorer:
    """Scores sequences as ``verdict(trunk(tokens))`` does, and completions of known prefixes faster.

    Made for the trunk's present weights, without gradients and without dropout; make a new one when they
    have changed. The tables take 4 * V * sum(width * filters) bytes (250 MB in the SeqGAN paper's setting).

    Args:
        trunk: a TextCNN.
        verdict: features [M,F] -> rewards [M].
    """

    def __init__(self, trunk: TextCNN, verdict: Callable[[Tensor], Tensor]):
        if not isinstance(trunk, TextCNN):
            raise UsageError(
                f"only a TextCNN can share windows, not a {type(trunk).__name__}: "
                "give rollouts the discriminator itself."
            )
        self.trunk, self.verdict = trunk, verdict
        self.vocabulary = trunk.embedding.num_embeddings
        self.banks = [_bank(trunk.embedding.weight.detach(), conv) for conv in trunk.convolutions]

    def __call__(self, tokens: Tensor) -> Tensor:
        """Rewards [M] of whole sequences [M,T]."""
        return self._verdict(
            torch.cat(
                [self._sums(bank, tokens, 0).amax(1) + bank.bias for bank in self.banks], dim=1
            )
        )

    @torch.no_grad()
    def for_originals(self, originals: Tensor) -> Callable[[Tensor, Tensor, int], Tensor]:
        """Prepares scoring completions of prefixes of ``originals`` [G,T].

        Returns:
            A function of completions [J,N,T], the original [J] that each belongs to, and how many tokens of
            it were kept; it returns rewards [J,N].
        """
        best = [self._best_before(bank, originals) for bank in self.banks]

        def score(completions: Tensor, owner: Tensor, kept: int) -> Tensor:
            pooled = [
                self._pooled(bank, completions, shared[kept, owner], kept)
                for bank, shared in zip(self.banks, best, strict=True)
            ]
            return self._verdict(torch.cat(pooled, dim=1)).view(completions.shape[:2])

        return score

    def _verdict(self, pooled: Tensor) -> Tensor:
        return self.verdict(self.trunk.highway(pooled.relu()))

    def _best_before(self, bank: _Bank, tokens: Tensor) -> Tensor:
        """[T+1,G,filters]: the largest window sum within the first 0 ... T tokens (-inf where none fits)."""
        maxima = self._sums(bank, tokens, 0).cummax(1).values.transpose(0, 1)
        return torch.cat([maxima.new_full((bank.width, *maxima.shape[1:]), -torch.inf), maxima])

    def _pooled(self, bank: _Bank, completions: Tensor, shared: Tensor, kept: int) -> Tensor:
        """Pooled responses [J*N,filters] of completions [J,N,T]; ``shared`` [J,filters] is the prefixes'."""
        _, rollouts, length = completions.shape
        windows = length - max(kept, bank.width - 1)
        block = max(1, _CACHED_SUMS // (rollouts * windows * len(bank.bias)))
        parts = [
            torch.maximum(self._tail_maxima(bank, rows, kept), best.unsqueeze(1))
            for rows, best in zip(completions.split(block), shared.split(block), strict=True)
        ]
        return torch.cat(parts).flatten(0, 1) + bank.bias

    def _tail_maxima(self, bank: _Bank, completions: Tensor, kept: int) -> Tensor:
        """The largest sum [J,N,filters] of the windows that touch the tail of completions [J,N,T]."""
        prefixes, rollouts, _ = completions.shape
        tails = self._sums(bank, completions.flatten(0, 1), kept)
        tails = tails.view(prefixes, rollouts, *tails.shape[1:])
        # The first windows begin in the prefix, whose share is the same for all its completions.
        heads = self._head_sums(bank, completions[:, 0], kept)
        tails[:, :, : heads.shape[1]] += heads.unsqueeze(1)
        return tails.amax(2)

    def _head_sums(self, bank: _Bank, tokens: Tensor, kept: int) -> Tensor:
        """What tokens before ``kept`` add to the windows that end at or after it: [J,windows,filters]."""
        ends = torch.arange(max(kept, bank.width - 1), tokens.shape[1], device=tokens.device)
        straddling = ends[ends - bank.width + 1 < kept]
        return self._bags(bank, tokens, straddling, lambda positions: positions < kept)

    def _sums(self, bank: _Bank, tokens: Tensor, kept: int) -> Tensor:
        """What tokens from ``kept`` on add to the windows that end there: [M,windows,filters]."""
        ends = torch.arange(max(kept, bank.width - 1), tokens.shape[1], device=tokens.device)
        return self._bags(bank, tokens, ends, lambda positions: positions >= kept)

    def _bags(
        self, bank: _Bank, tokens: Tensor, ends: Tensor, chosen: Callable[[Tensor], Tensor]
    ) -> Tensor:
        """Sums of table rows over the chosen places of the windows ending at ``ends`` [W]: [M,W,filters]."""
        places = torch.arange(bank.width, device=tokens.device)
        positions = ends.unsqueeze(1) - (bank.width - 1) + places  # [W,width]
        inside = chosen(positions)
        lookups = tokens[:, positions[inside]] + (
            places.expand_as(inside)[inside] * self.vocabulary
        )
        counts = inside.sum(1)
        starts = torch.arange(len(tokens), device=tokens.device) * lookups.shape[1]
        offsets = starts.unsqueeze(1) + counts.cumsum(0) - counts
        sums = F.embedding_bag(lookups.flatten(), bank.table, offsets.flatten(), mode="sum")
        return sums.view(len(tokens), len(ends), len(bank.bias))


def _bank(embedding: Tensor, convolution: nn.Module) -> _Bank:
    """The table of one convolution [filters,E,width] over embeddings [V,E]."""
    weight, bias = (parameter.detach() for parameter in convolution.parameters())
    table = torch.matmul(embedding, weight.permute(2, 1, 0))  # [width,V,filters]
    return _Bank(weight.shape[2], table.flatten(0, 1), bias)
