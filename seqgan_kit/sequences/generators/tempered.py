"""A generator at another temperature."""

from __future__ import annotations

import copy

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
