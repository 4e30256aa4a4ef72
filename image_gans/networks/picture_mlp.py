"""Fully connected networks for images, as in the original GAN (Goodfellow et al. 2014, "Generative
adversarial nets").

    G: z [N,latent] -> (linear, norm, ReLU) x 2 -> linear -> tanh -> [N,C,H,W]
    D: [N,C,H,W] -> flatten -> (dropout, maxout or linear, norm and LeakyReLU) x 2 -> dropout -> features

Maxout: the largest of ``pieces`` linear maps, unit by unit. Units and dropout are those of the authors'
mnist.yaml (github.com/goodfeli/adversarial): 1,200 units in G, 240 of 5 pieces in D.

Differs from the paper: pixels in [-1,1] from a tanh in place of [0,1] from a sigmoid; normal latents; weights
of variance 2/fan_in (He et al. 2015) in place of a uniform range fitted to 28x28 pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast, get_args

from torch import Tensor, nn

from image_gans.networks.blocks.norms import PLAIN_NORMS, DiscriminatorNorm, GeneratorNorm
from image_gans.networks.blocks.shapes import FromLatents, check_pictures
from image_gans.networks.blocks.spectral import spectrally_normalised
from image_gans.networks.mlp import Maxout
from seqgan_kit.core.bounds import Positive, Share, Size, bounded
from seqgan_kit.errors import UsageError, unknown

_HIDDEN_LAYERS = 2
_SLOPE = 0.2  # slope of D's LeakyReLU
_INPUT_SHARE = 0.4  # the paper drops 0.2 of the pixels and 0.5 of the units


@dataclass(frozen=True)
@bounded
class PictureMLPConfig:
    """The shape of both networks."""

    size: Positive = 32
    """Height and width of the images in pixels; any."""
    channels: Positive = 3
    """Colour channels."""
    latent: Size = 100
    """Dimensions of the latent vector z (100 in the authors' code)."""
    units: Positive = 1200
    """Linear maps of each hidden layer, of G and of D."""
    pieces: Size = 1
    """Maps of one maxout unit of D (5 in the authors' code); 1 for LeakyReLU in place of maxout."""
    dropout: Share = 0.0
    """Share of D's hidden units that is dropped (0.5 in the authors' code); of the pixels, 0.4 times that."""
    generator_norm: GeneratorNorm = "auto"
    """Normalisation of G's layers; auto: none."""
    discriminator_norm: DiscriminatorNorm = "auto"
    """Normalisation of D's layers; auto: none. There is no instance norm without pixels."""

    def __post_init__(self) -> None:
        if self.units % self.pieces:
            raise UsageError(
                f"{self.units} units do not divide into maxout units of {self.pieces} pieces; choose a width "
                f"that {self.pieces} divides."
            )
        norms = tuple(name for name in get_args(DiscriminatorNorm) if name != "instance")
        for norm, known in (
            (self.generator_norm, PLAIN_NORMS),
            (self.discriminator_norm, norms),
        ):
            if norm not in known:
                raise unknown("norm of fully connected layers", norm, known)


class PictureMLPGenerator(FromLatents):
    """A generator from latent vectors to images in [-1,1]."""

    def __init__(self, config: PictureMLPConfig):
        super().__init__()
        self.config = config
        layers: list[nn.Module] = []
        before = config.latent
        for _ in range(_HIDDEN_LAYERS):
            layers.append(_linear(before, config.units, slope=0.0))
            layers += _norm(config.generator_norm, config.units)
            layers.append(nn.ReLU(inplace=True))
            before = config.units
        pixels = config.channels * config.size**2
        self.layers = nn.Sequential(*layers, _linear(before, pixels, slope=1.0))

    def forward(self, z: Tensor) -> Tensor:
        """[N,latent] -> [N,C,H,W] in [-1,1]."""
        size = self.config.size
        return cast(Tensor, self.layers(z)).tanh().view(-1, self.config.channels, size, size)


class PictureMLPTrunk(nn.Module):
    """A trunk from images, or several stacked along the channels, to features."""

    def __init__(self, config: PictureMLPConfig, in_channels: int | None = None):
        super().__init__()
        self.config, self.in_channels = config, in_channels or config.channels
        self.features = config.units // config.pieces
        self.rows_are_independent = config.discriminator_norm != "batch"
        layers: list[nn.Module] = []
        before, share = self.in_channels * config.size**2, _INPUT_SHARE
        for _ in range(_HIDDEN_LAYERS):
            layers += [nn.Dropout(share * config.dropout)] if config.dropout else []
            layers += self._hidden_layer(before)
            before, share = self.features, 1.0
        layers += [nn.Dropout(config.dropout)] if config.dropout else []
        self.layers = nn.Sequential(*layers)
        if config.discriminator_norm == "spectral":
            spectrally_normalised(self)

    def forward(self, x: Tensor) -> Tensor:
        """[N,in_channels,H,W] -> [N,features]."""
        check_pictures(x, self.in_channels, self.config.size)
        return cast(Tensor, self.layers(x.flatten(1)))

    def _hidden_layer(self, before: int) -> list[nn.Module]:
        config, norm = self.config, _norm(self.config.discriminator_norm, self.features)
        if config.pieces > 1:
            maxout = Maxout(before, self.features, config.pieces)
            maxout.linear = _linear(before, config.units, slope=1.0)
            return [maxout, *norm]
        activation = nn.LeakyReLU(_SLOPE, inplace=True)
        return [_linear(before, config.units, _SLOPE), *norm, activation]


def picture_mlp_head(config: PictureMLPConfig, features: int, outputs: int = 1) -> nn.Module:
    """Return a linear layer on features, initialised and normalised like D's other layers."""
    head = _linear(features, outputs, slope=1.0)
    return spectrally_normalised(head) if config.discriminator_norm == "spectral" else head


def _linear(before: int, after: int, slope: float) -> nn.Linear:
    """Return a layer with weights of variance 2/((1 + slope^2) fan_in); slope 1 without an activation."""
    layer = nn.Linear(before, after)
    nn.init.normal_(layer.weight, 0.0, (2 / ((1 + slope**2) * before)) ** 0.5)
    nn.init.zeros_(layer.bias)
    return layer


def _norm(name: str, units: int) -> list[nn.Module]:
    if name == "batch":
        return [nn.BatchNorm1d(units, eps=1e-5, momentum=0.1)]
    return [nn.LayerNorm(units)] if name == "layer" else []
