"""Random corruptions of images: pure functions ``(x, rng) -> x`` of images [N,C,H,W] in [-1,1].

A restoration model learns to undo them. Corruptions with a known place (boxes, strokes, rain) also have a
function that draws only the mask, so that scores can be computed inside and outside of it.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from seqgan_kit.data.images.pixels import to_float, to_uint8
from seqgan_kit.errors import UsageError, unknown

Corruption = Callable[[Tensor, torch.Generator], Tensor]
_LUMA = (0.299, 0.587, 0.114)  # Rec. 601
_STROKES, _CORNERS = 3, 4
_STREAKS_A_PIXEL = 0.02


def gaussian_noise(x: Tensor, rng: torch.Generator, deviation: float = 0.4) -> Tensor:
    """Return x plus Gaussian noise, clipped to [-1,1]."""
    noise = torch.randn(x.shape, generator=rng, device=rng.device).to(x)
    return (x + deviation * noise).clamp(-1, 1)


def salt_noise(x: Tensor, rng: torch.Generator, share: float = 0.2) -> Tensor:
    """Return x with a share of its pixels black or white, in all channels."""
    chance = _uniform((len(x), 1, *x.shape[2:]), rng).to(x.device)
    black, white = chance < share / 2, chance >= 1 - share / 2
    return x.masked_fill(black, -1.0).masked_fill(white, 1.0)


def averaged(x: Tensor, factor: int) -> Tensor:
    """Return x reduced to [N,C,H/factor,W/factor] by averaging squares of pixels."""
    if factor < 1 or x.shape[2] % factor or x.shape[3] % factor:
        raise UsageError(
            f"images of {x.shape[2]} x {x.shape[3]} pixels cannot be reduced by {factor}: both sides must "
            f"be multiples of {factor}. Choose another --size."
        )
    return functional.avg_pool2d(x, factor)


def low_resolution(x: Tensor, rng: torch.Generator, factor: int = 2) -> Tensor:
    """Return x averaged over squares of ``factor`` pixels, at its original size; uses no random numbers."""
    small = averaged(x, factor)
    return small.repeat_interleave(factor, 2).repeat_interleave(factor, 3)


def interpolated(x: Tensor, factor: int) -> Tensor:
    """Return x, averaged over squares of ``factor`` pixels, at its size again by bicubic interpolation."""
    size = list(x.shape[2:])
    larger = functional.interpolate(averaged(x, factor), size, mode="bicubic", align_corners=False)
    return larger.clamp(-1, 1)


def grey(x: Tensor, rng: torch.Generator) -> Tensor:
    """Return x with its brightness in all channels; uses no random numbers."""
    if x.shape[1] == 1:
        return x
    weights = torch.tensor(_LUMA, dtype=x.dtype, device=x.device).view(1, 3, 1, 1)
    return (x * weights).sum(1, keepdim=True).expand_as(x).contiguous()


def box_mask(x: Tensor, rng: torch.Generator, share: float = 0.4) -> Tensor:
    """Draw one rectangle per image, bool [N,1,H,W]; its sides are share/2 to share of the image's sides."""
    n, _, height, width = x.shape
    sides = share * (0.5 + 0.5 * _uniform((n, 2), rng))
    starts = _uniform((n, 2), rng) * (1 - sides)
    down, across = (_places(side) for side in (height, width))
    inside = []
    for axis, places in enumerate((down, across)):
        first, last = starts[:, axis, None], (starts + sides)[:, axis, None]
        inside.append((places >= first) & (places < last))
    return (inside[0][:, None, :, None] & inside[1][:, None, None, :]).to(x.device)


def stroke_mask(x: Tensor, rng: torch.Generator, thickness: float = 0.08) -> Tensor:
    """Draw a few thick strokes per image, bool [N,1,H,W]."""
    n, _, height, width = x.shape
    corners = _uniform((n, _STROKES, _CORNERS, 2), rng)
    grid = torch.stack(torch.meshgrid(_places(height), _places(width), indexing="ij"), -1)
    starts, ends = (
        part.flatten(1, 2)[:, :, None, None] for part in (corners[:, :, :-1], corners[:, :, 1:])
    )
    along = ends - starts
    share = ((grid - starts) * along).sum(-1) / along.square().sum(-1).clamp_min(1e-9)
    nearest = starts + share.clamp(0, 1).unsqueeze(-1) * along
    near = (grid - nearest).norm(dim=-1) < thickness / 2
    return near.any(1, keepdim=True).to(x.device)


