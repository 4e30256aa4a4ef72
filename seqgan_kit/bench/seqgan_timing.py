"""Time a whole adversarial step of the generator against the plain way, in turns."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from torch import Tensor

from seqgan_kit.bench.seqgan_players import Players, SeqGANSetting, Stopwatch
from seqgan_kit.bench.side_by_side import (
    Seconds,
    floor_line,
    machine,
    ratio_line,
    seconds_line,
    timed,
)
from seqgan_kit.sequences.generators.lstm import LSTMConfig
from seqgan_kit.sequences.sampling.stepper import CHUNK_ROWS

Result = TypeVar("Result")
STAGES = ("sampling", "rollouts", "discriminator", "update")


@dataclass(frozen=True)
class SeqGANTiming:
    """Seconds of every repetition, and the difference between the two sets of rewards."""

    plain: dict[str, Seconds]
    """Seconds by stage and ``whole``; rollouts of the plain way include its discriminator."""
    fast: dict[str, Seconds]
    matrix_flops: float
    """Floating-point operations of the products in the fast way."""
    features: int
    """F: most of them are products of this width."""
    mean_difference: float
    expected_difference: float
    others: dict[str, Seconds]
    """With given tokens: seconds of the unconditional step, and of one with attention to the source."""


def time_steps(
    setting: SeqGANSetting, progress: Callable[[str], None] = lambda line: None
) -> SeqGANTiming:
    """Time both steps in turns, ``setting.repeats`` times each, after one warm-up of the fast one."""
    players = Players(setting)
    players.fast(Stopwatch())
    others = _others(setting)
    for other in others.values():
        other.fast(Stopwatch())
    beside: defaultdict[str, Seconds] = defaultdict(list)
    plain: defaultdict[str, Seconds] = defaultdict(list)
    fast: defaultdict[str, Seconds] = defaultdict(list)
    for turn in range(1, setting.repeats + 1):
        plain_rewards = _watched(players.plain, plain)
        fast_rewards, completed = _watched(players.fast, fast)
        for name, other in others.items():
            beside[name].append(timed(lambda o=other: o.fast(Stopwatch()))[1])  # type: ignore[misc]
        progress(
            f"turn {turn} of {setting.repeats}: plain {plain['whole'][-1]:.2f} s, "
            f"library {fast['whole'][-1]:.2f} s"
        )
    return SeqGANTiming(
        dict(plain),
        dict(fast),
        matrix_flops(setting, players.trunk.features),
        players.trunk.features,
        (plain_rewards - fast_rewards)[:, :-1].abs().mean().item(),
        _expected_difference(completed),
        dict(beside),
    )


def _others(setting: SeqGANSetting) -> dict[str, Players]:
    """Return the players whose steps are timed beside one with given tokens."""
    if not setting.given:
        return {}
    return {
        "unconditional, library": Players(replace(setting, given=0)),
        "rnn_search 32/32, library": Players(setting, attends=True),
    }


def _watched(step: Callable[[Stopwatch], Result], seconds: defaultdict[str, Seconds]) -> Result:
    watch = Stopwatch()
    result, whole = timed(lambda: step(watch))
    for stage, taken in {**watch.seconds, "whole": whole}.items():
        seconds[stage].append(taken)
    return result


def _expected_difference(scores: Tensor) -> float:
    """Return the expected absolute difference of two means of N normal rewards each, from rewards
    [cells,N].
    """
    rollouts = scores.shape[1]
    # The mean absolute value of a normal variable is sqrt(2 / pi) of its standard deviation. The
    # square root of a variance estimated from N values is too small by c4(N) on average.
    c4 = math.sqrt(2 / (rollouts - 1)) * math.exp(
        math.lgamma(rollouts / 2) - math.lgamma((rollouts - 1) / 2)
    )
    deviation = (2 * scores.var(1) / rollouts).sqrt().mean().item() / c4
    return deviation * math.sqrt(2 / math.pi)


def matrix_flops(setting: SeqGANSetting, features: int) -> float:
    """Return the floating-point operations of the output layer and the highway layer in one step."""
    tokens, prefixes = setting.batch * setting.length, setting.batch * (setting.length - 1)
    # The first tokens of a prefix share one projection; then every completion needs one per
    # position.
    steps = setting.batch * setting.rollouts * (setting.length - 1) * (setting.length - 2) / 2
    # Sampling projects every token once; the update needs that product and two for the gradients.
    rows = (1 + 3) * tokens + prefixes + steps
    highway = (prefixes * setting.rollouts + setting.batch) * 2 * features**2
    return 2 * (rows * LSTMConfig().hidden * setting.vocabulary + highway)


def report(setting: SeqGANSetting, timing: SeqGANTiming) -> str:
    """Return the figures as text."""
    whole = timing.fast["whole"]
    return "\n".join(
        [
            f"one adversarial step of the generator: V={setting.vocabulary}, T={setting.length}, "
            f"batch {setting.batch}, N={setting.rollouts}, {_given(setting)}{machine()}",
            seconds_line("plain, every prefix replayed", timing.plain["whole"]),
            seconds_line("library", whole),
            ratio_line(timing.plain["whole"], whole),
            *(seconds_line(f"  of which {stage}", timing.fast[stage]) for stage in STAGES),
            *_beside(timing),
            floor_line(timing.matrix_flops, timing.features, whole, CHUNK_ROWS),
            f"  mean absolute difference of the two rewards {timing.mean_difference:.5f}; "
            f"{timing.expected_difference:.5f} expected for two Monte-Carlo estimates of one "
            "mean",
        ]
    )


def _given(setting: SeqGANSetting) -> str:
    return f"S={setting.given}, " if setting.given else ""


def _beside(timing: SeqGANTiming) -> list[str]:
    """Return the lines of the other steps, each beside the unconditional one."""
    lines = [seconds_line(name, seconds) for name, seconds in timing.others.items()]
    if lines:
        alone, attending = (statistics.median(seconds) for seconds in timing.others.values())
        ratios = statistics.median(timing.fast["whole"]) / alone, attending / alone
        lines.append(
            f"  a step with given tokens takes {ratios[0]:.2f} times the unconditional one, with attention "
            f"to the source {ratios[1]:.2f} times"
        )
    return lines
