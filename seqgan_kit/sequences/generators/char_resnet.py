"""Residual networks over a fixed number of characters, as in WGAN-GP.

Gulrajani, Ahmed, Arjovsky, Dumoulin, Courville 2017 ("Improved Training of Wasserstein GANs") and their code.
There is no recurrence and no normalisation; the critic reads one-hots and the generator's softmax alike.
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

# Scale of residual branches in the authors' code.
_RESIDUAL = 0.3


@dataclass(frozen=True)
@bounded
class CharResNetConfig:
    """Settings of the critic of WGAN-GP on characters; the defaults are the paper's."""

    width: Size = 512
    """Channels."""
    blocks: Size = 5
    """Residual blocks, each of two convolutions."""
    kernel: Size = 5
    """Positions that a convolution sees; odd, so that rows keep their length."""


class CharResNet(nn.Module):
    """A 1x1 convolution from V characters, residual blocks, and a flattened output.

    PAD is an ordinary character, as in the paper; the score (the head of ``Discriminator``) is linear
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
        """Map [B,T] ids or [B,T,V] soft one-hots to features [B,T*width]."""
        if tokens.shape[1] != self.length:
            raise UsageError(
                f"this discriminator reads rows of {self.length} tokens, but got {tokens.shape[1]}."
            )
        if tokens.is_floating_point():
            states = self.enter(tokens)
        else:
            states = F.embedding(tokens, self.enter.weight.t()) + self.enter.bias
        return self.blocks(states).flatten(1)


@dataclass(frozen=True)
@bounded
class CharResNetGeneratorConfig:
    """Settings of the generator of WGAN-GP on characters; the defaults are the paper's."""

    width: Size = 512
    """Channels."""
    blocks: Size = 5
    """Residual blocks, each of two convolutions."""
    kernel: Size = 5
    """Positions that a convolution sees; odd, so that rows keep their length."""
    latent: Size = 128
    """Dimension of the noise z."""
    batch_norm: bool = False
    """Batch normalisation before every relu (used in the generator of boundary-seeking GAN)."""
    decoding: Literal["likeliest", "drawn"] = "likeliest"
    """How probabilities become characters: the most likely one at every position, so that only the noise
    decides (WGAN-GP), or a random draw at every position (boundary-seeking GAN)."""


class CharResNetGenerator(nn.Module):
    """Noise z ~ N(0, 1) -> linear to T*D -> residual blocks -> 1x1 convolution to V logits per position.

    All positions are generated at once: given z, they are independent of each other. PAD and EOS are ordinary
    characters.

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
        """Map noise [B,Z] to logits [B,T,V]."""
        states = self.blocks(self.enter(noise).view(-1, self.length, self.config.width))
        # As in the other generators, logits are float32: in bfloat16 the most likely character could change.
        with torch.autocast(states.device.type, enabled=False):
            return F.linear(states.float(), self.output.weight, self.output.bias)

    def noise(self, n: int, rng: torch.Generator) -> Tensor:
        """Draw z [n,Z] on the device of ``rng`` and move it to the device of the weights."""
        drawn = torch.randn(n, self.config.latent, generator=rng, device=rng.device)
        return drawn.to(self.enter.weight.device)

    def relaxed(self, n: int, rng: torch.Generator) -> Tensor:
        """Return character probabilities [n,T,V] of ``n`` rows, with gradient."""
        return self(self.noise(n, rng)).softmax(-1)

    def draw_groups(
        self, groups: int, per_group: int, rng: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Draw M rows for each of G noise vectors.

        Returns:
            Samples [G,M,T], and their log-probabilities given z [G,M], with gradient.
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
        """Draw ``n`` rows of ids [n,T], decoded as the settings say; ``chunk_rows`` does not change them."""
        check_sampling_options(temperature, top_k, top_p)
        plain = temperature == 1 and top_k is None and top_p is None
        if self.config.decoding == "likeliest" and not plain:
            raise UsageError(
                "this generator takes the most likely character at every position, so temperature, top_k and "
                "top_p have no effect: leave them out."
            )
        if n < 1 or chunk_rows < 1:
            raise UsageError(
                f"cannot sample {n} rows in chunks of {chunk_rows}: both must be at least 1."
            )
        noise = self.noise(n, rng).split(chunk_rows)
        with torch.no_grad(), evaluating(self):
            if self.config.decoding == "likeliest":
                return torch.cat([self(part).argmax(-1) for part in noise])
            uniforms = draw_uniforms((n, self.length), rng, noise[0].device).split(chunk_rows)
            shape = partial(filter_logits, top_k=top_k, top_p=top_p)
            rows = zip(noise, uniforms, strict=True)
            return torch.cat([_drawn(shape(self(z) / temperature), u) for z, u in rows])


def _drawn(logits: Tensor, uniforms: Tensor) -> Tensor:
    """Draw characters [M,T] from logits [M,T,V] by uniform numbers [M,T]."""
    return tokens_from_uniforms(logits.flatten(0, 1), uniforms.view(-1, 1)).view(uniforms.shape)


class TokenResidualBlock(nn.Module):
    """x + 0.3 * conv(relu(conv(relu(x)))) over positions [B,T,D].

    With ``batch_norm``, batch normalisation precedes each relu.
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

    It is computed as a convolution over an image of height 1. With channels last, as here, oneDNN's 2-d
    convolution is up to a half faster than its 1-d convolution, also in the second derivative.
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
    """Initialise as in the authors' code: uniform weights of variance 4 / (fan in + fan out), biases 0."""
    taps = layer.weight[0, 0].numel()
    fans = taps * (layer.weight.shape[0] + layer.weight.shape[1])
    bound = math.sqrt(3 * 4 / fans)
    with torch.no_grad():
        layer.weight.uniform_(-bound, bound)
        if layer.bias is not None:
            layer.bias.zero_()


def check_resnet(width: int, blocks: int, kernel: int) -> None:
    """Raise UsageError for an invalid width, number of blocks or kernel."""
    if min(width, blocks, kernel) < 1 or kernel % 2 == 0:
        raise UsageError(
            f"width is {width}, blocks is {blocks} and kernel is {kernel}; width and blocks must be at "
            "least 1, and the kernel odd."
        )


def _check_generator(config: CharResNetGeneratorConfig, vocabulary: int, length: int) -> None:
    check_resnet(config.width, config.blocks, config.kernel)
    if vocabulary < 2 or min(length, config.latent) < 1:
        raise UsageError(
            f"the vocabulary is {vocabulary}, the length {length} and the noise dimension {config.latent}; "
            "use at least 2, 1 and 1."
        )