def hidden(x: Tensor, mask: Tensor) -> Tensor:
    """Return x with grey where the mask [N,1,H,W] is True."""
    return x.masked_fill(mask, 0.0)


def boxes(x: Tensor, rng: torch.Generator) -> Tensor:
    """Return x with a grey rectangle."""
    return hidden(x, box_mask(x, rng))


def strokes(x: Tensor, rng: torch.Generator) -> Tensor:
    """Return x with grey strokes."""
    return hidden(x, stroke_mask(x, rng))


def rain_streaks(x: Tensor, rng: torch.Generator, length: float = 0.25) -> Tensor:
    """Draw the brightness of rain, [N,1,H,W] in [0,1]; 0 where there is none.

    All drops of an image fall at the same angle; each streak has ``length`` times the image's height.
    """
    n, _, height, width = x.shape
    steps = max(2, round(length * height))
    drops = (_uniform((n, 1, height, width), rng) < _STREAKS_A_PIXEL).float()
    slants = _uniform((n,), rng) - 0.5
    bright = 0.4 + 0.6 * _uniform((n, 1, 1, 1), rng)
    streaks = torch.zeros(n, 1, height, width)
    for step in range(steps):
        for number, slant in enumerate(slants.tolist()):
            moved = torch.roll(drops[number], (step, round(slant * step)), (1, 2))
            streaks[number] = torch.maximum(streaks[number], moved)
    return (bright * streaks).to(x)


def rained(x: Tensor, streaks: Tensor) -> Tensor:
    """Return x under streaks [N,1,H,W]: at brightness s a pixel is (1-s) x + s."""
    return x + streaks * (1 - x)


def rain(x: Tensor, rng: torch.Generator) -> Tensor:
    """Return x with rain."""
    return rained(x, rain_streaks(x, rng))


def jpeg(x: Tensor, rng: torch.Generator, worst: int = 8, best: int = 30) -> Tensor:
    """Return x after JPEG at a quality from ``worst`` to ``best``, drawn for each image."""
    qualities = torch.randint(worst, best + 1, (len(x),), generator=rng, device=rng.device)
    pixels = to_uint8(x).cpu().numpy()
    decoded = [
        _through_jpeg(image, quality)
        for image, quality in zip(pixels, qualities.tolist(), strict=True)
    ]
    return to_float(torch.from_numpy(np.stack(decoded))).to(x)


def _through_jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    """Encode and decode an image, uint8 [C,H,W], as JPEG."""
    file, shown = io.BytesIO(), image[0] if len(image) == 1 else image.transpose(1, 2, 0)
    Image.fromarray(np.ascontiguousarray(shown)).save(file, "JPEG", quality=quality)
    read = np.asarray(Image.open(file))
    return read[None] if read.ndim == 2 else read.transpose(2, 0, 1)


def _uniform(shape: tuple[int, ...], rng: torch.Generator) -> Tensor:
    """Draw uniform numbers on the CPU, so that masks do not depend on the images' device."""
    return torch.rand(shape, generator=rng, device=rng.device).cpu()


def _places(count: int) -> Tensor:
    """Return the centres of ``count`` pixels, as fractions of the image."""
    return (torch.arange(count) + 0.5) / count


def _low_resolution_4(x: Tensor, rng: torch.Generator) -> Tensor:
    return low_resolution(x, rng, 4)


def _none(x: Tensor, rng: torch.Generator) -> Tensor:
    return x


CORRUPTIONS: Mapping[str, Corruption] = {
    "none": _none,
    "noise": gaussian_noise,
    "salt": salt_noise,
    "low2": low_resolution,
    "low4": _low_resolution_4,
    "grey": grey,
    "boxes": boxes,
    "strokes": strokes,
    "rain": rain,
    "jpeg": jpeg,
}
"""Corruptions by name."""
PLACED = ("salt", "boxes", "strokes", "rain")
"""Corruptions that leave a known part of an image as it is."""


def corruption(name: str) -> Corruption:
    """Return the named corruption."""
    if name not in CORRUPTIONS:
        raise unknown("corruption", name, CORRUPTIONS)
    return CORRUPTIONS[name]
