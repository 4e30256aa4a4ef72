"""Mixtures of normal distributions in the plane with known modes.

    ring: 8 modes on the circle of radius 1, deviation 0.01
    grid: 25 modes at -4, -2, 0, 2, 4 in both directions, deviation 0.05

Both as in Srivastava et al. 2017 ("VEEGAN: Reducing mode collapse in GANs using implicit variational
learning") and Lin et al. 2018 ("PacGAN: The power of two samples in generative adversarial networks"). The
eight modes are distinct: angles from 0 to 2 pi with both ends, as in unrolled GANs' notebook, give seven.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from seqgan_kit.core.bounds import Positive, bounded
from seqgan_kit.core.runs.runtime import mixed_seed
from seqgan_kit.errors import UsageError, unknown


@dataclass(frozen=True)
class PointWorld:
    """Equally likely round modes.

    Attributes:
        name: what it is called.
        centres: [M,2] where the modes lie.
        deviation: of a mode, in each direction.
    """

    name: str
    centres: Tensor
    deviation: float

    def draw(self, n: int, rng: torch.Generator) -> Tensor:
        """[n,2] points, each of a mode drawn by itself."""
        if n < 1:
            raise UsageError(f"cannot draw {n} points: give 1 or more.")
        modes = torch.randint(len(self.centres), (n,), generator=rng)
        return self.centres[modes] + self.deviation * torch.randn(n, 2, generator=rng)


def ring(modes: int = 8, radius: float = 1.0, deviation: float = 0.01) -> PointWorld:
    """Return a world of modes at equal distances on a circle."""
    angles = torch.arange(modes) * (2 * math.pi / modes)
    return PointWorld("ring", radius * torch.stack([angles.cos(), angles.sin()], 1), deviation)


def grid(side: int = 5, step: float = 2.0, deviation: float = 0.05) -> PointWorld:
    """Return a world of modes on a square grid around 0."""
    places = (torch.arange(side) - (side - 1) / 2) * step
    return PointWorld("grid", torch.cartesian_prod(places, places), deviation)


WORLDS: Mapping[str, Callable[[], PointWorld]] = {"ring": ring, "grid": grid}
"""The two worlds of the papers, by name."""


def point_world(name: str) -> PointWorld:
    """Return the named world."""
    if name not in WORLDS:
        raise unknown("world", name, WORLDS)
    return WORLDS[name]()


@dataclass(frozen=True)
@bounded
class PointData:
    """Settings of the training points."""

    world: Literal["ring", "grid"] = "ring"
    """World of points: ring, 8 modes on a circle of radius 1, deviation 0.01; grid, 25 modes 2 apart,
    deviation 0.05.
    """
    points: Positive = 100_000
    """Number of training points, drawn once."""


def load_points(data: PointData, seed: int) -> tuple[PointWorld, Tensor]:
    """Return the world and training points [N,2]; another seed gives other points."""
    world = point_world(data.world)
    return world, world.draw(data.points, torch.Generator().manual_seed(mixed_seed(seed, 2018)))
