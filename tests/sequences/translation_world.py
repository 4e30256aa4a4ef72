"""A small world of translations: four sources of one word, and the probability of every translation."""

from __future__ import annotations

import torch
from small_worlds import enumerate_sequences
from torch import Tensor

from seqgan_kit.sequences.generators.lstm import LSTMConfig, LSTMGenerator

VOCABULARY, LENGTH, SOURCES = 7, 3, 4


def small_translator() -> LSTMGenerator:
    """An untrained generator of the world."""
    config = LSTMConfig(embedding=8, hidden=24, initial_std=0.3)
    return LSTMGenerator(config, VOCABULARY, LENGTH, bos=1, eos=2, pad=0, given=1)


def translations(generator: LSTMGenerator) -> tuple[Tensor, Tensor]:
    """All rows [4,N,1+T], and p(y | x) [4,N]: one distribution, whose words each source shifts in its way."""
    written = enumerate_sequences(generator)
    rng = torch.Generator().manual_seed(5)
    law = (2.0 * torch.randn(len(written), generator=rng)).softmax(0)
    rows = []
    for x in range(SOURCES):
        shifted = torch.where(written > 2, 3 + (written - 3 + x) % SOURCES, written)
        source = torch.full((len(written), 1), 3 + x)
        rows.append(torch.cat([source, shifted], 1))
    return torch.stack(rows), law.expand(SOURCES, -1)


def forward_kl(generator: LSTMGenerator, rows: Tensor, law: Tensor) -> float:
    """The mean over sources of KL(p(y | x) || G(y | x))."""
    with torch.no_grad():
        log_g = generator.sequence_log_prob(rows.flatten(0, 1)).view_as(law)
    return (law * (law.log() - log_g)).sum(1).mean().item()


def reverse_kl(generator: LSTMGenerator, rows: Tensor, law: Tensor) -> float:
    """The mean over sources of KL(G(y | x) || p(y | x))."""
    with torch.no_grad():
        log_g = generator.sequence_log_prob(rows.flatten(0, 1)).view_as(law)
    return (log_g.exp() * (log_g - law.log())).sum(1).mean().item()
