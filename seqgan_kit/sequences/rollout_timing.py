"""Measures rollout rewards against the plain loop, both in one run and in turns."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn

from seqgan_kit.sequences.lstm import LSTMConfig, LSTMGenerator
from seqgan_kit.sequences.plain_rollout import plain_rollout_rewards
from seqgan_kit.sequences.prefix_scorer import PrefixScorer
from seqgan_kit.sequences.rollout import rollout_rewards
from seqgan_kit.sequences.sampling import CHUNK_ROWS
from seqgan_kit.sequences.textcnn import TextCNN, TextCNNConfig

Result = TypeVar("Result")


@dataclass(frozen=True)
class RolloutSetting:
    """What is measured; the defaults are the SeqGAN paper's setting."""

    batch: int = 64
    length: int = 20
    vocabulary: int = 5000
    rollouts: int = 16
    repeats: int = 3
    seed: int = 0


@dataclass(frozen=True)
class RolloutTiming:
    """Seconds of every repeat, and how far apart the two sets of rewards are."""

    plain_seconds: list[float]
    fast_seconds: list[float]
    scoring_seconds: list[float]
    """The discriminator's part of ``fast_seconds``."""
    matrix_flops: float
    matrix_flops_per_second: float
    mean_difference: float
    expected_difference: float

    @property
    def ratios(self) -> list[float]:
        """Plain over fast, smallest first."""
        pairs = zip(self.plain_seconds, self.fast_seconds, strict=True)
        return sorted(plain / fast for plain, fast in pairs)

    @property
    def sweep_seconds(self) -> list[float]:
        """What is left of the fast way without the discriminator: sampling completions."""
        pairs = zip(self.fast_seconds, self.scoring_seconds, strict=True)
        return [fast - scoring for fast, scoring in pairs]

    @property
    def floor_seconds(self) -> float:
        """What the matrix products left in the fast way take at this machine's measured rate."""
        return self.matrix_flops / self.matrix_flops_per_second


class _Players:
    """The paper's networks as they are initialised, and the two ways to reward."""

    def __init__(self, setting: RolloutSetting):
        torch.manual_seed(setting.seed)
        size = (setting.vocabulary, setting.length)
        self.setting = setting
        self.policy = LSTMGenerator(LSTMConfig(), *size, bos=0, eos=None, pad=None)
        self.trunk = TextCNN(TextCNNConfig(), *size, pad=None).eval()
        self.score = nn.Linear(self.trunk.features, 1)
        self.rng = torch.Generator().manual_seed(setting.seed)
        self.tokens = self.policy.sample(setting.batch, rng=self.rng)

    def verdict(self, features: Tensor) -> Tensor:
        return self.score(features).squeeze(1).sigmoid()

    def plain(self) -> Tensor:
        def reward(tokens: Tensor) -> Tensor:
            return self.verdict(self.trunk(tokens))

        return plain_rollout_rewards(
            self.policy, self.tokens, reward, self.setting.rollouts, rng=self.rng
        )

    def fast(self) -> tuple[Tensor, _WatchedScorer]:
        # The tables are made anew for every update of the discriminator, so their time counts.
        scorer = _WatchedScorer(lambda: PrefixScorer(self.trunk, self.verdict))
        rewards = rollout_rewards(
            self.policy, self.tokens, scorer, self.setting.rollouts, rng=self.rng
        )
        return rewards, scorer


class _WatchedScorer:
    """Scores as the scorer it makes; keeps the seconds that took, and every completion's reward."""

    def __init__(self, make: Callable[[], PrefixScorer]):
        self.seconds = 0.0
        self.rewards: list[Tensor] = []
        self.scorer = self._watch(make)

    def __call__(self, tokens: Tensor) -> Tensor:
        return self._watch(lambda: self.scorer(tokens))

    def for_originals(self, originals: Tensor) -> Callable[[Tensor, Tensor, int], Tensor]:
        score = self._watch(lambda: self.scorer.for_originals(originals))

        def watched(completions: Tensor, owner: Tensor, kept: int) -> Tensor:
            rewards = self._watch(lambda: score(completions, owner, kept))
            self.rewards.append(rewards)
            return rewards

        return watched

    def _watch(self, work: Callable[[], Result]) -> Result:
        result, seconds = _timed(work)
        self.seconds += seconds
        return result


