"""Normalisation of convolutional layers, by name."""

from __future__ import annotations

from typing import Literal

from torch import nn

GeneratorNorm = Literal["auto", "batch", "none"]
DiscriminatorNorm = Literal["auto", "batch", "layer", "instance", "spectral", "none"]


def norm_layer(name: str, channels: int) -> list[nn.Module]:
    """The layer between a convolution and its activation, as a list of one or none.

    batch     over pictures and pixels, channel by channel
    layer     over channels and pixels, picture by picture (Ba et al. 2016), with a scale and a shift for
              each channel, as the authors of WGAN-GP have it in their critics
    instance  over pixels, picture by picture and channel by channel (Ulyanov et al. 2016)
    spectral  none here: it normalises weights (spectral.py)
    """
    if name == "batch":
        # Named, because the second positional argument is eps: BatchNorm2d(n, 0.8) is no momentum of 0.8.
        return [nn.BatchNorm2d(channels, eps=1e-5, momentum=0.1)]
    if name == "layer":
        return [nn.GroupNorm(1, channels)]
    if name == "instance":
        return [nn.InstanceNorm2d(channels, affine=True)]
    return []
