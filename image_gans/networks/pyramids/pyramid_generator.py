"""A generator of images coarse to fine, on the levels of a Laplacian pyramid (Denton et al. 2015, "Deep
generative image models using a Laplacian pyramid of adversarial networks", section 3.2).

    I_K = G_K(z_K),    l_k = doubled(I_{k+1}),    I_k = l_k + G_k(l_k, z_k)    for k = K-1, ..., 0

G_K is any generator of small images. G_k sees the low-pass image l_k and a plane of noise z_k of its size:

    [l_k | z_k] -> (convolution, ReLU)* -> convolution -> detail h_k
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, cast

import torch
from torch import Tensor, nn

from image_gans.networks.blocks.shapes import FromLatents
from seqgan_kit.core.bounds import Bounds, Size, bounded
from seqgan_kit.data.images.image_config import SMALLEST_PIXELS
from seqgan_kit.data.images.pyramids import doubled
from seqgan_kit.errors import UsageError


@dataclass(frozen=True)
@bounded
class PyramidShape:
    """Levels of the pyramid, and the generators of details."""

    coarsest: Annotated[int, Bounds(SMALLEST_PIXELS, 512)] = 8
    """Side in pixels of the coarsest level, whose GAN has no condition; each level doubles it up to the
    images' side (8 for CIFAR-10 in the authors' code)."""
    width: Size = 128
    """Channels of the hidden layers of a generator of details (128 in the authors' code)."""
    layers: Annotated[int, Bounds(2, 10)] = 3
    """Convolutions of a generator of details (3 in the paper)."""
    kernel: Annotated[int, Bounds(3, 15)] = 7
    """Side of the kernels, odd; the last layer's is 2 smaller, but at least 3 (7, 7, 5 in the authors'
    code)."""

    def __post_init__(self) -> None:
        if self.kernel % 2 == 0:
            raise UsageError(
                f"kernel is {self.kernel}; it must be odd, so that details have the size of their image."
            )

    def sides(self, size: int) -> tuple[int, ...]:
        """Return the sides of all levels of images of ``size`` pixels, coarse to fine."""
        sides = [self.coarsest]
        while sides[-1] < size:
            sides.append(2 * sides[-1])
        if sides[-1] != size or len(sides) == 1:
            fit = [size >> k for k in range(1, 8) if size % 2**k == 0]
            allowed = [str(side) for side in fit if side >= SMALLEST_PIXELS] or ["none"]
            raise UsageError(
                f"a pyramid from {self.coarsest} pixels does not reach images of {size} pixels by doubling. "
                f"Coarsest levels that do: {', '.join(allowed)}. Change --pyramid.coarsest, or --size."
            )
        return tuple(sides)


@dataclass(frozen=True)
@bounded
class PyramidConfig:
    """Shape of a pyramid of generators."""

    size: Size
    """Side of the images in pixels."""
    channels: Size
    """Channels of the images."""
    base_latent: Size
    """Dimensions of the latent vector of the coarsest level."""
    shape: PyramidShape
    """Levels and sizes of the layers."""

    def __post_init__(self) -> None:
        if isinstance(self.shape, Mapping):  # read from a file
            object.__setattr__(self, "shape", PyramidShape(**self.shape))
        self.shape.sides(self.size)

    @property
    def finer_sides(self) -> tuple[int, ...]:
        """Sides of all levels but the coarsest, coarse to fine."""
        return self.shape.sides(self.size)[1:]

    @property
    def latent(self) -> int:
        """Dimensions of all noise: the coarsest level's latent vector, then a plane for each level."""
        return self.base_latent + sum(side**2 for side in self.finer_sides)


class DetailGenerator(nn.Module):
    """G_k: a low-pass image and noise to the detail that it lacks."""

    def __init__(self, channels: int, shape: PyramidShape):
        super().__init__()
        before, layers = channels + 1, list[nn.Module]()
        for _ in range(shape.layers - 1):
            layers += [_convolution(before, shape.width, shape.kernel), nn.ReLU(inplace=True)]
            before = shape.width
        self.layers = nn.Sequential(
            *layers, _convolution(before, channels, max(3, shape.kernel - 2))
        )

    def forward(self, low: Tensor, noise: Tensor) -> Tensor:
        """[N,C,H,W], standard normal [N,1,H,W] -> details [N,C,H,W]."""
        return cast(Tensor, self.layers(torch.cat([low, noise], 1)))

    def draw(self, low: Tensor, rng: torch.Generator) -> Tensor:
        """Draw a detail [N,C,H,W] for each low-pass image."""
        noise = torch.randn(len(low), 1, *low.shape[2:], generator=rng, device=rng.device)
        return cast(Tensor, self(low, noise.to(low)))


class PyramidGenerator(FromLatents):
    """A generator of the coarsest level, and one of details for each finer level.

    Args:
        config: the shape.
        inner: a generator of images of the coarsest level.
    """

    def __init__(self, config: PyramidConfig, inner: nn.Module):
        super().__init__()
        self.config, self.inner = config, inner
        self.details = nn.ModuleList(
            DetailGenerator(config.channels, config.shape) for _ in config.finer_sides
        )

    def forward(self, z: Tensor) -> Tensor:
        """[N,latent] -> [N,C,H,W] in [-1,1]."""
        return self.levels(z)[-1].clamp(-1, 1)

    def levels(self, z: Tensor) -> list[Tensor]:
        """[N,latent] -> the images of all levels, coarse to fine, not clamped."""
        sides = self.config.finer_sides
        base, *planes = z.split([self.config.base_latent, *(side**2 for side in sides)], 1)
        images = [cast(Tensor, self.inner(base))]
        for detail, plane, side in zip(self.details, planes, sides, strict=True):
            low = doubled(images[-1], torch.Size((side, side)))
            images.append(low + detail(low, plane.reshape(-1, 1, side, side)))
        return images


def _convolution(before: int, after: int, kernel: int) -> nn.Conv2d:
    return nn.Conv2d(before, after, kernel, padding=kernel // 2)