def time_rollouts(
    setting: RolloutSetting, progress: Callable[[str], None] = lambda line: None
) -> RolloutTiming:
    """Runs both ways in turns, ``setting.repeats`` times each after one warm-up of the fast one."""
    players = _Players(setting)
    players.fast()
    plain, fast, scoring = [], [], []
    for turn in range(1, setting.repeats + 1):
        plain_rewards, seconds = _timed(players.plain)
        plain.append(seconds)
        (fast_rewards, scorer), seconds = _timed(players.fast)
        fast.append(seconds)
        scoring.append(scorer.seconds)
        progress(f"turn {turn} of {setting.repeats}: plain {plain[-1]:.2f} s, fast {seconds:.2f} s")
    return RolloutTiming(
        plain,
        fast,
        scoring,
        _matrix_flops(setting, players.trunk),
        _matrix_rate(players.trunk.features),
        (plain_rewards - fast_rewards)[:, :-1].abs().mean().item(),
        _expected_difference(torch.cat(scorer.rewards)),
    )


def _expected_difference(scores: Tensor) -> float:
    """Mean absolute difference of two means of N normal rewards each, from one set [cells,N] of them."""
    rollouts = scores.shape[1]
    # The mean absolute value of a normal deviate is sqrt(2 / pi) of its standard deviation, and the square
    # root of a variance estimated from N values is too small by c4(N) on average.
    c4 = math.sqrt(2 / (rollouts - 1)) * math.exp(
        math.lgamma(rollouts / 2) - math.lgamma((rollouts - 1) / 2)
    )
    deviation = (2 * scores.var(1) / rollouts).sqrt().mean().item() / c4
    return deviation * math.sqrt(2 / math.pi)


def _timed(work: Callable[[], Result]) -> tuple[Result, float]:
    begin = time.perf_counter()
    result = work()
    return result, time.perf_counter() - begin


def _matrix_flops(setting: RolloutSetting, trunk: TextCNN) -> float:
    """Multiply-adds, times two, of the output projection and of the highway layer."""
    prefixes = setting.batch * (setting.length - 1)
    # A prefix's first tokens share one projection; after that every completion needs one a position.
    steps = setting.batch * setting.rollouts * (setting.length - 1) * (setting.length - 2) / 2
    projection = (prefixes + steps) * LSTMConfig().hidden * setting.vocabulary
    highway = (prefixes * setting.rollouts + setting.batch) * 2 * trunk.features**2
    return 2 * (projection + highway)


def _matrix_rate(features: int) -> float:
    """Measured float32 operations per second of a product of the highway's shape: the best of five."""
    rows, weight = torch.randn(CHUNK_ROWS, features), torch.randn(2 * features, features)
    seconds = [_timed(lambda: nn.functional.linear(rows, weight))[1] for _ in range(6)][1:]
    return 4 * CHUNK_ROWS * features**2 / min(seconds)


def report(setting: RolloutSetting, timing: RolloutTiming) -> str:
    """The figures as text."""
    plain, fast, sweep, scoring = (
        statistics.median(seconds)
        for seconds in (
            timing.plain_seconds,
            timing.fast_seconds,
            timing.sweep_seconds,
            timing.scoring_seconds,
        )
    )
    ratios = timing.ratios
    return "\n".join(
        [
            f"rollout rewards: V={setting.vocabulary}, T={setting.length}, batch {setting.batch}, "
            f"N={setting.rollouts}, {torch.get_num_threads()} threads, torch {torch.__version__}",
            f"  plain loop, prefixes replayed   {plain:8.2f} s (median of {setting.repeats})",
            f"  one sweep, shared windows       {fast:8.2f} s",
            f"  ratio                           {statistics.median(ratios):8.1f}   "
            f"(smallest {ratios[0]:.1f}, largest {ratios[-1]:.1f})",
            f"  of which sampling the sweep     {sweep:8.2f} s",
            f"           the discriminator      {scoring:8.2f} s",
            f"  floor: {timing.matrix_flops / 1e9:.0f} GFLOP of matrix products at "
            f"{timing.matrix_flops_per_second / 1e9:.0f} GFLOP/s {timing.floor_seconds:.2f} s, "
            f"which is 1/{fast / timing.floor_seconds:.1f} of the time taken",
            f"  mean absolute difference of the two rewards {timing.mean_difference:.5f}; "
            f"{timing.expected_difference:.5f} expected of two Monte-Carlo estimates of the same mean",
        ]
    )
