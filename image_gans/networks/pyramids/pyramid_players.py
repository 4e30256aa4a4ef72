"""The players of a Laplacian pyramid of GANs: a generator, and a discriminator for each level.

D_k: [N,C,H,W] -> convolution 5x5, LeakyReLU, (convolution 5x5 stride 2, LeakyReLU)* -> dropout -> score
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Annotated, Literal, cast

from torch import Tensor, nn

from image_gans.networks.blocks.shapes import check_pictures
from image_gans.networks.blocks.spectral import spectrally_normalised
from image_gans.networks.choice import NetworkChoice, build_networks
from image_gans.networks.pyramids.pyramid_generator import (
    DetailGenerator,
    PyramidConfig,
    PyramidGenerator,
    PyramidShape,
)
from seqgan_kit.core.bounds import Bounds, Share, Size, bounded
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.runs.machine.memory import check_training_memory
from seqgan_kit.data.images.image_config import ImageData
from seqgan_kit.errors import UsageError

_KERNEL, _SLOPE = 5, 0.2


@dataclass(frozen=True)
@bounded
class LevelJudgeShape:
    """The discriminators of all levels but the coarsest."""

    width: Size = 128
    """Channels of the first layer (128 in the authors' code); each halving doubles them up to 4 times."""
    halvings: Annotated[int, Bounds(1, 6)] = 1
    """Convolutions of stride 2 (1 in the authors' code)."""
    dropout: Share = 0.5
    """Dropout rate before the score (0.5 in the authors' code)."""
    norm: Literal["none", "spectral"] = "none"
    """Normalisation of the weights."""


class LevelTrunk(nn.Module):
    """A trunk from images of one level to features."""

    rows_are_independent = True

    def __init__(self, side: int, channels: int, shape: LevelJudgeShape):
        super().__init__()
        if side % 2**shape.halvings:
            raise UsageError(
                f"a level of {side} pixels cannot be halved {shape.halvings} times: use a smaller "
                "--judge.halvings."
            )
        self.side, self.channels = side, channels
        widths = [shape.width * min(4, 2**level) for level in range(shape.halvings + 1)]
        layers: list[nn.Module] = [_convolution(channels, widths[0], 1)]
        for before, after in pairwise(widths):
            layers += [nn.LeakyReLU(_SLOPE, inplace=True), _convolution(before, after, 2)]
        ends = [nn.LeakyReLU(_SLOPE, inplace=True), nn.Flatten(), nn.Dropout(shape.dropout)]
        self.layers = nn.Sequential(*layers, *ends)
        self.features = widths[-1] * (side >> shape.halvings) ** 2

    def forward(self, x: Tensor) -> Tensor:
        """[N,C,H,W] -> [N,features]."""
        check_pictures(x, self.channels, self.side)
        return cast(Tensor, self.layers(x))


class PyramidDiscriminator(nn.Module):
    """Discriminators of all levels, coarse to fine; no parameter is shared."""

    def __init__(self, levels: list[Discriminator]):
        super().__init__()
        self.levels = nn.ModuleList(levels)


def build_pyramid(
    choice: NetworkChoice, data: ImageData, shape: PyramidShape, judge: LevelJudgeShape
) -> tuple[PyramidGenerator, PyramidDiscriminator]:
    """Return the players for images of the data's size and channels.

    Args:
        choice: networks of the coarsest level.
        data: settings with the size and the channels of the images.
        shape: levels, and the generators of details.
        judge: the discriminators of details.
    """
    finer = shape.sides(data.size)[1:]
    config = PyramidConfig(data.size, data.channels, choice.latent, shape)

    def details() -> nn.ModuleList:
        return nn.ModuleList(DetailGenerator(data.channels, shape) for _ in finer)

    def judges() -> list[Discriminator]:
        return [_level_judge(side, data.channels, judge) for side in finer]

    check_training_memory("the generators of details", details, shape)
    check_training_memory("the discriminators", lambda: nn.ModuleList(judges()), judge)
    inner, base = build_networks(choice, replace(data, size=shape.coarsest))
    return PyramidGenerator(config, inner), PyramidDiscriminator([base, *judges()])


def _level_judge(side: int, channels: int, shape: LevelJudgeShape) -> Discriminator:
    trunk = LevelTrunk(side, channels, shape)
    score = nn.Linear(trunk.features, 1)
    if shape.norm == "spectral":
        spectrally_normalised(trunk)
        spectrally_normalised(score)
    return Discriminator(trunk, trunk.features, score=score)


def _convolution(before: int, after: int, stride: int) -> nn.Conv2d:
    return nn.Conv2d(before, after, _KERNEL, stride, padding=_KERNEL // 2)
