r"""Sliced Wasserstein distance between patches of two sets of images, on the levels of a Laplacian pyramid
(Karras et al. 2018, "Progressive growing of GANs", section 5).

Each level shows the structure of one scale: the image less its blurred half-size copy, the last level what
is left at 16 pixels. Of each level 7x7 patches are taken at random places, each set is brought to mean 0 and
deviation 1 per colour channel, and the distance is the mean over random directions v of the 1-Wasserstein
distance in one dimension:

    SWD = E_v mean_i |sorted(X v)_i - sorted(Y v)_i|

times 1000, as usual, with 4 x 128 directions. The finest level shows sharpness and noise, the coarsest
layout.

Differs from the paper for small images: not 128 patches of each whatever its size, but as many as would
cover it twice (at most 128, :func:`patches_per_picture`), since 16 pixels have only 100 places; levels
of fewer than 16 pixels are left out unless the image itself is so small. Both sets are cut to the same
number.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from seqgan_kit.data.images.pyramids import laplacian_pyramid
from seqgan_kit.errors import DataError, UsageError
from seqgan_kit.metrics.statistics.divergences import Estimate

PATCH_PIXELS = 7
SMALLEST_LEVEL_PIXELS = 16
_MOST_PATCHES = 128
_UNIT = 1000.0


@dataclass(frozen=True)
class SlicedWasserstein:
    """Distances by level, from the finest to the coarsest, times 1000."""

    levels: dict[int, Estimate]
    """By side in pixels. The error is that of the random directions, not of the images drawn."""

    @property
    def mean(self) -> Estimate:
        """Over the levels, whose directions are independent."""
        values = [e.value for e in self.levels.values()]
        errors = [e.standard_error for e in self.levels.values()]
        return Estimate(sum(values) / len(values), math.hypot(*errors) / len(errors))


def sliced_wasserstein(
    generated: Tensor,
    real: Tensor,
    rng: torch.Generator,
    *,
    repeats: int = 4,
    directions: int = 128,
) -> SlicedWasserstein:
    """Compute the distance between two sets of images at every level.

    Args:
        generated: [N,C,H,W].
        real: [M,C,H,W], of the same shape; of the larger set the first images are used.
        rng: draws places and directions, on the CPU.
        repeats: how many times directions are drawn.
        directions: how many each time.
    """
    if generated.shape[1:] != real.shape[1:] or generated.dim() != 4:
        raise DataError(
            f"images [N,C,H,W] of one shape are needed; got {list(generated.shape)} and {list(real.shape)}."
        )
    n, side = min(len(generated), len(real)), min(real.shape[2:])
    if n < 1 or side < PATCH_PIXELS:
        raise DataError(
            f"{n} images of {side} pixels: at least 1 of {PATCH_PIXELS} pixels is needed on both sides."
        )
    if repeats < 1 or directions < 1:
        raise UsageError(f"{repeats} times {directions} directions: give at least 1 of each.")
    found = {}
    for a, b in zip(_levels(generated[:n]), _levels(real[:n]), strict=True):
        x, y = patches(a, rng), patches(b, rng)
        draws = [distances_along(x, y, directions, rng) for _ in range(repeats)]
        distances = torch.cat(draws).double() * _UNIT
        deviation = float(distances.std()) if len(distances) > 1 else math.inf
        error = deviation / math.sqrt(len(distances))
        found[min(a.shape[2:])] = Estimate(float(distances.mean()), error)
    return SlicedWasserstein(found)


def _levels(pictures: Tensor) -> list[Tensor]:
    """Return the pyramid [N,C,H,W] down to 16 pixels."""
    doublings, side = 0, min(pictures.shape[2:])
    while side >= 2 * SMALLEST_LEVEL_PIXELS:
        doublings, side = doublings + 1, (side + 1) // 2
    return laplacian_pyramid(pictures, doublings)


def patches_per_picture(height: int, width: int) -> int:
    """As many 7x7 patches as would cover an image twice, at most 128."""
    return max(1, min(_MOST_PATCHES, 2 * height * width // PATCH_PIXELS**2))


def patches(level: Tensor, rng: torch.Generator) -> Tensor:
    """[N,C,H,W] -> [N*P, C*7*7] patches at random places, each channel of mean 0 and deviation 1 over all."""
    n, channels, height, width = level.shape
    count = patches_per_picture(height, width)
    windows = level.unfold(2, PATCH_PIXELS, 1).unfold(3, PATCH_PIXELS, 1)  # [N,C,h,w,7,7]
    down = torch.randint(0, windows.shape[2], (n, count), generator=rng)
    across = torch.randint(0, windows.shape[3], (n, count), generator=rng)
    taken = windows.permute(0, 2, 3, 1, 4, 5)[torch.arange(n)[:, None], down, across]
    taken = taken.reshape(n * count, channels, -1)
    middle = taken.mean((0, 2), keepdim=True)
    spread = (taken - middle).square().mean((0, 2), keepdim=True).sqrt()
    return ((taken - middle) / spread.clamp_min(1e-8)).flatten(1)


def distances_along(x: Tensor, y: Tensor, directions: int, rng: torch.Generator) -> Tensor:
    """[directions] 1-Wasserstein distances of two sets [K,D] along random unit vectors."""
    v = torch.randn(x.shape[1], directions, generator=rng)
    v = v / v.norm(dim=0)
    # One direction a row: sorting is several times faster along memory.
    along_x, along_y = (v.T @ x.T).sort(1).values, (v.T @ y.T).sort(1).values
    return (along_x - along_y).abs().mean(1)
