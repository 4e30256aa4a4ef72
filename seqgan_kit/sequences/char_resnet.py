"""The networks of WGAN-GP on characters: residual blocks of convolutions over a fixed number of positions.

Gulrajani, Ahmed, Arjovsky, Dumoulin, Courville 2017 ("Improved Training of Wasserstein GANs"), section 5.4
and its code: no recurrence, no normalisation; the critic reads one-hots and the generator's softmax alike.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqgan_kit.errors import UsageError

# Residual branches are scaled by it (the paper's code).
_RESIDUAL = 0.3


@dataclass(frozen=True)
class CharResNetConfig:
    """The critic of WGAN-GP on characters; the defaults are the paper's."""

    width: int = 512
    """Channels."""
    blocks: int = 5
    """Residual blocks, each of two convolutions."""
    kernel: int = 5
    """Positions that a convolution sees; odd, so that rows keep their length."""


class CharResNet(nn.Module):
    """A 1x1 convolution from V characters, residual blocks, all positions side by side.

    PAD is a character like any other, as in the paper; the score (the head of ``Discriminator``) is linear
    on the T * width features.

    Args:
        config: width, blocks, kernel.
        vocabulary: V.
        length: T.
        pad: not used; every position is read.
    """

    def __init__(self, config: CharResNetConfig, vocabulary: int, length: int, *, pad: int | None):
        super().__init__()
        check_resnet(config.width, config.blocks, config.kernel)
        self.config, self.length = config, length
        self.features = length * config.width
        self.enter = nn.Linear(vocabulary, config.width)
        he_uniform(self.enter)
        self.blocks = nn.Sequential(
            *(ResidualBlock(config.width, config.kernel) for _ in range(config.blocks))
        )

    def forward(self, tokens: Tensor) -> Tensor:
        """[B,T] ids or [B,T,V] soft one-hots -> features [B,T*width]."""
        if tokens.shape[1] != self.length:
            raise UsageError(
                f"this discriminator reads rows of {self.length} tokens, not of {tokens.shape[1]}."
            )
        if tokens.is_floating_point():
            states = self.enter(tokens)
        else:
            states = F.embedding(tokens, self.enter.weight.t()) + self.enter.bias
        return self.blocks(states).flatten(1)


class ResidualBlock(nn.Module):
    """x + 0.3 * conv(relu(conv(relu(x)))) over positions [B,T,D].

    With ``batch_norm`` each relu is preceded by it.
    """

    def __init__(self, width: int, kernel: int, batch_norm: bool = False):
        super().__init__()
        self.first = PositionConvolution(width, kernel)
        self.second = PositionConvolution(width, kernel)
        self.norms = nn.ModuleList(nn.BatchNorm1d(width) for _ in range(2 * batch_norm))

    def forward(self, states: Tensor) -> Tensor:
        """[B,T,D] -> [B,T,D]."""
        inner = self.first(self._normed(0, states).relu())
        return states + _RESIDUAL * self.second(self._normed(1, inner).relu())

    def _normed(self, layer: int, states: Tensor) -> Tensor:
        if not self.norms:
            return states
        normed: Tensor = self.norms[layer](states.flatten(0, 1))
        return normed.view(states.shape)


class PositionConvolution(nn.Module):
    """A convolution over positions with as many outputs: [B,T,D] -> [B,T,D], zeros beyond both ends.

    Computed as a convolution over a picture of height 1: with the channels innermost, as they lie here,
    oneDNN's is up to a half faster than its one-dimensional one, in its second derivative too.
    """

    def __init__(self, width: int, kernel: int):
        super().__init__()
        self.convolution = nn.Conv2d(width, width, (1, kernel), padding=(0, kernel // 2))
        he_uniform(self.convolution)

    def forward(self, states: Tensor) -> Tensor:
        """[B,T,D] -> [B,T,D]."""
        picture: Tensor = self.convolution(states.transpose(1, 2).unsqueeze(2))
        return picture.squeeze(2).transpose(1, 2)


def he_uniform(layer: nn.Linear | nn.Conv2d) -> None:
    """The paper's code: weights uniform with variance 4 / (fan in + fan out), biases 0."""
    taps = layer.weight[0, 0].numel()
    fans = taps * (layer.weight.shape[0] + layer.weight.shape[1])
    bound = math.sqrt(3 * 4 / fans)
    with torch.no_grad():
        layer.weight.uniform_(-bound, bound)
        if layer.bias is not None:
            layer.bias.zero_()


def check_resnet(width: int, blocks: int, kernel: int) -> None:
    """Refuses what is no residual network over positions."""
    if min(width, blocks, kernel) < 1 or kernel % 2 == 0:
        raise UsageError(
            "a character network needs a width and blocks of at least 1 and an odd kernel, not "
            f"width {width}, blocks {blocks}, kernel {kernel}."
        )
