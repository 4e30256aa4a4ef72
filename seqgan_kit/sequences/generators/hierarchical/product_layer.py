"""Logits that are linear in a hidden state, with weights that another vector chooses or mixes.

With a chooser w [k] and a state h [H], logit v is sum_j w_j (A_j h + b_j)_v. This is one linear layer on the
products of w and (h, 1), so all that reads hidden states and one output layer works unchanged.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def products(chooser: Tensor, hidden: Tensor) -> Tensor:
    """Return the products [...,k*(H+1)] of ``chooser`` [...,k] and ``hidden`` [...,H] with a 1 after it."""
    hidden = F.pad(hidden, (0, 1), value=1.0)
    return (chooser.unsqueeze(-1) * hidden.unsqueeze(-2)).flatten(-2)


class ProductLayer(nn.Module):
    """The layer from ``width`` products to V logits; it has no bias of its own."""

    def __init__(self, vocabulary: int, width: int):
        super().__init__()
        self.in_features = width
        self.weight = nn.Parameter(torch.empty(vocabulary, width).uniform_(-1, 1) / width**0.5)
        self.register_buffer("bias", torch.zeros(vocabulary), persistent=False)
