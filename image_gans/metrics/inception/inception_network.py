"""The Inception-v3 network of published image scores, with the parameter names of its usual PyTorch file.

The file is TensorFlow's graph of 2015-12-05 (Szegedy et al. 2016, "Rethinking the Inception Architecture for
Computer Vision") as pytorch-fid and torch-fidelity ported it. It differs from torchvision's Inception-v3:

* average pooling divides by the pixels in the window and leaves padding out;
* the last block takes the maximum, not the average, in its pooling branch;
* there are 1,008 classes and no auxiliary classifier; batch norm has eps = 0.001.

Features are the 2,048 channels before the classifier, averaged over the 8x8 places. The Inception Score uses
the logits without the classifier's bias.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

CLASSES, FEATURES, SIDE = 1008, 2048, 299
_BATCH_NORM_EPS = 1e-3

Kernel = int | tuple[int, int]
Unit = tuple[str, int, Kernel]
"""Name in the file, output channels and kernel of one convolution."""
_AVERAGE, _MAXIMUM = "average", "maximum"


class InceptionConvolution(nn.Module):
    """A convolution without bias, batch norm with fixed statistics, and ReLU."""

    def __init__(self, before: int, after: int, kernel: Kernel, stride: int, padded: bool):
        super().__init__()
        high, wide = (kernel, kernel) if isinstance(kernel, int) else kernel
        padding = (high // 2, wide // 2) if padded else (0, 0)
        self.conv = nn.Conv2d(before, after, (high, wide), stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(after, eps=_BATCH_NORM_EPS)

    def forward(self, x: Tensor) -> Tensor:
        """[N,before,H,W] -> [N,after,h,w]."""
        return functional.relu(self.bn(self.conv(x)))


class InceptionBlock(nn.Module):
    """Branches side by side, their channels concatenated.

    Args:
        before: input channels.
        branches: the convolutions of each branch, one after the other. A last element that is a tuple of
            convolutions is a fork: all see the same input, and their outputs are concatenated.
        pooling: how the last branch pools: average or maximum over 3x3, before a convolution to
            ``pooled`` channels; or halving by maximum, without a convolution.
        pooled: output channels of the pooling branch; 0 where the block halves the size.
    """

    def __init__(
        self,
        before: int,
        branches: Sequence[Sequence[Unit | tuple[Unit, ...]]],
        pooling: str,
        pooled: int,
    ):
        super().__init__()
        self.pooling, self.halves = pooling, pooled == 0
        self.paths: list[list[tuple[str, ...]]] = []
        self.channels = pooled or before
        for branch in branches:
            path, width = [], before
            for number, step in enumerate(branch):
                units: tuple[Unit, ...] = step if isinstance(step[0], tuple) else (step,)
                shrinks = self.halves and number == len(branch) - 1
                for name, after, kernel in units:
                    stride = 2 if shrinks else 1
                    unit = InceptionConvolution(width, after, kernel, stride, padded=not shrinks)
                    self.add_module(name, unit)
                path.append(tuple(name for name, _, _ in units))
                width = sum(after for _, after, _ in units)
            self.paths.append(path)
            self.channels += width
        if pooled:
            self.branch_pool = InceptionConvolution(before, pooled, 1, 1, padded=True)

    def forward(self, x: Tensor) -> Tensor:
        """[N,before,H,W] -> [N,channels,h,w]."""
        outputs = [self._along(path, x) for path in self.paths]
        return torch.cat([*outputs, self._pooled(x)], 1)

    def _along(self, path: Sequence[tuple[str, ...]], x: Tensor) -> Tensor:
        for names in path:
            x = torch.cat([self.get_submodule(name)(x) for name in names], 1)
        return x

    def _pooled(self, x: Tensor) -> Tensor:
        if self.halves:
            return functional.max_pool2d(x, 3, 2)
        if self.pooling == _MAXIMUM:
            pooled = functional.max_pool2d(x, 3, 1, 1)
        else:
            pooled = functional.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
        return cast(Tensor, self.branch_pool(pooled))


def _stage_a(before: int, pooled: int) -> InceptionBlock:
    """35x35: 1x1, 5x5 and twice 3x3."""
    five: list[Unit] = [("branch5x5_1", 48, 1), ("branch5x5_2", 64, 5)]
    three: list[Unit] = [
        (f"branch3x3dbl_{n}", c, k) for n, c, k in ((1, 64, 1), (2, 96, 3), (3, 96, 3))
    ]
    return InceptionBlock(before, [[("branch1x1", 64, 1)], five, three], _AVERAGE, pooled)


def _to_17(before: int) -> InceptionBlock:
    """35x35 -> 17x17."""
    three: list[Unit] = [
        (f"branch3x3dbl_{n}", c, k) for n, c, k in ((1, 64, 1), (2, 96, 3), (3, 96, 3))
    ]
    return InceptionBlock(before, [[("branch3x3", 384, 3)], three], _MAXIMUM, 0)


def _stage_c(before: int, width: int) -> InceptionBlock:
    """17x17: 7x7 as 1x7 and 7x1, once and twice."""
    across, down = (1, 7), (7, 1)
    once: list[Unit] = [
        ("branch7x7_1", width, 1), ("branch7x7_2", width, across), ("branch7x7_3", 192, down)
    ]  # fmt: skip
    kernels: tuple[Kernel, ...] = (1, down, across, down, across)
    widths = (width, width, width, width, 192)
    twice: list[Unit] = [
        (f"branch7x7dbl_{n}", c, k) for n, (c, k) in enumerate(zip(widths, kernels, strict=True), 1)
    ]
    return InceptionBlock(before, [[("branch1x1", 192, 1)], once, twice], _AVERAGE, 192)


def _to_8(before: int) -> InceptionBlock:
    """17x17 -> 8x8."""
    three: list[Unit] = [("branch3x3_1", 192, 1), ("branch3x3_2", 320, 3)]
    seven: list[Unit] = [
        ("branch7x7x3_1", 192, 1), ("branch7x7x3_2", 192, (1, 7)),
        ("branch7x7x3_3", 192, (7, 1)), ("branch7x7x3_4", 192, 3),
    ]  # fmt: skip
    return InceptionBlock(before, [three, seven], _MAXIMUM, 0)


def _stage_e(before: int, pooling: str) -> InceptionBlock:
    """8x8: branches that fork into 1x3 and 3x1."""
    three: list[Unit | tuple[Unit, ...]] = [
        ("branch3x3_1", 384, 1),
        (("branch3x3_2a", 384, (1, 3)), ("branch3x3_2b", 384, (3, 1))),
    ]
    double: list[Unit | tuple[Unit, ...]] = [
        ("branch3x3dbl_1", 448, 1), ("branch3x3dbl_2", 384, 3),
        (("branch3x3dbl_3a", 384, (1, 3)), ("branch3x3dbl_3b", 384, (3, 1))),
    ]  # fmt: skip
    return InceptionBlock(before, [[("branch1x1", 320, 1)], three, double], pooling, 192)


_STEM: Mapping[str, tuple[int, int, int, int, bool]] = {
    "Conv2d_1a_3x3": (3, 32, 3, 2, False),
    "Conv2d_2a_3x3": (32, 32, 3, 1, False),
    "Conv2d_2b_3x3": (32, 64, 3, 1, True),
    "Conv2d_3b_1x1": (64, 80, 1, 1, False),
    "Conv2d_4a_3x3": (80, 192, 3, 1, False),
}
_BEFORE_POOLING = ("Conv2d_2b_3x3", "Conv2d_4a_3x3")


class FIDInception(nn.Module):
    """Images of 299 pixels to the features of FID and KID and the logits of the Inception Score."""

    def __init__(self) -> None:
        super().__init__()
        for name, (before, after, kernel, stride, padded) in _STEM.items():
            unit = InceptionConvolution(before, after, kernel, stride, padded)
            self.add_module(name, unit)
        blocks = {
            "Mixed_5b": _stage_a(192, 32), "Mixed_5c": _stage_a(256, 64), "Mixed_5d": _stage_a(288, 64),
            "Mixed_6a": _to_17(288),
            "Mixed_6b": _stage_c(768, 128), "Mixed_6c": _stage_c(768, 160),
            "Mixed_6d": _stage_c(768, 160), "Mixed_6e": _stage_c(768, 192),
            "Mixed_7a": _to_8(768),
            "Mixed_7b": _stage_e(1280, _AVERAGE), "Mixed_7c": _stage_e(2048, _MAXIMUM),
        }  # fmt: skip
        self.block_names = tuple(blocks)
        for name, block in blocks.items():
            self.add_module(name, block)
        self.fc = nn.Linear(FEATURES, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """[N,3,299,299], pixels from 0 to 255 -> features [N,2048]."""
        x = (x - 128.0) / 128.0
        for name in _STEM:
            x = self.get_submodule(name)(x)
            if name in _BEFORE_POOLING:
                x = functional.max_pool2d(x, 3, 2)
        for name in self.block_names:
            x = self.get_submodule(name)(x)
        return x.mean((2, 3))

    def logits(self, features: Tensor, *, bias: bool = False) -> Tensor:
        """[N,2048] -> [N,1008]; the Inception Score leaves the bias out."""
        weight, shift = self.fc.weight.to(features), self.fc.bias.to(features)
        return functional.linear(features, weight, shift if bias else None)
