"""Filtered resampling by a factor of 2, with the taps [1,3,3,1] in both directions, alone or within a
convolution (Karras et al. 2020, "Analyzing and improving the image quality of StyleGAN", appendix B)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def doubled(x: Tensor) -> Tensor:
    """[N,C,H,W] -> [N,C,2H,2W] by linear interpolation between pixel centres, edges repeated."""
    return F.interpolate(x, scale_factor=2, mode="bilinear")


def halved(x: Tensor, *, repeats_edges: bool = True) -> Tensor:
    """[N,C,H,W] -> [N,C,H/2,W/2] by the filter, with the edges repeated or 0 outside, which is cheaper."""
    if not repeats_edges:
        return F.conv2d(x, _filter(x), stride=2, padding=1, groups=x.shape[1])
    # Not by F.pad: compiled, its gradient fails with channels last (torch 2.13).
    wide = torch.cat([x[..., :1], x, x[..., -1:]], 3)
    padded = torch.cat([wide[:, :, :1], wide, wide[:, :, -1:]], 2)
    return F.conv2d(padded, _filter(x), stride=2, groups=x.shape[1])


def doubling_conv(x: Tensor, weight: Tensor) -> Tensor:
    """Filtered upsampling and a 3x3 convolution: [N,I,H,W], [O,I,3,3] -> [N,O,2H,2W], 0 outside.

    Both are linear, so the convolution comes first, on the image with zeros between its pixels.
    """
    kernel = weight.transpose(0, 1).flip(2, 3)
    spread = F.conv_transpose2d(x, kernel, stride=2)
    return F.conv2d(spread, 4 * _filter(spread), padding=1, groups=spread.shape[1])


def halving_conv(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """The filter, then every second pixel of a 3x3 convolution: [N,I,H,W], [O,I,3,3] -> [N,O,H/2,W/2],
    0 outside."""
    blurred = F.conv2d(x, _filter(x), padding=2, groups=x.shape[1])
    return F.conv2d(blurred, weight, bias, stride=2)


def _filter(x: Tensor) -> Tensor:
    """[C,1,4,4] of sum 1 for each channel of x."""
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0]).to(x) / 8
    return torch.outer(taps, taps).expand(x.shape[1], 1, 4, 4)
