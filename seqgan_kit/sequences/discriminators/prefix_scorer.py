"""Fast TextCNN scores of many completions of the same prefixes; shared parts are computed once.

Two facts reduce the cost; both are exact up to rounding. First, the maximum over time of a completion is the
larger of two: the maximum of its prefix, which all completions share, and that of the windows that touch its
tail. Second, with fixed weights, a filter of width f on token embeddings is a sum of f rows of a table [f*V,
filters]. This is one addition per filter and token instead of ``embedding`` multiply-adds.

Windows that begin in the prefix look up its tokens again for every completion. This costs little: completions
of one prefix are adjacent, so these rows are in the cache, while the rows of a tail come from memory.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqgan_kit.core.products import product
from seqgan_kit.sequences.discriminators.highway import prepared_highway

# Number of responses held at once: 4 MB of floats, which stay in the cache until their maximum is taken.
_CACHED_RESPONSES = 1_000_000


class WindowTrunk(Protocol):
    """A trunk that pools the largest response of each filter over windows of token embeddings."""

    features: int
    embedding: nn.Embedding
    convolutions: nn.ModuleList

    @property
    def highway(self) -> nn.Module:
        """The layer after the maximum."""


@dataclass(frozen=True)
class _Bank:
    """The filters of one width, as a table."""

    table: Tensor
    """[V*width, filters]: row v*width + k is the contribution of token v at place k of a window; place 0
    includes the bias. The rows of one token, which consecutive windows read, are adjacent in memory."""
    places: Tensor
    """[width] int32: 0 ... width-1."""

    def responses(self, tokens: Tensor) -> Tensor:
        """Return the filters' responses [M,windows,filters] to every window of ``tokens`` [M,length],
        int32."""
        width = len(self.places)
        windows = tokens.unfold(1, width, 1)
        # The sum of a view would inherit the order of its overlapping strides, but the bags must be
        # contiguous.
        rows = windows.new_empty(windows.shape)
        torch.add(self.places, windows, alpha=width, out=rows)
        sums = F.embedding_bag(rows.view(-1, width), self.table, mode="sum")
        return sums.view(*windows.shape[:2], -1)


class PrefixScorer:
    """A scorer equal to ``verdict(trunk(tokens))`` that is faster on completions of known prefixes.

    It uses the trunk's current weights, without gradients and dropout; make a new one when they
    have changed. The tables take 4 * V * sum(width * filters) bytes (250 MB in the SeqGAN paper's setting).

    Args:
        trunk: a TextCNN or another trunk with the same parts.
        verdict: function from features [M,F] to rewards [M], or to anything [M,...].
    """

    def __init__(self, trunk: WindowTrunk, verdict: Callable[[Tensor], Tensor]):
        self.trunk, self.verdict = trunk, verdict
        self.highway = prepared_highway(trunk.highway)
        self.banks = [_bank(trunk.embedding.weight.detach(), conv) for conv in trunk.convolutions]

    def __call__(self, tokens: Tensor) -> Tensor:
        """Return rewards [M] of whole sequences [M,T]."""
        return self.verdict(self.highway(self._maxima(tokens, 0).relu_()))

    @torch.no_grad()
    def for_originals(self, originals: Tensor) -> Callable[[Tensor, Tensor, int], Tensor]:
        """Prepare to score completions of prefixes of ``originals`` [G,T].

        Returns:
            A function of completions [J,N,T], the index of the original [J] of each, and the number of tokens
            kept; it returns rewards [J,N].
        """
        shared = self._pooled_prefixes(originals)

        def score(completions: Tensor, owner: Tensor, kept: int) -> Tensor:
            maxima = self._maxima(completions.flatten(0, 1), kept)
            pooled = maxima.view(*completions.shape[:2], -1)
            # The prefix's maximum has been through the relu, so the larger of the two is not negative.
            torch.maximum(pooled, shared[kept, owner].unsqueeze(1), out=pooled)
            return self.verdict(self.highway(maxima)).unflatten(0, completions.shape[:2])

        return score

    def _pooled_prefixes(self, tokens: Tensor) -> Tensor:
        """Return the pooled features after the relu [T+1,G,F] of the first 0 ... T of ``tokens`` [G,T]."""
        # Prefixes shorter than the window get zero, as if no filter had responded.
        pooled = self._empty(tokens.shape[1] + 1, len(tokens)).zero_()
        for bank, columns in zip(self.banks, self._by_bank(pooled), strict=True):
            best = bank.responses(tokens.int()).cummax(1).values.transpose(0, 1)
            columns[len(bank.places) :] = best.relu()
        return pooled

    def _maxima(self, tokens: Tensor, kept: int) -> Tensor:
        """Return the largest responses [M,F] to windows of ``tokens`` [M,T] that end after the first
        ``kept``."""
        maxima, tokens = self._empty(len(tokens)), tokens.int()
        for bank, columns in zip(self.banks, self._by_bank(maxima), strict=True):
            width, filters = len(bank.places), columns.shape[1]
            read = tokens[:, max(0, kept - width + 1) :]
            rows = max(1, _CACHED_RESPONSES // (filters * (read.shape[1] - width + 1)))
            for part, best in zip(read.split(rows), columns.split(rows), strict=True):
                torch.amax(bank.responses(part), 1, out=best)
        return maxima

    def _empty(self, *shape: int) -> Tensor:
        return self.banks[0].table.new_empty(*shape, self.trunk.features)

    def _by_bank(self, features: Tensor) -> tuple[Tensor, ...]:
        """Return views [...,filters] of features [...,F], one per bank."""
        return features.split([bank.table.shape[1] for bank in self.banks], dim=-1)


def _bank(embedding: Tensor, convolution: nn.Module) -> _Bank:
    """Return the table of one convolution [filters,E,width] over embeddings [V,E]."""
    weight, bias = (parameter.detach() for parameter in convolution.parameters())
    # float32 also under autocast, because many rows of the table are summed.
    with torch.autocast(embedding.device.type, enabled=False):
        table = product(embedding, weight.permute(1, 2, 0).flatten(1))  # [V,width*filters]
    filters, _, width = weight.shape
    table[:, :filters] += bias
    places = torch.arange(width, device=table.device, dtype=torch.int32)
    return _Bank(table.view(-1, filters), places)
