"""Vectors that stand for classes of labels: learnt embeddings, or one-hot vectors."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from image_gans.conditions import Conditions


class OneHot(nn.Module):
    """Classes [N] -> one-hot vectors [N,classes]."""

    def __init__(self, classes: int):
        super().__init__()
        self.embedding_dim = classes

    def forward(self, labels: Tensor) -> Tensor:
        """[N] -> [N,classes]."""
        return F.one_hot(labels, self.embedding_dim).to(torch.get_default_dtype())


def label_vectors(conditions: Conditions, embedding: int) -> nn.ModuleList:
    """Return per label a map of its classes [N] to vectors [N,embedding], or [N,classes] if that is 0."""
    return nn.ModuleList(
        nn.Embedding(len(classes), embedding) if embedding else OneHot(len(classes))
        for classes in conditions.classes
    )


def total_width(conditions: Conditions, embedding: int) -> int:
    """Return the total dimensions of all labels' vectors."""
    return sum(embedding or len(classes) for classes in conditions.classes)
