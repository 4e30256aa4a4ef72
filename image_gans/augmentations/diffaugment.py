"""DiffAugment's transformations (Zhao et al. 2020: "Differentiable augmentation for data-efficient GAN
training"): colour, translation and cutout, in this order, each with new random numbers for each image.

    brightness    x + u - 1/2                               u ~ U(0,1)
    saturation    m_c + 2u (x - m_c)                        m_c: the mean over channels of a pixel
    contrast      m + (u + 1/2) (x - m)                     m: the mean over channels and pixels
    translation   by whole pixels, up to 1/8 of the side in each direction; empty pixels are 0
    cutout        a square of half the side, centred on a random pixel, is 0

Images are in [-1,1], so 0 is grey. All are differentiable twice, as gradient penalties need.
"""

from __future__ import annotations

import torch
from torch import Tensor

_SHIFT = 1 / 8
_CUT = 1 / 2


def diffaugment(x: Tensor, rng: torch.Generator | None) -> Tensor:
    """Apply colour, translation and cutout to images [N,C,H,W]."""
    return cutout(translation(colour(x, rng), rng), rng)


def colour(x: Tensor, rng: torch.Generator | None) -> Tensor:
    """Change brightness, saturation and contrast of each image [N,C,H,W]."""
    u = uniform(3, x, rng)
    x = x + u[0] - 0.5
    if x.shape[1] > 1:
        grey = x.mean(1, keepdim=True)
        x = grey + 2 * u[1] * (x - grey)
    mean = x.mean((1, 2, 3), keepdim=True)
    return mean + (u[2] + 0.5) * (x - mean)


def translation(x: Tensor, rng: torch.Generator | None) -> Tensor:
    """Shift each image [N,C,H,W] by whole pixels; 0 comes in from outside."""
    down, right = (_pixels(x, side, round(side * _SHIFT), rng) for side in x.shape[2:])
    return shifted(x, down, right)


def shifted(x: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """Shift images [N,C,H,W] by whole numbers [N] of pixels.

    Products with matrices of ones and zeros are cheaper than indexing and its gradients.
    """
    height, width = x.shape[2:]
    rows, columns = _move(down, height).to(x), _move(right, width).to(x)
    return rows[:, None] @ x @ columns[:, None].transpose(2, 3)


def cutout(x: Tensor, rng: torch.Generator | None) -> Tensor:
    """Set a square of each image [N,C,H,W] to 0; part of it may lie outside."""
    inside = []
    for side in x.shape[2:]:
        # With an even length the centre is in one of side + 1 places, as in the authors' code.
        length = int(side * _CUT + 0.5)
        centres = side + (1 - length % 2)
        first = torch.randint(centres, (len(x), 1), generator=rng, device=_device(x, rng))
        places = torch.arange(side, device=x.device)
        offset = places - (first.to(x.device) - length // 2)
        inside.append((offset >= 0) & (offset < length))
    hole = inside[0][:, None, :, None] & inside[1][:, None, None, :]
    return x * ~hole


def uniform(count: int, x: Tensor, rng: torch.Generator | None) -> Tensor:
    """Return uniform numbers [count,N,1,1,1] for images [N,C,H,W]."""
    numbers = torch.rand(count, len(x), 1, 1, 1, generator=rng, device=_device(x, rng))
    return numbers.to(x)


def normal(count: int, x: Tensor, rng: torch.Generator | None) -> Tensor:
    """Return standard normal numbers [count,N,1,1,1] for images [N,C,H,W]."""
    numbers = torch.randn(count, len(x), 1, 1, 1, generator=rng, device=_device(x, rng))
    return numbers.to(x)


def _pixels(x: Tensor, side: int, most: int, rng: torch.Generator | None) -> Tensor:
    shape, device = (len(x),), _device(x, rng)
    return torch.randint(-most, most + 1, shape, generator=rng, device=device).to(x.device)


def _move(shift: Tensor, side: int) -> Tensor:
    """Return matrices [N,side,side] whose row i reads pixel i - shift."""
    places = torch.arange(side, device=shift.device)
    return places[None, :, None] - shift[:, None, None] == places[None, None, :]


def _device(x: Tensor, rng: torch.Generator | None) -> torch.device:
    return rng.device if rng is not None else x.device
