"""Blanks: which tokens of a text are hidden, and rows of a text with blanks before the whole text."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Strategy = Literal["contiguous", "random"]


def draw_blanks(
    counts: Tensor, length: int, rate: float, strategy: Strategy, rng: torch.Generator
) -> Tensor:
    """Return True [B,T] on the blanks of texts with ``counts`` [B] tokens, at least one in each.

    EOS and PAD after a text are no blanks, so its length is known. If all of its tokens are blank, all T
    positions are: such a text is written from nothing, and its end is open.

    Args:
        counts: tokens of each text, without EOS.
        length: T.
        rate: share of a text's tokens that are blank: of each token by itself, or in one piece.
        strategy: random or contiguous.
        rng: random generator.
    """
    count = counts.unsqueeze(1)
    places = torch.arange(length, device=counts.device)
    draws = torch.rand((len(counts), length + 1), generator=rng, device=rng.device)
    draws, spare = draws.to(counts.device).split([length, 1], 1)
    if strategy == "contiguous":
        size = (rate * count).round().clamp(min=1)
        first = (spare * (count - size + 1)).floor()
        blank = (places >= first) & (places < first + size)
    else:
        blank = (draws < rate) & (places < count)
        one = (spare * count).floor().long()
        blank = blank | ((places == one) & ~blank.any(1, keepdim=True))
    return blank | (blank | (places >= count)).all(1, keepdim=True)


def text_lengths(texts: Tensor, eos: int | None) -> Tensor:
    """Return the number of tokens [B] before EOS of texts [B,T]; T without EOS."""
    if eos is None:
        return torch.full_like(texts[:, 0], texts.shape[1])
    return ((texts == eos).cumsum(1) == 0).sum(1)


def rows_with_blanks(texts: Tensor, blank: Tensor, mark: int) -> Tensor:
    """Return rows [B,2T]: the texts [B,T] with ``mark`` where ``blank`` [B,T] is True, then the texts."""
    return torch.cat([torch.where(blank, mark, texts), texts], 1)
