r"""Layers with an equalised learning rate (Karras et al. 2018, "Progressive growing of GANs", section 4.1).

    y = gain (rate / sqrt(fan_in) W x + rate b),   W ~ N(0, 1/rate^2)

The scale of Kaiming's initialisation is a constant of the forward pass and not part of the weights. All
weights are of the same order, so Adam changes all layers equally fast; ``rate`` multiplies the learning rate
of a layer.
A layer before a LeakyReLU has the gain sqrt(2), which keeps the mean square of its inputs.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from image_gans.networks.blocks.resampling import halved, halving_conv

GAIN = math.sqrt(2)
_SLOPE = 0.2


def activated(x: Tensor) -> Tensor:
    """LeakyReLU of slope 0.2; the layer before it has the gain."""
    return F.leaky_relu(x, _SLOPE)


class EqualisedLinear(nn.Module):
    """A fully connected layer.

    Args:
        before, after: numbers of inputs and outputs.
        rate: factor of its learning rate.
        gain: factor of its outputs.
        bias: of the outputs at the start, without the gain.
    """

    def __init__(
        self, before: int, after: int, *, rate: float = 1.0, gain: float = 1.0, bias: float = 0.0
    ):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(after, before) / rate)
        self.bias = nn.Parameter(torch.full((after,), bias / rate))
        self.scale, self.bias_scale = gain * rate / math.sqrt(before), gain * rate

    @property
    def in_features(self) -> int:
        """Number of inputs."""
        return self.weight.shape[1]

    def forward(self, x: Tensor) -> Tensor:
        """[N,before] -> [N,after]."""
        return F.linear(x, self.weight * self.scale, self.bias * self.bias_scale)


class EqualisedConv(nn.Module):
    """A convolution that keeps the size or, with filtered downsampling, halves it; 0 outside.

    Args:
        before, after: numbers of channels.
        kernel: side of the kernel: 1 or 3.
        halves: whether height and width are halved.
        gain: factor of its outputs.
        bias: whether there is one.
    """

    def __init__(
        self,
        before: int,
        after: int,
        kernel: int,
        *,
        halves: bool = False,
        gain: float = 1.0,
        bias: bool = True,
    ):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(after, before, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(after)) if bias else None
        self.halves, self.gain = halves, gain
        self.scale = gain / math.sqrt(before * kernel**2)

    def forward(self, x: Tensor) -> Tensor:
        """[N,before,H,W] -> [N,after,H,W] or half the height and width."""
        weight = self.weight * self.scale
        bias = None if self.bias is None else self.bias * self.gain
        pointwise = weight.shape[2] == 1
        if self.halves and not pointwise:
            return halving_conv(x, weight, bias)
        x = halved(x, repeats_edges=False) if self.halves else x
        return F.conv2d(x, weight, bias, padding=0 if pointwise else 1)
