"""Discriminators of pairs: what was given and what was written, read as two texts.

A trunk of pairs reads the two sides of rows [B,S+T] by ``read_source`` and ``compare``. The completions of a
prefix share their source, so :class:`SharedSourceScorer` reads it once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from seqgan_kit.errors import UsageError


class PairTrunk(Protocol):
    """A trunk that reads a source, then what was written from it."""

    given: int

    def __call__(self, tokens: Tensor) -> Tensor:
        """Map whole rows [B,S+T] to features [B,F]."""

    def read_source(self, given: Tensor) -> Tensor:
        """Map sources [B,S] (or soft one-hots) to anything [B,...]."""

    def compare(self, source: Tensor, written: Tensor) -> Tensor:
        """Map what ``read_source`` returned [B,...] and written tokens [B,T] to features [B,F]."""


def check_pairs(name: str, given: int, length: int) -> None:
    """Raise UsageError for a discriminator of pairs without a source, or with nothing written after it."""
    if given < 1:
        raise UsageError(
            f"the discriminator {name} reads a source and what was written from it, and nothing is given: "
            "give sources (--sources, --source-column, --label-column or --prompt-words), or choose textcnn, "
            "birnn or transformer_reader."
        )
    if given >= length:
        raise UsageError(
            f"the discriminator {name} has rows of {length} tokens, {given} of them given: nothing is left "
            "to be written. Give it S and S + T."
        )


class SharedSourceScorer:
    """A scorer equal to ``verdict(trunk(tokens))`` that reads the source of many completions once.

    It uses the trunk's current weights, without gradients; the caller must use evaluation mode.

    Args:
        trunk: a trunk of pairs.
        verdict: function from features [M,F] to rewards [M].
    """

    def __init__(self, trunk: PairTrunk, verdict: Callable[[Tensor], Tensor]):
        self.trunk, self.verdict = trunk, verdict

    def __call__(self, tokens: Tensor) -> Tensor:
        """Return rewards [M] of whole rows [M,S+T]."""
        return self.verdict(self.trunk(tokens))

    @torch.no_grad()
    def for_originals(self, originals: Tensor) -> Callable[[Tensor, Tensor, int], Tensor]:
        """Read the sources of rows [G,S+T]; see :meth:`CompletionReward.for_originals`."""
        given = self.trunk.given
        sources = self.trunk.read_source(originals[:, :given])

        def score(completions: Tensor, owner: Tensor, kept: int) -> Tensor:
            source = sources[owner].repeat_interleave(completions.shape[1], 0)
            features = self.trunk.compare(source, completions.flatten(0, 1)[:, given:])
            return self.verdict(features).view(completions.shape[:2])

        return score
