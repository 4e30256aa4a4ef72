"""Fully connected networks for points in the plane: a generator and two discriminators.

    G: z [N,latent] -> (linear, batch norm or none, ReLU or tanh)* -> linear -> [N,2]
    D, maxout: h <- max over pieces p of (W_p h + b_p), layer by layer (Goodfellow et al. 2013)
    D, tanh:   h <- tanh(W h + b)

relu and maxout are the networks of Lin et al. 2018 (PacGAN; G 4 x 400 with batch norm, D 3 x 200 of 5
pieces, weights ~ N(0, 0.02)), tanh those of Metz et al. 2017 (unrolled GAN; both 2 x 128, orthogonal weights
of gain 1.4). Biases of both start at 0. D has no batch norm, so it fits any penalty.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

from torch import Tensor, nn

from image_gans.networks.blocks.shapes import FromLatents
from seqgan_kit.core.bounds import Size, bounded
from seqgan_kit.core.discriminator import Discriminator

Activation = Literal["relu", "tanh"]
Judge = Literal["maxout", "relu", "tanh"]
Initialisation = Literal["torch", "normal", "orthogonal"]

_DEVIATION = 0.02  # weights_init_std of PacGAN's configs (fjxmlzn/PacGAN)
_GAIN = 1.4  # of the orthogonal initializer in the unrolled GAN's notebook (poolio/unrolled_gan)


@dataclass(frozen=True)
@bounded
class MLPConfig:
    """Settings of a generator of points."""

    latent: Size = 2
    """Dimensions of the latent vector, which is standard normal."""
    width: Size = 400
    """Units of each layer of G."""
    layers: Size = 4
    """Hidden layers of G."""
    activation: Activation = "relu"
    """Activation of G's layers."""
    batch_norm: bool = True
    """Batch norm before each activation of G."""
    initialisation: Initialisation = "torch"
    """Initial weights of G: torch's, normal (0.02, PacGAN) or orthogonal (gain 1.4, unrolled GAN).
    Biases of the last two are 0."""


@dataclass(frozen=True)
@bounded
class JudgeConfig:
    """Settings of a discriminator of points."""

    judge: Judge = "maxout"
    """Layers of D: maxout, or linear with relu or tanh."""
    judge_width: Size = 200
    """Units of each layer of D."""
    judge_layers: Size = 3
    """Hidden layers of D."""
    pieces: Size = 5
    """Linear maps per maxout unit."""
    judge_initialisation: Initialisation = "torch"
    """Initial weights of D: torch's, normal (0.02) or orthogonal (gain 1.4). Biases of the last two
    are 0."""


class MLPGenerator(FromLatents):
    """A generator from latent vectors to points in the plane."""

    def __init__(self, config: MLPConfig):
        super().__init__()
        self.config = config
        layers: list[nn.Module] = []
        before = config.latent
        for _ in range(config.layers):
            layers.append(nn.Linear(before, config.width, bias=not config.batch_norm))
            if config.batch_norm:
                layers.append(nn.BatchNorm1d(config.width, eps=1e-5, momentum=0.1))
            layers.append(_activation(config.activation))
            before = config.width
        self.layers = nn.Sequential(*layers, nn.Linear(before, 2))
        initialise(self, config.initialisation)

    def forward(self, z: Tensor) -> Tensor:
        """[N,latent] -> [N,2]."""
        return cast(Tensor, self.layers(z))


class Maxout(nn.Module):
    """[N,in] -> [N,out]: the largest of several linear maps, unit by unit."""

    def __init__(self, before: int, after: int, pieces: int):
        super().__init__()
        self.linear, self.pieces = nn.Linear(before, after * pieces), pieces

    def forward(self, x: Tensor) -> Tensor:
        # Pieces come first, so that the maximum runs over whole rows, contiguous in memory.
        return self.linear(x).unflatten(1, (self.pieces, -1)).amax(1)


class MLPTrunk(nn.Module):
    """A trunk from points, or packs of points side by side, to features."""

    rows_are_independent = True

    def __init__(self, config: JudgeConfig, points: int = 1):
        super().__init__()
        self.config, self.features = config, config.judge_width
        layers, before = [], 2 * points
        for _ in range(config.judge_layers):
            layers += _judge_layer(config, before)
            before = config.judge_width
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """[N,2*points] -> [N,features]."""
        return cast(Tensor, self.layers(x))


def mlp_discriminator(config: JudgeConfig, packing: int = 1) -> Discriminator:
    """Return trunk and score; with ``packing`` it scores that many points at once."""
    trunk = MLPTrunk(config, packing)
    discriminator = Discriminator(trunk, trunk.features)
    initialise(discriminator, config.judge_initialisation)
    return discriminator


def initialise(module: nn.Module, how: Initialisation) -> None:
    """Initialise linear layers from torch's global generator, with biases 0; ``torch`` changes nothing."""
    for layer in (m for m in module.modules() if isinstance(m, nn.Linear) and how != "torch"):
        if how == "normal":
            nn.init.normal_(layer.weight, std=_DEVIATION)
        else:
            nn.init.orthogonal_(layer.weight, gain=_GAIN)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


def _judge_layer(config: JudgeConfig, before: int) -> list[nn.Module]:
    if config.judge == "maxout":
        return [Maxout(before, config.judge_width, config.pieces)]
    return [nn.Linear(before, config.judge_width), _activation(config.judge)]


def _activation(name: str) -> nn.Module:
    return nn.Tanh() if name == "tanh" else nn.ReLU(inplace=True)
