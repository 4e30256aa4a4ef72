"""A generator that moves a given image (Qi et al. 2018, "Global versus localized generative adversarial
nets"): an encoder, a decoder, and coordinates z that are added to the code.

    penalty:  G(x, z) = decoder(encoder(x) + z)
    exact:    G(x, z) = x + decoder(encoder(x) + z) - decoder(encoder(x)), so that G(x, 0) = x

A latent vector is [z | x]: the coordinates, then the pixels of the image. So a saved model needs no second
input; images x are drawn from a table of anchors that it holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from image_gans.networks.blocks.norms import PLAIN_NORMS
from image_gans.networks.blocks.shapes import FromLatents
from image_gans.networks.choice import NetworkChoice, build_networks
from image_gans.networks.dcgan_networks import DCGANConfig, DCGANGenerator, Variant
from image_gans.networks.translators.image_encoder import CodeEncoder
from seqgan_kit.core.bounds import Above0, Positive, Size, bounded
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.data.images.image_config import ImageData
from seqgan_kit.data.images.pixels import to_float
from seqgan_kit.errors import UsageError, unknown


@dataclass(frozen=True)
@bounded
class LocalShape:
    """How the generator moves an image."""

    locality: Literal["penalty", "exact"] = "penalty"
    """penalty: G(x, 0) is a reconstruction of x, by a loss, as in the paper. exact: G adds a change to x,
    which is 0 at z = 0."""
    deviation: Above0 = 3.0
    """Standard deviation of z (3 in the authors' code)."""
    anchors: Positive = 512
    """Training images that the saved model holds, to draw samples around."""


@dataclass(frozen=True)
@bounded
class LocalGeneratorConfig:
    """Shape of a local generator."""

    size: Size
    """Side of the images in pixels."""
    channels: Size
    """Channels of the images."""
    latent: Size
    """K, dimensions of z."""
    width: Size
    """Channels of the layers next to the image."""
    variant: Variant
    """Activations of the layers."""
    norm: str
    """Normalisation of the layers."""
    exact: bool
    """Whether G adds a change to x."""
    deviation: Above0
    """Standard deviation of z."""
    anchors: Positive
    """Images in the table."""

    def __post_init__(self) -> None:
        if self.norm not in PLAIN_NORMS:
            raise unknown("norm of a local generator", self.norm, PLAIN_NORMS)


class LocalGenerator(FromLatents):
    """G(x, z), with a table of images x."""

    anchors: Tensor

    def __init__(self, config: LocalGeneratorConfig):
        super().__init__()
        self.config = config
        shape = DCGANConfig(
            config.size, config.channels, config.latent, config.width, config.variant,
            generator_norm=config.norm, discriminator_norm=config.norm,  # type: ignore[arg-type]
        )  # fmt: skip
        self.encoder, self.decoder = CodeEncoder(shape), DCGANGenerator(shape)
        table = torch.zeros(config.anchors, config.channels, config.size, config.size)
        self.register_buffer("anchors", table.to(torch.uint8))

    def moved(self, x: Tensor, z: Tensor) -> Tensor:
        """Return G(x, z) [N,C,H,W]: images x at coordinates z [N,K]; with exact locality, not clamped."""
        return self.decoded(x, self.encoder(x), z)

    def decoded(self, x: Tensor, code: Tensor, z: Tensor) -> Tensor:
        """Return G(x, z) for codes [N,K] of x, so that an image is encoded once for many z."""
        raw = self.raw(code + z)
        return x + (raw - self.raw(code)) if self.config.exact else raw

    def raw(self, code: Tensor) -> Tensor:
        """Return the decoder's output [N,C,H,W] at codes: an image, or a change up to a constant."""
        return self.decoder.before_tanh(code) if self.config.exact else self.decoder(code)

    def coordinates(self, n: int, rng: torch.Generator) -> Tensor:
        """Draw z [n,K]; drawn where ``rng`` lives, returned where the parameters live."""
        z = torch.randn(n, self.config.latent, generator=rng, device=rng.device)
        return self.config.deviation * z.to(next(self.parameters()))

    def latents(self, n: int, rng: torch.Generator) -> Tensor:
        """[n, K + C*H*W]: coordinates, then the pixels of anchors."""
        z = self.coordinates(n, rng)
        chosen = torch.randint(len(self.anchors), (n,), generator=rng, device=rng.device)
        x = to_float(self.anchors[chosen.to(self.anchors.device)]).to(z)
        return torch.cat([z, x.flatten(1)], 1)

    def forward(self, latents: Tensor) -> Tensor:
        """[N, K + C*H*W] -> [N,C,H,W] in [-1,1]."""
        config = self.config
        z, x = latents[:, : config.latent], latents[:, config.latent :]
        x = x.reshape(-1, config.channels, config.size, config.size)
        return self.moved(x, z).clamp(-1, 1)


def build_local_players(
    choice: NetworkChoice, data: ImageData, shape: LocalShape, images: Tensor
) -> tuple[LocalGenerator, Discriminator]:
    """Return G and D for images of the data's size and channels.

    Args:
        choice: DCGAN's networks; ``latent`` is the number of coordinates.
        data: settings with the size and the channels of the images.
        shape: how G moves an image.
        images: training images [N,C,H,W] uint8, some of which become the anchors.
    """
    if choice.network != "dcgan":
        raise UsageError(
            f"the network is {choice.network!r}; a local generator has DCGAN's encoder and decoder. Use "
            "--network dcgan."
        )
    _, discriminator = build_networks(choice, data)
    count = min(shape.anchors, len(images))
    norm = {"batchnorm": "batch", "selu": "none"}[choice.variant]
    chosen = norm if choice.generator_norm == "auto" else choice.generator_norm
    generator = LocalGenerator(
        LocalGeneratorConfig(
            data.size, data.channels, choice.latent, choice.width, choice.variant, chosen,
            shape.locality == "exact", shape.deviation, count,
        )
    )  # fmt: skip
    generator.anchors.copy_(images[torch.linspace(0, len(images) - 1, count).long()])
    return generator, discriminator


def tangents(
    generator: LocalGenerator, x: Tensor, chosen: Tensor, step: float, code: Tensor | None = None
) -> Tensor:
    """Return rows of the Jacobian of G(x, z) by z at z = 0, by central differences.

        J_k = (G(x, h e_k) - G(x, -h e_k)) / 2h

    Args:
        generator: G.
        x: [N,C,H,W] images.
        chosen: numbers [D] of the coordinates k.
        step: h.
        code: codes [N,K] of x, if they are known.

    Returns:
        [N,D,C*H*W].
    """
    with torch.autocast(
        x.device.type, enabled=False
    ):  # a difference of bfloat16 has no digits left
        code = generator.encoder(x.float()) if code is None else code.float()
        count, axes = len(chosen), torch.eye(generator.config.latent, device=x.device)[chosen]
        steps = step * axes.repeat(len(x), 1)
        codes = code.repeat_interleave(count, 0)
        ahead, behind = generator.raw(codes + steps), generator.raw(codes - steps)
        return ((ahead - behind) / (2 * step)).flatten(1).view(len(x), count, -1)
