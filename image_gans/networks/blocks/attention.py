"""Self-attention over the pixels of a feature map (Zhang et al. 2019, "Self-attention generative adversarial
networks", section 3).

    s_ij = f(x_i)'g(x_j),  b_ji = exp s_ij / sum_i exp s_ij        (eq. 1)
    o_j  = v(sum_i b_ji h(x_i))                                     (eq. 2)
    y_j  = gamma o_j + x_j,  gamma = 0 at the start                 (eq. 3)

f, g, h and v are 1x1 convolutions. As in the authors' code, and not in the paper's text: h has C/2 channels
(the text: C/8, as f and g), and the pixels attended to (f and h) are max-pooled 2x2, so that a pixel
looks at a quarter of the positions; no biases.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class SelfAttention(nn.Module):
    """[N,C,H,W] -> [N,C,H,W], H and W even; the identity while gamma is 0."""

    def __init__(self, channels: int):
        super().__init__()
        keys, values = max(1, channels // 8), max(1, channels // 2)
        self.f = nn.Conv2d(channels, keys, 1, bias=False)
        self.g = nn.Conv2d(channels, keys, 1, bias=False)
        self.h = nn.Conv2d(channels, values, 1, bias=False)
        self.v = nn.Conv2d(values, channels, 1, bias=False)
        self.gamma = nn.Parameter(torch.zeros(()))
        for layer in (self.f, self.g, self.h, self.v):
            nn.init.xavier_uniform_(layer.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Add the attended features to every pixel."""
        found = self.attended(x) @ F.max_pool2d(self.h(x), 2).flatten(2).mT
        return self.gamma * self.v(found.mT.unflatten(2, x.shape[2:])) + x

    def attended(self, x: Tensor) -> Tensor:
        """Attention [N,C,H,W] -> [N,HW,HW/4]: how much pixel j looks at position i; each row sums to 1."""
        keys, queries = F.max_pool2d(self.f(x), 2).flatten(2), self.g(x).flatten(2)
        return (queries.mT @ keys).softmax(2)
