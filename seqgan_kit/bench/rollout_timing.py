"""Time rollouts of a Transformer against an LSTM, and against rebuilding its caches at every step."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from seqgan_kit.bench.side_by_side import (
    machine,
    matrix_flops_per_second,
    ratio_line,
    seconds_line,
    time_in_turns,
)
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.generators.lstm import LSTMConfig, LSTMGenerator
from seqgan_kit.sequences.generators.transformer import TransformerConfig, TransformerGenerator
from seqgan_kit.sequences.sampling.rollout import complete_prefixes
from seqgan_kit.sequences.sampling.stepper import CHUNK_ROWS, Stepper


@dataclass(frozen=True)
class RolloutSetting:
    """Settings of the benchmark; the networks are the recipes' defaults."""

    batch: int = 16
    length: int = 100
    vocabulary: int = 5000
    rollouts: int = 4
    repeats: int = 1
    seed: int = 0


def without_cache(generator: SequenceGenerator) -> Stepper:
    """Return a stepper that builds a new state at every step and copies it for every completion."""
    return replace(generator.stepper(), cached=None, beginnings=None, most_rows=CHUNK_ROWS)


def transformer_flops(setting: RolloutSetting, config: TransformerConfig) -> float:
    """Return the floating-point operations of the products with weights in a Transformer's completions."""
    cells = setting.batch * (setting.length - 1)
    # The first tokens of a prefix share one projection; then every completion needs one per
    # position.
    steps = cells * (setting.length - 2) / 2 * setting.rollouts
    layers = 12 * config.layers * config.width**2
    projection = config.width * setting.vocabulary
    return 2 * ((steps + cells) * projection + (steps + setting.batch * setting.length) * layers)


@torch.no_grad()
def rollout_report(setting: RolloutSetting) -> str:
    """Time the three ways in turns; return a text."""
    size = (setting.vocabulary, setting.length)
    rng = torch.Generator().manual_seed(setting.seed)
    lstm = LSTMGenerator(LSTMConfig(), *size, bos=0, eos=None, pad=None, rng=rng)
    transformer = TransformerGenerator(
        TransformerConfig(), *size, bos=0, eos=None, pad=None, rng=rng
    ).eval()
    tokens = lstm.sample(setting.batch, rng=rng)

    def complete(stepper: Stepper) -> Tensor:
        fixed = torch.Generator().manual_seed(setting.seed)
        return complete_prefixes(stepper, tokens, setting.rollouts, fixed, CHUNK_ROWS)

    steppers = {
        "lstm": lstm.stepper(),
        "anew": without_cache(transformer),
        "shared": transformer.stepper(),
    }
    same = (complete(steppers["anew"]) == complete(steppers["shared"])).all(3).float().mean().item()
    seconds = time_in_turns(
        {name: lambda s=stepper: complete(s) for name, stepper in steppers.items()},  # type: ignore[misc]
        setting.repeats,
    )
    flops = transformer_flops(setting, transformer.config)
    rate = matrix_flops_per_second(512, setting.vocabulary)
    median = statistics.median(seconds["shared"])
    return "\n".join(
        [
            f"rollouts: V={setting.vocabulary}, T={setting.length}, batch {setting.batch}, "
            f"N={setting.rollouts}, {machine()}",
            seconds_line("LSTM 32/32", seconds["lstm"]),
            seconds_line("Transformer, caches rebuilt", seconds["anew"]),
            seconds_line("Transformer, library", seconds["shared"]),
            ratio_line(seconds["anew"], seconds["shared"]),
            f"  the library's Transformer takes {median / statistics.median(seconds['lstm']):.1f} times as "
            f"long as the LSTM; {same:.2%} of the completions are the same as with rebuilt caches",
            f"  floor: {flops / 1e9:.0f} GFLOP of products with weights at {rate / 1e9:.0f} GFLOP/s take "
            f"{flops / rate:.2f} s, 1/{median * rate / flops:.1f} of the library's time",
        ]
    )
