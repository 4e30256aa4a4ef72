"""Encoder to a map of vectors and decoder from one (van den Oord et al. 2017, "Neural discrete representation
learning", section 4.1).

    encoder: two 4x4 convolutions of stride 2, residual blocks, 1x1 to the codes' dimensions
    decoder: 3x3 convolution, residual blocks, two transposed 4x4 convolutions of stride 2
    block:   x + 1x1(ReLU(3x3(ReLU(x))))

An image of 32 pixels becomes a map of 8x8 vectors. Weights have the deviation 1 / sqrt(inputs) at the start,
as in the authors' library (Sonnet); with torch's own the vectors hardly differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from torch import Tensor, nn

from image_gans.networks.translators.translator_shape import check_images
from image_gans.networks.translators.vector_quantiser import QuantiserConfig, VectorQuantiser
from seqgan_kit.core.bounds import Size, bounded
from seqgan_kit.data.images.image_config import ImageData

REDUCTION = 4
"""How many times smaller the map of codes is than the image, in each direction."""


@dataclass(frozen=True)
@bounded
class CodeMapNetworks:
    """The size of an encoder to a map of codes, and of its decoder."""

    width: Size = 256
    """Channels of all layers (256 in the paper)."""
    blocks: Size = 2
    """Residual blocks of each network (2 in the paper)."""


@dataclass(frozen=True)
@bounded
class CodeMapConfig:
    """The shape of an encoder to a map of codes, or of its decoder."""

    size: Size = 32
    """Side of the images in pixels."""
    channels: Size = 3
    """Channels of an image."""
    dimensions: Size = 64
    """Dimensions of a code."""
    width: Size = 256
    """Channels of all layers."""
    blocks: Size = 2
    """Residual blocks."""

    @property
    def side(self) -> int:
        """Side of the map of codes."""
        return self.size // REDUCTION


class PointwiseBlock(nn.Module):
    """x plus a 3x3 and a 1x1 convolution of x."""

    def __init__(self, channels: int):
        super().__init__()
        self.layers = nn.Sequential(
            nn.ReLU(), nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(), nn.Conv2d(channels, channels, 1),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """[N,F,H,W] -> [N,F,H,W]."""
        return cast(Tensor, x + self.layers(x))


class MapEncoder(nn.Module):
    """Images [N,C,H,W] to vectors [N,D,H/4,W/4]."""

    def __init__(self, config: CodeMapConfig):
        super().__init__()
        self.config, width = config, config.width
        self.layers = nn.Sequential(
            nn.Conv2d(config.channels, width, 4, 2, 1), nn.ReLU(),
            nn.Conv2d(width, width, 4, 2, 1),
            *(PointwiseBlock(width) for _ in range(config.blocks)),
            nn.ReLU(), nn.Conv2d(width, config.dimensions, 1),
        )  # fmt: skip

        _initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """[N,C,H,W] -> [N,D,H/4,W/4]."""
        check_images(x, self.config.channels, REDUCTION, "this encoder")
        return cast(Tensor, self.layers(x))


class MapDecoder(nn.Module):
    """Vectors [N,D,h,w] to images [N,C,4h,4w] in [-1,1].

    Values beyond the range are cut off and keep their gradient. Behind a tanh they would lose it: on images
    with a plain background such a decoder may learn the background alone and stay there.
    """

    def __init__(self, config: CodeMapConfig):
        super().__init__()
        self.config, width = config, config.width
        self.layers = nn.Sequential(
            nn.Conv2d(config.dimensions, width, 3, padding=1),
            *(PointwiseBlock(width) for _ in range(config.blocks)),
            nn.ReLU(), nn.ConvTranspose2d(width, width, 4, 2, 1),
            nn.ReLU(), nn.ConvTranspose2d(width, config.channels, 4, 2, 1),
        )  # fmt: skip

        _initialise(self)

    def forward(self, z: Tensor) -> Tensor:
        """[N,D,h,w] -> [N,C,4h,4w] in [-1,1]."""
        x = cast(Tensor, self.layers(z))
        return x + (x.clamp(-1, 1) - x).detach()


def _initialise(network: nn.Module) -> None:
    """Draw the weights of all convolutions; biases 0."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            taps = layer.weight[0, 0].numel()
            if isinstance(layer, nn.ConvTranspose2d):
                taps //= layer.stride[0] * layer.stride[1]  # that fall on one pixel
            nn.init.normal_(layer.weight, 0.0, (layer.in_channels * taps) ** -0.5)
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)


def build_quantised_autoencoder(
    choice: CodeMapNetworks, quantiser: QuantiserConfig, data: ImageData
) -> tuple[MapEncoder, VectorQuantiser, MapDecoder]:
    """Return encoder, quantiser and decoder for images of these data."""
    shape = CodeMapConfig(
        data.size, data.channels, quantiser.dimensions, choice.width, choice.blocks
    )
    return MapEncoder(shape), VectorQuantiser(quantiser), MapDecoder(shape)
