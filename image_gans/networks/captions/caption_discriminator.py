"""Discriminators that score an image together with the vector of its caption.

A sample is one tensor: the image's channels, then as many planes as the vector [F] needs. So penalties and
schedules pass captions on without special code.

    s(x, phi) = w . a(conv1x1[features(x) at each of 4x4 places | W phi])            (section 3.3)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from image_gans.networks.blocks.spectral import spectrally_normalised
from image_gans.networks.choice import NetworkChoice, build_trunk
from seqgan_kit.core.bounds import Size, bounded
from seqgan_kit.core.discriminator import Critique, Discriminator
from seqgan_kit.data.images.image_config import ImageData
from seqgan_kit.errors import UsageError

_SLOPE = 0.2
_SIDE = 4


@dataclass(frozen=True)
@bounded
class CaptionJudgeShape:
    """Size of the layers with which D compares image and caption."""

    compressed: Size = 64
    """Dimensions to which D reduces a caption's vector (128 in the paper)."""
    joint: Size = 128
    """Channels of the layer in which image and caption meet (512 in the paper)."""


def with_vectors(images: Tensor, vectors: Tensor) -> Tensor:
    """Join images [N,C,H,W] and vectors [N,F] into samples [N,C+P,H,W], P planes of which hold the vector."""
    count, height, width = len(images), *images.shape[2:]
    planes = -(-vectors.shape[1] // (height * width))
    flat = images.new_zeros(count, planes * height * width)
    flat[:, : vectors.shape[1]] = vectors
    return torch.cat([images, flat.view(count, planes, height, width)], 1)


def without_vectors(samples: Tensor, channels: int, features: int) -> tuple[Tensor, Tensor]:
    """Split what :func:`with_vectors` joined into images [N,C,H,W] and vectors [N,F]."""
    return samples[:, :channels], samples[:, channels:].flatten(1)[:, :features]


class CaptionScore(nn.Module):
    """Score of an image's features [N,K*16] at 4x4 places and a caption's vector [N,F]."""

    def __init__(self, features: int, vector: int, shape: CaptionJudgeShape):
        super().__init__()
        channels = features // _SIDE**2
        self.compress = nn.Sequential(nn.Linear(vector, shape.compressed), nn.LeakyReLU(_SLOPE))
        self.joint = nn.Sequential(
            nn.Conv2d(channels + shape.compressed, shape.joint, 1), nn.LeakyReLU(_SLOPE)
        )
        self.score = nn.Conv2d(shape.joint, 1, _SIDE)

    def forward(self, features: Tensor, vectors: Tensor) -> Tensor:
        """[N,K*16], [N,F] -> [N]."""
        maps = features.view(len(features), -1, _SIDE, _SIDE)
        told = self.compress(vectors)[:, :, None, None].expand(-1, -1, _SIDE, _SIDE)
        return cast(Tensor, self.score(self.joint(torch.cat([maps, told], 1)))).flatten()


class CaptionDiscriminator(Discriminator):
    """A trunk that sees the image, and a score of its features together with the caption's vector.

    Args:
        trunk: network from images to features at 4x4 places.
        judge: maps features and vectors [N,F] to scores [N].
        channels: of an image.
        vector: F.
    """

    def __init__(self, trunk: nn.Module, judge: nn.Module, channels: int, vector: int):
        super().__init__(trunk, 1, score=judge)
        self.channels, self.vector = channels, vector

    def forward(self, x: Tensor) -> Critique:
        """Return the verdict on samples [N,C+P,H,W]."""
        images, vectors = without_vectors(x, self.channels, self.vector)
        features = self.trunk(images)
        return Critique(self.compared(features, vectors), features)

    def compared(self, features: Tensor, vectors: Tensor) -> Tensor:
        """Return scores [N] of images, given by their features, with captions' vectors [N,F]."""
        wide = torch.promote_types(features.dtype, torch.float32)
        with torch.autocast(features.device.type, enabled=False):
            return cast(Tensor, self.score(features.to(wide), vectors.to(wide)))


def build_caption_discriminator(
    choice: NetworkChoice, data: ImageData, vector: int, shape: CaptionJudgeShape
) -> CaptionDiscriminator:
    """Return the discriminator of images of the data's size and captions' vectors [N,vector]."""
    if choice.network != "dcgan":
        raise UsageError(
            f"the network is {choice.network!r}; a discriminator of captions reads features at 4x4 places, "
            "which only 'dcgan' has. Use --network dcgan."
        )
    trunk = build_trunk(choice, data)
    judge = CaptionScore(cast(int, trunk.features), vector, shape)
    if choice.discriminator_norm == "spectral":
        spectrally_normalised(judge)
    return CaptionDiscriminator(trunk, judge, data.channels, vector)
