"""Transformations of adaptive discriminator augmentation (Karras et al. 2020: "Training generative
adversarial networks with limited data", appendix B). Each is applied to each image with probability p,
independently of the others.

    geometry    mirror: U{0,1};  quarter turns: U{0,1,2,3};  whole pixels: U(-1/8, 1/8) of the side
                scale: LogNormal(0, (0.2 ln 2)^2), once for both axes and once for their ratio
                shift: N(0, (1/8)^2) of the side
    colour      brightness: + N(0, 0.2^2);  contrast: * LogNormal(0, (0.5 ln 2)^2)
                luma flip: (I - 2 v v' i) x, i ~ U{0,1};  hue: turned around v by U(-pi, pi)
                saturation: (v v' + (I - v v') s) x, s ~ LogNormal(0, (ln 2)^2)        v = (1,1,1)/sqrt(3)

Pixels outside are mirrored at the border. Differs from the paper: no turns by other angles than quarters, so
that the geometry is a product of a matrix for rows and one for columns, which has second derivatives; linear
interpolation in place of wavelet filters; whole pixels after the scale (theirs: before); images in [-1,1].
Each of several processes has a probability of its own (theirs: a common one).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from image_gans.augmentations.diffaugment import normal, uniform

_LN2 = math.log(2)


def ada_transform(x: Tensor, probability: Tensor | float, rng: torch.Generator | None) -> Tensor:
    """Apply each transformation with a probability to images [N,C,H,W]."""
    return colour_transform(geometry(x, probability, rng), probability, rng)


def geometry(x: Tensor, probability: Tensor | float, rng: torch.Generator | None) -> Tensor:
    """Mirror, turn by quarters, shift and scale images [N,C,H,W]."""
    chosen, u = uniform(6, x, rng) < probability, uniform(4, x, rng)
    size, ratio, right, down = normal(4, x, rng)
    mirror = 1 - 2 * (chosen[0] & (u[0] < 0.5)).to(x)
    quarters = torch.where(chosen[1], (4 * u[1]).floor(), 0)
    # A quarter turn exchanges rows and columns and mirrors one of them.
    x = torch.where(quarters % 2 == 1, x.transpose(2, 3).flip(2), x)
    half = torch.where(quarters >= 2, -1, 1)
    scale = torch.where(chosen[2], (0.2 * _LN2 * size).exp(), 1)
    stretch = torch.where(chosen[3], (0.2 * _LN2 * ratio).exp(), 1)
    result = x
    for axis, factor, whole, part in (
        (2, scale / stretch * half, u[2], down),
        (3, scale * stretch * mirror * half, u[3], right),
    ):
        side = x.shape[axis]
        shift = torch.where(chosen[4], ((whole - 0.5) / 4 * side).round(), 0)
        shift = shift + torch.where(chosen[5], part / 8 * side, 0)
        matrix = resampling(factor.view(-1), shift.view(-1), side)[:, None]
        result = matrix @ result if axis == 2 else result @ matrix.transpose(2, 3)
    return result


def resampling(factor: Tensor, shift: Tensor, side: int) -> Tensor:
    """Return matrices [N,side,side] that enlarge a line by ``factor`` about its centre, then shift it.

    Output i reads place (i - centre - shift) / factor + centre by linear interpolation, with the line
    mirrored at its borders (the border pixel is not repeated).
    """
    places, centre = torch.arange(side).to(factor), (side - 1) / 2
    read = (places - centre - shift[:, None]) / factor[:, None] + centre
    period = 2 * (side - 1)
    read = read.remainder(period)
    read = torch.where(read > side - 1, period - read, read)
    return (1 - (read[:, :, None] - places).abs()).clamp(min=0)


def colour_transform(x: Tensor, probability: Tensor | float, rng: torch.Generator | None) -> Tensor:
    """Change brightness, contrast, luma, hue and saturation of images [N,C,H,W]; of one channel the first
    three."""
    chosen, u = uniform(5, x, rng) < probability, uniform(2, x, rng)
    bright, contrast, saturation = normal(3, x, rng)
    x = x + torch.where(chosen[0], 0.2 * bright, 0)
    x = x * torch.where(chosen[1], (0.5 * _LN2 * contrast).exp(), 1)
    flip = torch.where(chosen[2] & (u[0] < 0.5), -1, 1)
    if x.shape[1] == 1:
        return flip * x
    angle = torch.where(chosen[3], (2 * u[1] - 1) * math.pi, 0)
    strength = torch.where(chosen[4], (_LN2 * saturation).exp(), 1)
    # v v' x is the mean of the channels; the rest is turned around v and scaled.
    grey = x.mean(1, keepdim=True)
    rest = x - grey
    turned = angle.cos() * rest + angle.sin() * (rest.roll(1, 1) - rest.roll(-1, 1)) / math.sqrt(3)
    return flip * grey + strength * turned
