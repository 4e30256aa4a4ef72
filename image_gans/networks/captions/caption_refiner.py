"""The generator of stage II: a sketch and its caption's vector to a larger image (section 3.4).

sketch -> convolution, (convolution stride 2)* -> [maps | c at every place] -> convolution, residual
blocks, (upsampling, convolution)* -> tanh

With ``residual``, the layers before the tanh add to the enlarged sketch, and begin at 0:

    x = tanh(layers(x0, c) + enlarged(artanh(x0)))
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from image_gans.networks.blocks.residual_blocks import UpsampledConv
from image_gans.networks.captions.caption_painter import CaptionPainter, ConditioningAugmentation
from image_gans.networks.translators.upscaler import UpscalerBlock
from seqgan_kit.core.bounds import Bounds, Size, bounded
from seqgan_kit.errors import UsageError

_LARGEST_MULTIPLE = 4
_LARGEST_VALUE = 0.995


@dataclass(frozen=True)
@bounded
class RefinementShape:
    """Size of stage II."""

    factor: Annotated[int, Bounds(1, 16)] = 1
    """How many times larger the images of stage II are than the sketches of stage I, a power of two (4 in
    the paper); 1: no stage II."""
    width: Size = 64
    """Channels of the layers next to the sketch and to the image (128 in the paper)."""
    blocks: Size = 2
    """Residual blocks (4 in the paper)."""
    halvings: Annotated[int, Bounds(0, 4)] = 1
    """How often the sketch is halved before caption and sketch meet (2 in the paper)."""
    residual: bool = False
    """Add what stage II draws to the enlarged sketch, so that it begins there (not in the paper)."""


@dataclass(frozen=True)
@bounded
class CaptionRefinerConfig:
    """Shape of a generator of stage II."""

    size: Size
    """Side of a sketch in pixels."""
    channels: Size
    """Channels of the images."""
    features: Size
    """Dimensions of a caption's vector."""
    condition: Size
    """Dimensions of the augmented condition c."""
    shape: RefinementShape
    """Sizes of the layers."""

    def __post_init__(self) -> None:
        if isinstance(self.shape, Mapping):  # read from a file
            object.__setattr__(self, "shape", RefinementShape(**self.shape))
        factor, halvings = self.shape.factor, self.shape.halvings
        if factor < 2 or factor & (factor - 1):
            raise UsageError(
                f"the factor of stage II is {factor}; allowed are powers of two: 2, 4, 8."
            )
        if self.size % 2**halvings or self.size >> halvings < 4:
            raise UsageError(
                f"sketches of {self.size} pixels cannot be halved {halvings} times to 4 pixels or more: use "
                "a smaller --refinement.halvings, or larger images."
            )


class CaptionRefiner(nn.Module):
    """Stage II: sketches [N,C,h,w] and captions' vectors to images [N,C,H,W]."""

    def __init__(self, config: CaptionRefinerConfig):
        super().__init__()
        self.config, shape = config, config.shape
        self.augmentation = ConditioningAugmentation(config.features, config.condition)
        widths = [
            shape.width * min(_LARGEST_MULTIPLE, 2**level) for level in range(shape.halvings + 1)
        ]
        self.encode = nn.Sequential(
            nn.Conv2d(config.channels, widths[0], 3, padding=1), nn.ReLU(),
            *(layer for before, after in pairwise(widths)
              for layer in _normalised(nn.Conv2d(before, after, 4, 2, padding=1, bias=False))),
        )  # fmt: skip
        deep = widths[-1]
        doublings = shape.halvings + shape.factor.bit_length() - 1
        outward = [max(shape.width, deep >> level) for level in range(doublings + 1)]
        joined = nn.Conv2d(deep + config.condition, deep, 3, padding=1, bias=False)
        self.decode = nn.Sequential(
            *_normalised(joined),
            *(UpscalerBlock(deep) for _ in range(shape.blocks)),
            *(layer for before, after in pairwise(outward)
              for layer in _normalised(UpsampledConv(before, after, 3, padding=1, bias=False))),
            nn.Conv2d(outward[-1], config.channels, 3, padding=1),
        )  # fmt: skip
        if shape.residual:
            for parameter in self.decode[-1].parameters():
                nn.init.zeros_(parameter)

    def forward(self, sketches: Tensor, vectors: Tensor, noise: Tensor) -> Tensor:
        """[N,C,h,w], [N,F], standard normal [N,c] -> [N,C,H,W] in [-1,1]."""
        maps = self.encode(sketches)
        condition = self.augmentation(vectors, noise)[:, :, None, None]
        told = condition.expand(-1, -1, *maps.shape[2:])
        drawn = cast(Tensor, self.decode(torch.cat([maps, told], 1)))
        if self.config.shape.residual:
            drawn = drawn + _enlarged(sketches, self.config.shape.factor)
        return drawn.tanh()

    def refine(
        self,
        sketches: Tensor,
        vectors: Tensor,
        rng: torch.Generator,
        condition_noise: float = 1.0,
    ) -> Tensor:
        """Draw an image [N,C,H,W] for each sketch and vector [N,F], with a scale of the condition's noise."""
        shape = len(vectors), self.config.condition
        noise = torch.randn(shape, generator=rng, device=rng.device).to(vectors)
        return cast(Tensor, self(sketches, vectors, condition_noise * noise))


def paint_vectors(
    parts: Mapping[str, nn.Module] | nn.ModuleDict,
    vectors: Tensor,
    rng: torch.Generator,
    condition_noise: float = 1.0,
) -> Tensor:
    """Draw an image [N,C,H,W] for each vector [N,F], by one stage or two.

    Args:
        parts: ``generator``, and ``sketcher`` if there are two stages; the sketcher gets no gradients.
        vectors: captions' vectors.
        rng: draws the noise.
        condition_noise: scale of the noise of conditions (1 in training; 0: their means).
    """
    if "sketcher" not in parts:
        return cast(CaptionPainter, parts["generator"]).paint(vectors, rng, condition_noise)
    with torch.no_grad():
        sketches = cast(CaptionPainter, parts["sketcher"]).paint(vectors, rng, condition_noise)
    return cast(CaptionRefiner, parts["generator"]).refine(sketches, vectors, rng, condition_noise)


def _enlarged(sketches: Tensor, factor: int) -> Tensor:
    """Return artanh of sketches [N,C,h,w], enlarged to [N,C,f h,f w]; black and white stay finite."""
    before = sketches.clamp(-_LARGEST_VALUE, _LARGEST_VALUE).atanh()
    return functional.interpolate(before, scale_factor=factor, mode="bilinear")


def _normalised(layer: nn.Conv2d) -> list[nn.Module]:
    return [layer, nn.BatchNorm2d(layer.out_channels), nn.ReLU()]
