"""Deep convolutional generator and discriminator (Radford et al. 2016, "Unsupervised representation learning
with deep convolutional generative adversarial networks", section 3).

Resolution doubles or halves by strided convolutions alone, from 4x4 to any power of two up to 256:

    G: z [N,latent] -> linear -> [N,c,4,4] -> (transposed convolution, norm, activation)* -> tanh
    D: [N,C,H,W] -> (convolution, norm, activation)* -> [N,c,4,4] -> flatten

The norms of G and D are independent settings, so that D also works as a critic with a gradient penalty,
where each image's score must depend on that image alone.

Differs from the paper: kernels of 4 with stride 2 in place of 5, which cover every pixel equally often and so
leave no checkerboard; normal latents in place of uniform ones, so that any rotation of the latent space looks
the same to G and spherical interpolation stays where G was trained; channels stop growing at 8 times the
width, the paper's own ratio at 64 pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, cast, get_args

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from image_gans.networks.blocks.norms import (
    BY_REFERENCE,
    DiscriminatorNorm,
    GeneratorNorm,
    norm_layer,
)
from image_gans.networks.blocks.shapes import FromLatents, check_pictures, check_shape
from image_gans.networks.blocks.spectral import spectrally_normalised
from image_gans.networks.blocks.virtual_norm import REFERENCE_SAMPLES
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.errors import unknown

Variant = Literal["batchnorm", "selu"]
Network = Literal["generator", "discriminator"]

_KERNEL, _STRIDE = 4, 2
_SLOPES = {"generator": 0.0, "discriminator": 0.2}  # slope of LeakyReLU (section 3, figure 1)
_LARGEST_MULTIPLE = 8  # 1024 channels at 4x4 over 128 at 32x32 (figure 1 of the paper)


@dataclass(frozen=True)
class DCGANConfig:
    """Settings of both networks."""

    size: int = 32
    """Height and width of the images in pixels: 16, 32, 64, 128 or 256."""
    channels: int = 3
    """Colour channels: 1 (grayscale) or 3 (RGB)."""
    latent: int = 100
    """Dimensions of the latent vector z (100 in the paper)."""
    width: int = 64
    """Channels of the layer next to the image (128 in the paper); doubles towards 4x4, up to 8 times."""
    variant: Variant = "batchnorm"
    """batchnorm: as in the paper. selu: self-normalising activations and no normalisation layers."""
    generator_norm: GeneratorNorm = "auto"
    """Normalisation of G's layers; auto: batch, or none for selu. virtual and reference: by a batch that is
    fixed once, with or without the image itself."""
    discriminator_norm: DiscriminatorNorm = "auto"
    """Normalisation of D's layers; auto: batch, or none for selu."""

    def __post_init__(self) -> None:
        widths = {"latent": self.latent, "width": self.width}
        check_shape("a DCGAN", self.size, self.channels, widths)
        if self.variant not in get_args(Variant):
            raise unknown("DCGAN variant", self.variant, get_args(Variant))
        for name, norm, known in (
            ("generator norm", self.generator_norm, get_args(GeneratorNorm)),
            ("discriminator norm", self.discriminator_norm, get_args(DiscriminatorNorm)),
        ):
            if norm not in known:
                raise unknown(name, norm, known)

    @property
    def hidden(self) -> tuple[int, ...]:
        """Channels from the layer at 4x4 up to the one next to the image."""
        doublings = int(math.log2(self.size)) - 2
        return tuple(
            self.width * min(_LARGEST_MULTIPLE, 2**level) for level in reversed(range(doublings))
        )

    def norm(self, network: Network) -> str:
        """Return the norm of the network's layers, with ``auto`` resolved."""
        chosen = self.generator_norm if network == "generator" else self.discriminator_norm
        return {"batchnorm": "batch", "selu": "none"}[self.variant] if chosen == "auto" else chosen


class DCGANGenerator(FromLatents):
    """A generator from latent vectors to images in [-1,1].

    In training mode batch norm uses the batch's own statistics. In evaluation mode it uses the running ones,
    so that an image depends on its latent vector alone and not on the rest of the batch.
    """

    reference: Tensor | None

    def __init__(self, config: DCGANConfig):
        super().__init__()
        self.config = config
        first, *rest = config.hidden
        # Batch norm subtracts the mean, so a bias before it would do nothing.
        bias = config.norm("generator") != "batch"
        self.project = nn.Linear(config.latent, first * 16, bias=bias)
        layers = _normalise_and_activate(first, config, "generator")
        for before, after in zip(config.hidden, rest, strict=False):
            layers.append(_upsample(before, after, bias=bias))
            layers += _normalise_and_activate(after, config, "generator")
        # No batch norm at the output: images may differ in mean and contrast (section 3).
        self.layers = nn.Sequential(*layers, _upsample(config.hidden[-1], config.channels))
        initialise(self, config, "generator")
        by_reference = config.norm("generator") in BY_REFERENCE
        fixed = torch.randn(REFERENCE_SAMPLES, config.latent) if by_reference else None
        self.register_buffer("reference", fixed)

    def forward(self, z: Tensor) -> Tensor:
        """[N,latent] -> [N,C,H,W] in [-1,1]."""
        return self.before_tanh(z).tanh()

    def before_tanh(self, z: Tensor) -> Tensor:
        """[N,latent] -> [N,C,H,W], not yet squashed."""
        if self.reference is not None:
            z = torch.cat([self.reference.to(z), z])
        pictures = cast(Tensor, self.layers(self.project(z).view(len(z), -1, 4, 4)))
        return pictures if self.reference is None else pictures[len(self.reference) :]


