"""A trunk of D whose score of exact rows is an entry of a table, and multilinear in soft tokens between."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqgan_kit.core.discriminator import Discriminator


class SoftTable(nn.Module):
    """Rows [B,T] of ids, or [B,T,V] of soft one-hots, to scores [B] from a table [V**T]."""

    def __init__(self, scores: Tensor, vocabulary: int):
        super().__init__()
        self.vocabulary = vocabulary
        self.register_buffer("scores", scores)

    def forward(self, rows: Tensor) -> Tensor:
        if not rows.is_floating_point():
            rows = F.one_hot(rows, self.vocabulary).to(self.scores.dtype)
        weights = torch.ones_like(rows[:, 0, :1])
        for column in rows.unbind(1):
            weights = (column.unsqueeze(2) * weights.unsqueeze(1)).flatten(1)
        return weights @ self.scores


def soft_table(scores: Tensor, vocabulary: int, length: int) -> Discriminator:
    return Discriminator(SoftTable(scores, vocabulary), 1, score=nn.Identity())
