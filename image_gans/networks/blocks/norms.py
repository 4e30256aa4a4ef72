"""Normalisation of convolutional layers, by name."""

from __future__ import annotations

from typing import Literal, get_args

from torch import nn

from image_gans.networks.blocks.virtual_norm import VirtualBatchNorm

GeneratorNorm = Literal["auto", "batch", "virtual", "reference", "none"]
DiscriminatorNorm = Literal["auto", "batch", "layer", "instance", "spectral", "none"]

BY_REFERENCE = ("virtual", "reference")
"""Norms of generators that prepend a fixed batch to every batch."""
PLAIN_NORMS = tuple(name for name in get_args(GeneratorNorm) if name not in BY_REFERENCE)
"""Norms of other generators."""


def norm_layer(name: str, channels: int) -> list[nn.Module]:
    """Return the layer between a convolution and its activation, as a list of one or none.

    batch     over images and pixels, channel by channel
    virtual   over a fixed reference and the image itself, see ``virtual_norm.py``
    reference over a fixed reference alone; both for generators that put it in front of their batch
    layer     over channels and pixels, image by image (Ba et al. 2016), with a scale and a shift for
              each channel, as the authors of WGAN-GP have it in their critics
    instance  over pixels, image by image and channel by channel (Ulyanov et al. 2016)
    spectral  none here: it normalises weights (spectral.py)
    """
    if name == "batch":
        # Named, because the second positional argument is eps: BatchNorm2d(n, 0.8) is no momentum of 0.8.
        return [nn.BatchNorm2d(channels, eps=1e-5, momentum=0.1)]
    if name in BY_REFERENCE:
        return [VirtualBatchNorm(channels, counts_itself=name == "virtual")]
    if name == "layer":
        return [nn.GroupNorm(1, channels)]
    if name == "instance":
        return [nn.InstanceNorm2d(channels, affine=True)]
    return []
