"""Time a whole adversarial step of the generator against the plain way, in turns."""

from __future__ import annotations

import copy
import math
import statistics
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqgan_kit.bench.plain_rollout import (
    plain_features,
    plain_rollout_rewards,
    plain_samples,
)
from seqgan_kit.bench.side_by_side import (
    Seconds,
    machine,
    matrix_flops_per_second,
    ratio_line,
    seconds_line,
    timed,
)
from seqgan_kit.sequences.discriminators.prefix_scorer import PrefixScorer
from seqgan_kit.sequences.discriminators.textcnn import TextCNN, TextCNNConfig
from seqgan_kit.sequences.estimators.reinforce import policy_gradient_loss
from seqgan_kit.sequences.estimators.trials import rollout_rewards
from seqgan_kit.sequences.generators.lstm import LSTMConfig, LSTMGenerator
from seqgan_kit.sequences.sampling.stepper import CHUNK_ROWS

Result = TypeVar("Result")
STAGES = ("sampling", "rollouts", "discriminator", "update")


@dataclass(frozen=True)
class SeqGANSetting:
    """Settings of the benchmark; the defaults are those of the SeqGAN paper."""

    batch: int = 64
    length: int = 20
    vocabulary: int = 5000
    rollouts: int = 16
    repeats: int = 3
    seed: int = 0


@dataclass(frozen=True)
class SeqGANTiming:
    """Seconds of every repetition, and the difference between the two sets of rewards."""

    plain: dict[str, Seconds]
    """Seconds by stage and ``whole``; rollouts of the plain way include its discriminator."""
    fast: dict[str, Seconds]
    matrix_flops: float
    """Floating-point operations of the products in the fast way."""
    matrix_flops_per_second: float
    """Speed of this machine."""
    mean_difference: float
    expected_difference: float


class _Stopwatch:
    """A stopwatch for the stages of one step."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)

    def __call__(self, stage: str, work: Callable[[], Result]) -> Result:
        result, seconds = timed(work)
        self.seconds[stage] += seconds
        return result


class _Players:
    """The paper's networks with initial weights, and the two ways to make a step.

    The rewarded sequences and the policy that completes them stay the same, so that the rewards of both
    ways can be compared. A copy of the policy is updated.
    """

    def __init__(self, setting: SeqGANSetting):
        torch.manual_seed(setting.seed)
        size = (setting.vocabulary, setting.length)
        self.setting = setting
        self.policy = LSTMGenerator(LSTMConfig(), *size, bos=0, eos=None, pad=None)
        self.trunk = TextCNN(TextCNNConfig(), *size, pad=None).eval()
        self.score = nn.Linear(self.trunk.features, 1)
        self.rng = torch.Generator().manual_seed(setting.seed)
        self.tokens = self.policy.sample(setting.batch, rng=self.rng)
        self.learner = copy.deepcopy(self.policy)
        self.optimizer = torch.optim.Adam(self.learner.parameters(), 1e-2)

    def plain(self, watch: _Stopwatch) -> Tensor:
        rollouts, batch = self.setting.rollouts, self.setting.batch
        watch("sampling", lambda: plain_samples(self.policy, batch, rng=self.rng))
        rewards = watch(
            "rollouts",
            lambda: plain_rollout_rewards(
                self.policy, self.tokens, self._plain_reward, rollouts, rng=self.rng
            ),
        )
        watch("update", lambda: self._update(self._plain_log_probs, rewards))
        return rewards

    def fast(self, watch: _Stopwatch) -> tuple[Tensor, Tensor]:
        """Return rewards [B,T], and those of all completions [cells,N]."""
        watch("sampling", lambda: self.policy.sample(self.setting.batch, rng=self.rng))
        # The scorer's tables are rebuilt for every update of the discriminator, so their time
        # counts.
        scorer = _WatchedScorer(lambda: PrefixScorer(self.trunk, self._verdict))
        rewards, seconds = timed(
            lambda: rollout_rewards(
                self.policy, self.tokens, scorer, self.setting.rollouts, rng=self.rng
            )
        )
        watch.seconds["rollouts"] = seconds - scorer.seconds
        watch.seconds["discriminator"] = scorer.seconds
        watch("update", lambda: self._update(lambda: self.learner.log_probs(self.tokens), rewards))
        return rewards, torch.cat(scorer.rewards)

    def _verdict(self, features: Tensor) -> Tensor:
        return self.score(features).squeeze(1).sigmoid()

    def _plain_reward(self, tokens: Tensor) -> Tensor:
        return self._verdict(plain_features(self.trunk, tokens))

    def _plain_log_probs(self) -> Tensor:
        logits = self.learner.logits(self.tokens).flatten(0, 1)
        log_probs = -F.cross_entropy(logits, self.tokens.flatten(), reduction="none")
        return log_probs.view(self.tokens.shape)

    def _update(self, log_probs: Callable[[], Tensor], rewards: Tensor) -> None:
        self.optimizer.zero_grad()
        policy_gradient_loss(log_probs(), rewards).backward()
        nn.utils.clip_grad_norm_(self.learner.parameters(), 5.0)
        self.optimizer.step()


class _WatchedScorer:
    """A wrapper of a scorer that records its seconds and the reward of every completion."""

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
        result, seconds = timed(work)
        self.seconds += seconds
        return result


def time_steps(
    setting: SeqGANSetting, progress: Callable[[str], None] = lambda line: None
) -> SeqGANTiming:
    """Time both steps in turns, ``setting.repeats`` times each, after one warm-up of the fast one."""
    players = _Players(setting)
    players.fast(_Stopwatch())
    plain: defaultdict[str, Seconds] = defaultdict(list)
    fast: defaultdict[str, Seconds] = defaultdict(list)
    for turn in range(1, setting.repeats + 1):
        plain_rewards = _watched(players.plain, plain)
        fast_rewards, completed = _watched(players.fast, fast)
        progress(
            f"turn {turn} of {setting.repeats}: plain {plain['whole'][-1]:.2f} s, "
            f"library {fast['whole'][-1]:.2f} s"
        )
    return SeqGANTiming(
        dict(plain),
        dict(fast),
        matrix_flops(setting, players.trunk.features),
        matrix_flops_per_second(CHUNK_ROWS, players.trunk.features),
        (plain_rewards - fast_rewards)[:, :-1].abs().mean().item(),
        _expected_difference(completed),
    )


def _watched(step: Callable[[_Stopwatch], Result], seconds: defaultdict[str, Seconds]) -> Result:
    watch = _Stopwatch()
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
    floor = timing.matrix_flops / timing.matrix_flops_per_second
    return "\n".join(
        [
            f"one adversarial step of the generator: V={setting.vocabulary}, T={setting.length}, "
            f"batch {setting.batch}, N={setting.rollouts}, {machine()}",
            seconds_line("plain, every prefix replayed", timing.plain["whole"]),
            seconds_line("library", whole),
            ratio_line(timing.plain["whole"], whole),
            *(seconds_line(f"  of which {stage}", timing.fast[stage]) for stage in STAGES),
            f"  floor: {timing.matrix_flops / 1e9:.0f} GFLOP of matrix products at "
            f"{timing.matrix_flops_per_second / 1e9:.0f} GFLOP/s take {floor:.2f} s, "
            f"1/{statistics.median(whole) / floor:.1f} of the library's time",
            f"  mean absolute difference of the two rewards {timing.mean_difference:.5f}; "
            f"{timing.expected_difference:.5f} expected for two Monte-Carlo estimates of one "
            "mean",
        ]
    )
