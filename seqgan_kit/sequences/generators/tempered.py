"""A generator at another temperature."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.sampling.drawing_tokens import check_sampling_options


def tempered(generator: SequenceGenerator, temperature: float) -> SequenceGenerator:
    """Return a copy of the generator whose logits are divided by a temperature.

    Its samples and probabilities are those of the generator at that temperature.
    """
    check_sampling_options(temperature, None, None)
    copied = copy.deepcopy(generator)
    copied.scale_logits(1 / temperature)
    return copied


class TemperedSamples(nn.Module):
    """Samples of a generator at a temperature, where probabilities at it are unknown."""

    def __init__(self, generator: nn.Module, temperature: float):
        super().__init__()
        check_sampling_options(temperature, None, None)
        self.generator, self.temperature = generator, temperature

    def sample(self, n: int, *, rng: torch.Generator, given: Tensor | None = None) -> Tensor:
        """Draw token rows [n,S+T] after conditions [n,S]."""
        drawn: Tensor = self.generator.sample(  # type: ignore[operator]
            n, rng=rng, given=given, temperature=self.temperature
        )
        return drawn


def at_temperature(generator: nn.Module, temperature: float) -> nn.Module:
    """Return the generator at a temperature, with probabilities where it writes token by token."""
    if isinstance(generator, SequenceGenerator):
        return tempered(generator, temperature)
    return TemperedSamples(generator, temperature)
