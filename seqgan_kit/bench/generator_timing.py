"""Time maximum likelihood and sampling against plain implementations, in turns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqgan_kit.bench.plain_rollout import plain_samples
from seqgan_kit.bench.side_by_side import machine, ratio_line, seconds_line, time_in_turns
from seqgan_kit.sequences.generators.lstm import LSTMConfig, LSTMGenerator
from seqgan_kit.sequences.maximum_likelihood import negative_log_likelihood


@dataclass(frozen=True)
class GeneratorSetting:
    """Settings of the benchmark; the defaults are those of the SeqGAN paper."""

    batch: int = 64
    """Sequences per batch, in training or sampling."""
    length: int = 20
    vocabulary: int = 5000
    hidden: int = 32
    """Width of the LSTM and of the embeddings."""
    repeats: int = 20
    seed: int = 0

    def build(self) -> LSTMGenerator:
        """Return a generator with initial weights."""
        config = LSTMConfig(self.hidden, self.hidden)
        rng = torch.Generator().manual_seed(self.seed)
        size = (self.vocabulary, self.length)
        return LSTMGenerator(config, *size, bos=0, eos=None, pad=None, rng=rng)

    def title(self, what: str) -> str:
        """Return the settings in one line."""
        return (
            f"{what}: LSTM {self.hidden}/{self.hidden}, V={self.vocabulary}, T={self.length}, "
            f"batch {self.batch}, {machine()}"
        )


def likelihood_report(setting: GeneratorSetting) -> str:
    """Time steps of maximum likelihood: loss, gradients, clipping at norm 5, Adam."""
    rng = torch.Generator().manual_seed(setting.seed)
    tokens = torch.randint(setting.vocabulary, (setting.batch, setting.length), generator=rng)
    ways = {
        "plain": _training_step(setting, plain_nll, tokens),
        "library": _training_step(setting, negative_log_likelihood, tokens),
    }
    seconds = time_in_turns(ways, setting.repeats)
    return "\n".join(
        [
            setting.title("maximum likelihood"),
            seconds_line("plain, Linear and cross_entropy", seconds["plain"], setting.batch),
            seconds_line("library, fused", seconds["library"], setting.batch),
            ratio_line(seconds["plain"], seconds["library"]),
        ]
    )


def sampling_report(setting: GeneratorSetting) -> str:
    """Time sampling of whole sequences, without gradients."""
    generator, rng = setting.build(), torch.Generator().manual_seed(setting.seed)
    ways = {
        "plain": lambda: plain_samples(generator, setting.batch, rng=rng),
        "library": lambda: generator.sample(setting.batch, rng=rng),
    }
    seconds = time_in_turns(ways, setting.repeats)
    return "\n".join(
        [
            setting.title("sampling"),
            seconds_line("plain, softmax and multinomial", seconds["plain"], setting.batch),
            seconds_line("library", seconds["library"], setting.batch),
            ratio_line(seconds["plain"], seconds["library"]),
        ]
    )


def plain_nll(generator: LSTMGenerator, tokens: Tensor) -> Tensor:
    """Return the mean negative log-probability of a token, through [B,T,V] logits."""
    return F.cross_entropy(generator.logits(tokens).flatten(0, 1), tokens.flatten())


def _training_step(
    setting: GeneratorSetting, loss: Callable[[LSTMGenerator, Tensor], Tensor], tokens: Tensor
) -> Callable[[], None]:
    generator = setting.build()
    parameters = list(generator.parameters())
    optimizer = torch.optim.Adam(parameters, 1e-2)

    def step() -> None:
        optimizer.zero_grad()
        loss(generator, tokens).backward()
        nn.utils.clip_grad_norm_(parameters, 5.0)
        optimizer.step()

    return step