class DCGANTrunk(nn.Module):
    """A trunk from images to features, for a :class:`~seqgan_kit.core.discriminator.Discriminator`.

    Args:
        config: the shape.
        in_channels: channels of the input, if it is not a single image (several stacked, labels as planes).
    """

    def __init__(self, config: DCGANConfig, in_channels: int | None = None):
        super().__init__()
        self.config, self.in_channels = config, in_channels or config.channels
        norm = config.norm("discriminator")
        self.rows_are_independent = norm != "batch"
        *rest, last = channels = config.hidden[::-1]
        # No norm after the input layer: it would hide the image's own mean and contrast (section 3).
        layers = [
            _downsample(self.in_channels, channels[0]),
            _activation(config.variant, "discriminator"),
        ]
        for before, after in zip(rest, channels[1:], strict=True):
            layers.append(_downsample(before, after, bias=norm not in ("batch", "instance")))
            layers += _normalise_and_activate(after, config, "discriminator")
        self.layers = nn.Sequential(*layers, nn.Flatten())
        self.features = last * 16
        initialise(self, config, "discriminator")
        if norm == "spectral":
            spectrally_normalised(self)

    def forward(self, x: Tensor) -> Tensor:
        """[N,in_channels,H,W] -> [N,features]."""
        check_pictures(x, self.in_channels, self.config.size)
        return cast(Tensor, self.layers(x))


def dcgan_head(config: DCGANConfig, features: int, outputs: int = 1) -> nn.Module:
    """Return a linear layer on features, initialised and normalised like D's other layers."""
    head = nn.Linear(features, outputs)
    initialise(head, config, "discriminator")
    return spectrally_normalised(head) if config.norm("discriminator") == "spectral" else head


def dcgan_discriminator(config: DCGANConfig) -> Discriminator:
    """Return a discriminator with trunk and score."""
    trunk = DCGANTrunk(config)
    return Discriminator(trunk, trunk.features, score=dcgan_head(config, trunk.features))


def initialise(module: nn.Module, config: DCGANConfig, network: Network) -> None:
    """Draw new weights from torch's global random generator, as torch modules do; set biases to 0.

    batchnorm: weights with deviation 0.02 (section 4), batch norm's scales 1 with deviation 0.02 as in the
    authors' code.

    selu: weights with variance 1/fan_in. Without normalisation layers, SELU's fixed point of mean 0 and
    variance 1 keeps activations in scale through the depth. It exists only for weights of that variance
    (Klambauer et al. 2017, "Self-normalizing neural networks", theorem 1 and "Initialization"). A
    deviation of 0.02 would shrink the signal in every layer.

    No norm and no selu: variance 2/((1 + slope^2) fan_in) for the same reason (He et al. 2015, "Delving deep
    into rectifiers", eq. 15).
    """
    plain = config.norm(network) == "none"
    for child in module.modules():
        if isinstance(child, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            gain = 1.0 if config.variant == "selu" else (2 / (1 + _SLOPES[network] ** 2)) ** 0.5
            scaled = plain or config.variant == "selu"
            deviation = gain * fan_in(child) ** -0.5 if scaled else 0.02
            nn.init.normal_(child.weight, 0.0, deviation)
            if child.bias is not None:
                nn.init.zeros_(child.bias)
        elif isinstance(child, _BatchNorm):
            nn.init.normal_(child.weight, 1.0, 0.02)
            nn.init.zeros_(child.bias)


def fan_in(layer: nn.Linear | nn.Conv2d | nn.ConvTranspose2d) -> int:
    """Return how many inputs are summed into one output, away from the border.

    A transposed convolution of kernel k and stride s sums in * (k/s)^2 inputs, not the out * k^2 that
    torch.nn.init infers from the shape of its weight.
    """
    if isinstance(layer, nn.Linear):
        return layer.in_features
    taps = math.prod(layer.kernel_size)
    if isinstance(layer, nn.ConvTranspose2d):
        taps //= math.prod(layer.stride)
    return layer.in_channels * taps


def _upsample(before: int, after: int, bias: bool = True) -> nn.Module:
    return nn.ConvTranspose2d(before, after, _KERNEL, _STRIDE, padding=1, bias=bias)


def _downsample(before: int, after: int, bias: bool = True) -> nn.Module:
    return nn.Conv2d(before, after, _KERNEL, _STRIDE, padding=1, bias=bias)


def _activation(variant: Variant, network: Network) -> nn.Module:
    if variant == "selu":
        return nn.SELU(inplace=True)
    slope = _SLOPES[network]
    return nn.LeakyReLU(slope, inplace=True) if slope else nn.ReLU(inplace=True)


def _normalise_and_activate(
    channels: int, config: DCGANConfig, network: Network
) -> list[nn.Module]:
    norm = norm_layer(config.norm(network), channels)
    return [*norm, _activation(config.variant, network)]
