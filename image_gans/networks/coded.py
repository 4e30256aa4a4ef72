"""A generator with codes in addition to its noise, and a recogniser that recovers them from images.

latent vector [z | one-hot c_1 | ... | one-hot c_K | u]:  z ~ N(0, 1), c_k uniform, u ~ U(-1, 1)
Q: features of D's trunk -> a hidden layer -> logits of every c_k; mean and deviation of every u
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from image_gans.conditions import Conditions
from image_gans.networks.choice import NetworkChoice, build_networks
from seqgan_kit.core.bounds import MOST_UNITS, Bounds, Units, bounded
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.data.images.image_config import ImageData
from seqgan_kit.errors import UsageError

_SLOPE = 0.1  # slope of the hidden layer's LeakyReLU (Chen et al. 2016, appendix C)
_LEAST_DEVIATION = 0.01  # without a floor, an exactly recovered code has an infinite density


@dataclass(frozen=True)
@bounded
class CodeSettings:
    """Codes of a generator."""

    categorical: tuple[Annotated[int, Bounds(2, MOST_UNITS)], ...] = (10,)
    """Number of classes of each categorical code."""
    continuous: Units = 2
    """Number of continuous codes, uniform on -1..1."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "categorical", tuple(self.categorical))
        if self.width == 0:
            raise UsageError("no code is given, which is a plain GAN: give at least one code.")

    @property
    def width(self) -> int:
        """Dimensions of all codes together."""
        return sum(self.categorical) + self.continuous


@dataclass(frozen=True)
class CodedConfig:
    """Settings that a coded generator adds to its inner generator."""

    latent: int
    """Dimensions of the noise z."""
    codes: CodeSettings
    """Codes beside the noise."""

    def __post_init__(self) -> None:
        if isinstance(self.codes, Mapping):  # read from a file
            object.__setattr__(self, "codes", CodeSettings(**self.codes))

    @property
    def conditions(self) -> Conditions:
        """Categorical codes as labels to condition samples on: code1=0, ..."""
        sizes = self.codes.categorical
        names = tuple(f"code{i + 1}" for i in range(len(sizes))) if len(sizes) > 1 else ("code",)
        classes = tuple(tuple(map(str, range(size))) for size in sizes)
        return Conditions(names[: len(sizes)], classes)


class CodedGenerator(nn.Module):
    """A generator from noise and codes to images, through an inner generator."""

    def __init__(self, config: CodedConfig, inner: nn.Module):
        super().__init__()
        self.config, self.inner = config, inner
        if (reference := getattr(inner, "reference", None)) is not None:
            # A reference norm keeps a batch of this generator's latent vectors, including codes.
            reference.copy_(self.latents(len(reference), torch.default_generator))

    def forward(self, latents: Tensor) -> Tensor:
        """[N,d+codes] -> [N,C,H,W]."""
        return cast(Tensor, self.inner(latents))

    def latents(
        self, n: int, rng: torch.Generator, wanted: Mapping[int, int] | None = None
    ) -> Tensor:
        """[n,d+codes]; ``wanted`` sets classes of categorical codes by their places."""
        parts = [torch.randn(n, self.config.latent, generator=rng, device=rng.device)]
        for place, classes in enumerate(self.config.codes.categorical):
            drawn = torch.randint(classes, (n,), generator=rng, device=rng.device)
            if place in (wanted or {}):
                drawn.fill_((wanted or {})[place])
            parts.append(F.one_hot(drawn, classes).to(parts[0]))
        uniform = torch.rand(n, self.config.codes.continuous, generator=rng, device=rng.device)
        latents = torch.cat([*parts, 2 * uniform - 1], 1)
        return latents.to(next(self.inner.parameters()))

    def codes(self, latents: Tensor) -> tuple[list[Tensor], Tensor]:
        """The classes [N] of every categorical code and the continuous codes [N,M] in latent vectors."""
        sizes = [self.config.latent, *self.config.codes.categorical, self.config.codes.continuous]
        _, *one_hot, continuous = latents.split(sizes, 1)
        return [code.argmax(1) for code in one_hot], continuous

    def sample(self, n: int, *, rng: torch.Generator) -> Tensor:
        """[n,C,H,W] of fresh noise and codes."""
        return cast(Tensor, self(self.latents(n, rng)))


class CodeReader(nn.Module):
    """Q: features -> logits of the categorical codes, mean and deviation of the continuous ones."""

    def __init__(self, features: int, codes: CodeSettings, hidden: int):
        super().__init__()
        self.codes = codes
        self.hidden = nn.Sequential(nn.Linear(features, hidden), nn.LeakyReLU(_SLOPE))
        self.read = nn.Linear(hidden, sum(codes.categorical) + 2 * codes.continuous)

    def forward(self, features: Tensor) -> tuple[list[Tensor], Tensor, Tensor]:
        """[N,F] -> logits [N,C_k] of each code, means [N,M], deviations [N,M]."""
        read = self.read(self.hidden(features)).float()
        counts = [*self.codes.categorical, self.codes.continuous, self.codes.continuous]
        *logits, means, raw = read.split(counts, 1)
        return logits, means, F.softplus(raw) + _LEAST_DEVIATION


def build_coded_networks(
    choice: NetworkChoice, data: ImageData, codes: CodeSettings
) -> tuple[CodedGenerator, Discriminator]:
    """Return the generator with its codes, and a plain discriminator."""
    inner, discriminator = build_networks(replace(choice, latent=choice.latent + codes.width), data)
    return CodedGenerator(CodedConfig(choice.latent, codes), inner), discriminator
