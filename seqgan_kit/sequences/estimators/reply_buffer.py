"""A player that stores the replies of a round, from which G and D learn in several updates."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Replies:
    """Replies that G learns from, with what is known of them; N rows."""

    rows: Tensor
    """[N,S+T]."""
    advantages: Tensor
    """[N], the same for all tokens of a reply."""
    log_probs: Tensor
    """[N,T]: of the policy that wrote them."""
    reference: Tensor
    """[N,T]: of the reference policy; zeros without one."""


class ReplyBuffer(nn.Module):
    """The replies of one round, without parameters; private to its process.

    Updates read parts in turn: part k of P has the rows k, k + P, k + 2P, ...

    Args:
        pairs: real rows and generated ones, as many, that D reads.
        learned: replies that G learns from.
        row: S+T.
        written: T.
        parts: P.
    """

    real: Tensor
    fake: Tensor
    rows: Tensor
    advantages: Tensor
    log_probs: Tensor
    reference: Tensor
    judged: Tensor
    updated: Tensor

    def __init__(self, pairs: int, learned: int, row: int, written: int, parts: int):
        super().__init__()
        self.parts = parts
        for name, count in (("real", pairs), ("fake", pairs), ("rows", learned)):
            self.register_buffer(name, torch.zeros(count, row, dtype=torch.int64))
        self.register_buffer("advantages", torch.zeros(learned))
        for name in ("log_probs", "reference"):
            self.register_buffer(name, torch.zeros(learned, written))
        for name in ("judged", "updated"):
            self.register_buffer(name, torch.zeros((), dtype=torch.int64))

    @property
    def rows_at_once(self) -> int:
        """Most replies that an update reads."""
        return -(-len(self.rows) // self.parts)

    @torch.no_grad()
    def note_pairs(self, real: Tensor, fake: Tensor) -> None:
        """Store real rows and generated ones [pairs,S+T]; reading starts anew."""
        self.real.copy_(real)
        self.fake.copy_(fake)
        self.judged.zero_()

    @torch.no_grad()
    def note_replies(self, replies: Replies) -> None:
        """Store replies that G will learn from; reading starts anew."""
        for name, value in vars(replies).items():
            getattr(self, name).copy_(value)
        self.updated.zero_()

    def next_pairs(self) -> tuple[Tensor, Tensor]:
        """Return the next part of real rows and of generated ones."""
        part = self._next(self.judged)
        return self.real[part], self.fake[part]

    def next_replies(self) -> Replies:
        """Return the next part of the replies."""
        part = self._next(self.updated)
        return Replies(
            self.rows[part], self.advantages[part], self.log_probs[part], self.reference[part]
        )

    def _next(self, count: Tensor) -> slice:
        part = int(count) % self.parts
        count.add_(1)
        return slice(part, None, self.parts)
