"""The highway layer on pooled features, and a version for inference with fixed weights."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from seqgan_kit.core.products import Linear, linear


class Highway(nn.Module):
    """y = t * relu(W x + b) + (1 - t) * x with t = sigmoid(W' x + b') (Srivastava et al. 2015).

    As in the authors' code, the gate has its own linear layer; several PyTorch ports share one.

    Args:
        features: width of x and y.
        gate_bias: initial value of b'; the other biases start at 0.
    """

    def __init__(self, features: int, gate_bias: float = 0.0):
        super().__init__()
        # One matrix for value and gate needs only one product.
        self.both = Linear(features, 2 * features)
        for half in self.both.weight.chunk(2):
            nn.init.xavier_uniform_(half)
        nn.init.zeros_(self.both.bias)
        nn.init.constant_(self.both.bias[features:], gate_bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map [B,F] to [B,F]."""
        # Under autocast the product may be narrower than x, and lerp takes one type only.
        value, gate = self.both(x).to(x.dtype).chunk(2, dim=-1)
        return torch.lerp(x, value.relu(), gate.sigmoid())


def prepared_highway(layer: nn.Module) -> Callable[[Tensor], Tensor]:
    """Return ``layer`` as a function [M,F] -> [M,F] with its current weights; it overwrites its input."""
    if not isinstance(layer, Highway) or layer.both.weight.device.type != "cpu":
        return layer
    bias = layer.both.bias.detach()
    weight = layer.both.weight.detach()

    def highway(x: Tensor) -> Tensor:
        value, gate = linear(x, weight, bias).to(x.dtype).chunk(2, dim=-1)
        return torch.lerp(x, value.relu_(), gate.sigmoid_(), out=x)

    return highway
