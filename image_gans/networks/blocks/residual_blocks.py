"""Residual blocks of generators and discriminators (Gulrajani et al. 2017, "Improved training of Wasserstein
GANs", appendix F; Miyato et al. 2018, "Spectral normalization for generative adversarial networks", appendix
B.4).

    G: norm, ReLU, upsample, conv 3x3, norm, ReLU, conv 3x3;  + upsample, conv 1x1
    D: norm, ReLU, conv 3x3, norm, ReLU, conv 3x3, mean of 2x2;  + conv 1x1, mean of 2x2
    D's first: conv 3x3, ReLU, conv 3x3, mean of 2x2;  + mean of 2x2, conv 1x1

The first convolution of a block of G changes the number of channels; in a block of D the second one does,
except in D's first block, where the first does (the papers' code: igul222/improved_wgan_training,
pfnet-research/sngan_projection).

The blocks compute the same functions as in the papers, in a cheaper order: a 3x3 convolution next to a
halving or doubling is one 4x4 convolution with stride 2, and 1x1 convolutions work at the smaller size.
"""

from __future__ import annotations

from typing import cast

import torch.nn.functional as F
from torch import Tensor, nn

from image_gans.networks.blocks.norms import norm_layer


class UpsampledConv(nn.Conv2d):
    """Nearest upsampling to twice the size, then a 3x3 convolution: one transposed 4x4 convolution of stride
    2, whose taps are sums of the 3x3 kernel's that fall on one pixel."""

    def forward(self, x: Tensor) -> Tensor:
        """[N,I,H,W] -> [N,O,2H,2W]."""
        kernel = 4 * _spread(self.weight).transpose(0, 1).flip(2, 3)
        return F.conv_transpose2d(x, kernel, self.bias, stride=2, padding=1)


class PooledConv(nn.Conv2d):
    """A 3x3 convolution, then means of 2x2: one 4x4 convolution of stride 2."""

    def forward(self, x: Tensor) -> Tensor:
        """[N,I,H,W] -> [N,O,H/2,W/2]."""
        return F.conv2d(x, _spread(self.weight), self.bias, stride=2, padding=1)


class GeneratorBlock(nn.Module):
    """A residual block of G that doubles the size."""

    def __init__(self, before: int, after: int, norm: str):
        super().__init__()
        # Batch norm subtracts the mean, so a bias before it would do nothing.
        up = UpsampledConv(before, after, 3, padding=1, bias=norm != "batch")
        conv = nn.Conv2d(after, after, 3, padding=1)
        self.branch = nn.Sequential(
            *norm_layer(norm, before), nn.ReLU(), up, *norm_layer(norm, after), nn.ReLU(), conv
        )
        self.shortcut = nn.Conv2d(before, after, 1)

    def forward(self, x: Tensor) -> Tensor:
        """[N,before,H,W] -> [N,after,2H,2W]."""
        return cast(Tensor, self.branch(x) + F.interpolate(self.shortcut(x), scale_factor=2))


class DiscriminatorBlock(nn.Module):
    """A residual block of D that halves or keeps the size; the first block sees the image itself."""

    def __init__(
        self, before: int, after: int, norm: str, *, halves: bool = False, first: bool = False
    ):
        super().__init__()
        hidden = after if first else before
        conv = nn.Conv2d(before, hidden, 3, padding=1)
        last = (PooledConv if halves else nn.Conv2d)(hidden, after, 3, padding=1)
        # Neither norm nor ReLU on the image, whose mean and sign matter.
        start = [] if first else [*norm_layer(norm, before), nn.ReLU()]
        inner = [] if first else norm_layer(norm, hidden)
        self.branch = nn.Sequential(*start, conv, *inner, nn.ReLU(), last)
        pool = [nn.AvgPool2d(2)] if halves else []
        learned = halves or before != after
        self.shortcut = nn.Sequential(*pool, *([nn.Conv2d(before, after, 1)] if learned else []))

    def forward(self, x: Tensor) -> Tensor:
        """[N,before,H,W] -> [N,after,H,W] or half the height and width."""
        return cast(Tensor, self.branch(x) + self.shortcut(x))


def initialise(module: nn.Module) -> None:
    """Glorot's uniform weights as in Miyato's code, sqrt(2) times as large on residual branches, where ReLUs
    halve the variance; biases 0. From torch's global generator as those of every torch module."""
    branches = {
        id(layer)
        for block in module.modules()
        if isinstance(block, GeneratorBlock | DiscriminatorBlock)
        for layer in block.branch
    }
    for layer in module.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            nn.init.xavier_uniform_(layer.weight, 2**0.5 if id(layer) in branches else 1.0)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def _spread(kernel: Tensor) -> Tensor:
    """[O,I,3,3] -> [O,I,4,4]: means of the kernel at the four places under one 2x2 cell."""
    return F.avg_pool2d(F.pad(kernel, (1, 1, 1, 1)), 2, stride=1)
