r"""Convolutions whose weights a style scales, image by image (Karras et al. 2020, "Analyzing and improving
the image quality of StyleGAN", section 2.2).

    w'_oik  = s_i w_oik                                   (modulation, eq. 1; s: style of an image)
    w''_oik = w'_oik / sqrt(sum_ik w'_oik^2 + eps)        (demodulation, eq. 3)

A convolution is linear, so s scales the inputs and the denominator the outputs of one convolution for all
images, which is cheaper than weights of their own for each image.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from image_gans.networks.blocks.resampling import doubling_conv
from image_gans.networks.style.equalised import GAIN, EqualisedLinear, activated

_EPS = 1e-8


def modulated_weights(weight: Tensor, styles: Tensor, *, demodulates: bool) -> Tensor:
    """Return w' or w'' of each image: [O,I,k,k], [N,I] -> [N,O,I,k,k]."""
    scaled = weight * styles[:, None, :, None, None]
    if not demodulates:
        return scaled
    return scaled * (scaled.square().sum((2, 3, 4), keepdim=True) + _EPS).rsqrt()


def modulated_conv(
    x: Tensor,
    weight: Tensor,
    styles: Tensor,
    *,
    demodulates: bool = True,
    doubles: bool = False,
    gain: float = 1.0,
) -> Tensor:
    """Convolve each image with weights that its style scales.

    Args:
        x: [N,I,H,W].
        weight: [O,I,k,k], k = 1 or 3; 3 if ``doubles``.
        styles: [N,I].
        demodulates: whether the outputs are scaled to unit expected variance.
        doubles: whether filtered upsampling comes first.
        gain: factor of demodulated outputs.

    Returns:
        [N,O,H,W], or [N,O,2H,2W].
    """
    x = x * styles[:, :, None, None]
    result = (
        doubling_conv(x, weight) if doubles else F.conv2d(x, weight, padding=weight.shape[2] // 2)
    )
    if not demodulates:
        return result
    squares = styles.square() @ weight.square().sum((2, 3)).t()
    return result * (gain * (squares + _EPS).rsqrt())[:, :, None, None]


class StyledConv(nn.Module):
    """A layer of G: modulated 3x3 convolution, noise per pixel, bias and activation.

    Args:
        before, after: numbers of channels.
        size: side of the output in pixels.
        dimensions: of w.
        doubles: whether the output is twice as large as the input.
        noisy: whether noise is added.
    """

    noise: Tensor

    def __init__(
        self,
        before: int,
        after: int,
        size: int,
        dimensions: int,
        *,
        doubles: bool = False,
        noisy: bool = True,
    ):
        super().__init__()
        self.style = EqualisedLinear(dimensions, before, bias=1.0)
        self.weight = nn.Parameter(torch.randn(after, before, 3, 3))
        self.bias = nn.Parameter(torch.zeros(after))
        if noisy:
            self.noise_strength = nn.Parameter(torch.zeros(()))
            self.register_buffer("noise", torch.randn(1, 1, size, size))
        self.doubles, self.noisy = doubles, noisy

    def forward(self, x: Tensor, w: Tensor, rng: torch.Generator | None) -> Tensor:
        """Compute the layer.

        Args:
            x: [N,before,H,W].
            w: [N,dimensions].
            rng: draws the noise of each image; None: the noise is the layer's own map.
        """
        x = modulated_conv(x, self.weight, self.style(w), doubles=self.doubles, gain=GAIN)
        x = x + GAIN * self.bias.view(-1, 1, 1)
        if not self.noisy:
            return activated(x)
        noise = self.noise
        if rng is not None:
            shape = (len(x), *noise.shape[1:])
            noise = torch.randn(shape, generator=rng, device=rng.device).to(x)
        return activated(x + GAIN * self.noise_strength * noise)


class ToColours(nn.Module):
    """A modulated 1x1 convolution from features to an image's channels, without demodulation."""

    def __init__(self, before: int, channels: int, dimensions: int):
        super().__init__()
        self.style = EqualisedLinear(dimensions, before, bias=1.0)
        self.weight = nn.Parameter(torch.randn(channels, before, 1, 1))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.scale = 1 / math.sqrt(before)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """[N,before,H,W], [N,dimensions] -> [N,channels,H,W]."""
        weight = self.weight * self.scale
        colours = modulated_conv(x, weight, self.style(w), demodulates=False)
        return colours + self.bias.view(-1, 1, 1)
