"""The networks of WGAN-GP on characters: residual blocks of convolutions over a fixed number of positions.

Gulrajani, Ahmed, Arjovsky, Dumoulin, Courville 2017 ("Improved Training of Wasserstein GANs")
and their code: no recurrence, no normalisation; the critic reads one-hots and the generator's softmax alike.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqgan_kit.core.bounds import Size, bounded
from seqgan_kit.core.discriminator import evaluating
from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.sampling.drawing_tokens import check_sampling_options, filter_logits
from seqgan_kit.sequences.sampling.inverse_cdf import draw_uniforms, tokens_from_uniforms
from seqgan_kit.sequences.sampling.stepper import CHUNK_ROWS

# Residual branches are scaled by it (the paper's code).
_RESIDUAL = 0.3


@dataclass(frozen=True)
@bounded
class CharResNetConfig:
    """The critic of WGAN-GP on characters; the defaults are the paper's."""

    width: Size = 512
    """Channels."""
    blocks: Size = 5
    """Residual blocks, each of two convolutions."""
    kernel: Size = 5
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
            *(TokenResidualBlock(config.width, config.kernel) for _ in range(config.blocks))
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


@dataclass(frozen=True)
@bounded
class CharResNetGeneratorConfig:
    """The generator of WGAN-GP on characters; the defaults are the paper's."""

    width: Size = 512
    """Channels."""
    blocks: Size = 5
    """Residual blocks, each of two convolutions."""
    kernel: Size = 5
    """Positions that a convolution sees; odd, so that rows keep their length."""
    latent: Size = 128
    """Dimensions of the noise."""
    batch_norm: bool = False
    """Batch normalisation before every relu (boundary-seeking GAN has it in the generator)."""
    decoding: Literal["likeliest", "drawn"] = "likeliest"
    """How probabilities become characters: the likeliest at every position, so that the noise alone decides
    (WGAN-GP), or a draw at every position (boundary-seeking GAN)."""


class CharResNetGenerator(nn.Module):
    """Noise z ~ N(0, 1) -> linear to T*D -> residual blocks -> 1x1 convolution to V logits a position.

    All positions at once: there is no order of tokens, given z they are independent of each other, and PAD
    and EOS are characters like any other.

    Args:
        config: width, blocks, kernel, noise, decoding.
        vocabulary: V.
        length: T.
    """

    def __init__(self, config: CharResNetGeneratorConfig, vocabulary: int, length: int):
        super().__init__()
        _check_generator(config, vocabulary, length)
        self.config, self.vocabulary, self.length = config, vocabulary, length
        self.enter = nn.Linear(config.latent, length * config.width)
        nn.init.xavier_uniform_(self.enter.weight)
        nn.init.zeros_(self.enter.bias)
        self.blocks = nn.Sequential(
            *(
                TokenResidualBlock(config.width, config.kernel, config.batch_norm)
                for _ in range(config.blocks)
            )
        )
        self.output = nn.Linear(config.width, vocabulary)
        he_uniform(self.output)

    def forward(self, noise: Tensor) -> Tensor:
        """Noise [B,Z] -> logits [B,T,V]."""
        states = self.blocks(self.enter(noise).view(-1, self.length, self.config.width))
        # As in the other generators: in bfloat16 the likeliest character would be another.
        with torch.autocast(states.device.type, enabled=False):
            return F.linear(states.float(), self.output.weight, self.output.bias)

    def noise(self, n: int, rng: torch.Generator) -> Tensor:
        """z [n,Z], drawn where ``rng`` lives and brought to the weights."""
        drawn = torch.randn(n, self.config.latent, generator=rng, device=rng.device)
        return drawn.to(self.enter.weight.device)

    def relaxed(self, n: int, rng: torch.Generator) -> Tensor:
        """Probabilities [n,T,V] of the characters of ``n`` rows, with gradient."""
        return self(self.noise(n, rng)).softmax(-1)

    def draw_groups(
        self, groups: int, per_group: int, rng: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """M draws of every position for each of G noise vectors.

        Returns:
            Samples [G,M,T], and their log-probabilities given their z [G,M], with gradient.
        """
        logits = self(self.noise(groups, rng))
        uniforms = draw_uniforms((groups * self.length, per_group), rng, logits.device)
        drawn = tokens_from_uniforms(logits.detach().flatten(0, 1), uniforms)
        tokens = drawn.view(groups, self.length, per_group)
        log_probs = logits.log_softmax(-1).gather(2, tokens).sum(1)
        return tokens.transpose(1, 2), log_probs

    def sample(
        self,
        n: int,
        *,
        rng: torch.Generator,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        chunk_rows: int = CHUNK_ROWS,
    ) -> Tensor:
        """``n`` rows of ids [n,T], decoded as the settings say; chunks do not change them."""
        check_sampling_options(temperature, top_k, top_p)
        plain = temperature == 1 and top_k is None and top_p is None
        if self.config.decoding == "likeliest" and not plain:
            raise UsageError(
                "this generator takes the likeliest character at every position, and its noise alone makes "
                "rows differ: temperature, top_k and top_p have nothing to act on. Leave them out."
            )
        if n < 1 or chunk_rows < 1:
            raise UsageError(f"cannot sample {n} rows {chunk_rows} at a time: give at least 1.")
        noise = self.noise(n, rng).split(chunk_rows)
        with torch.no_grad(), evaluating(self):
            if self.config.decoding == "likeliest":
                return torch.cat([self(part).argmax(-1) for part in noise])
            uniforms = draw_uniforms((n, self.length), rng, noise[0].device).split(chunk_rows)
            shape = partial(filter_logits, top_k=top_k, top_p=top_p)
            rows = zip(noise, uniforms, strict=True)
            return torch.cat([_drawn(shape(self(z) / temperature), u) for z, u in rows])


def _drawn(logits: Tensor, uniforms: Tensor) -> Tensor:
    """Characters [M,T] of logits [M,T,V] at uniform numbers [M,T]."""
    return tokens_from_uniforms(logits.flatten(0, 1), uniforms.view(-1, 1)).view(uniforms.shape)


class TokenResidualBlock(nn.Module):
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

    Computed as a convolution over an image of height 1: with the channels innermost, as they lie here,
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
    """Refuse what is no residual network over positions."""
    if min(width, blocks, kernel) < 1 or kernel % 2 == 0:
        raise UsageError(
            "a character network needs a width and blocks of at least 1 and an odd kernel, not "
            f"width {width}, blocks {blocks}, kernel {kernel}."
        )


def _check_generator(config: CharResNetGeneratorConfig, vocabulary: int, length: int) -> None:
    check_resnet(config.width, config.blocks, config.kernel)
    if vocabulary < 2 or min(length, config.latent) < 1:
        raise UsageError(
            "a generator needs at least 2 characters, 1 position and 1 dimension of noise, not "
            f"{vocabulary}, {length} and {config.latent}."
        )
