"""The networks of the SeqGAN benchmark, and the two ways to make a step of the generator."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqgan_kit.bench.plain_rollout import plain_features, plain_rollout_rewards, plain_samples
from seqgan_kit.bench.side_by_side import timed
from seqgan_kit.sequences.discriminators.prefix_scorer import PrefixScorer
from seqgan_kit.sequences.discriminators.textcnn import TextCNN, TextCNNConfig
from seqgan_kit.sequences.estimators.reinforce import policy_gradient_loss
from seqgan_kit.sequences.estimators.trials import rollout_rewards
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.generators.lstm import LSTMConfig, LSTMGenerator
from seqgan_kit.sequences.generators.rnn_search import RNNSearchConfig, RNNSearchGenerator

Result = TypeVar("Result")


@dataclass(frozen=True)
class SeqGANSetting:
    """Settings of the benchmark; the defaults are those of the SeqGAN paper."""

    batch: int = 64
    length: int = 20
    vocabulary: int = 5000
    rollouts: int = 16
    given: int = 0
    repeats: int = 3
    seed: int = 0


class Stopwatch:
    """A stopwatch for the stages of one step."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)

    def __call__(self, stage: str, work: Callable[[], Result]) -> Result:
        result, seconds = timed(work)
        self.seconds[stage] += seconds
        return result


class Players:
    """The paper's networks with initial weights, and the two ways to make a step.

    The rewarded sequences and the policy that completes them stay the same, so that the rewards of both
    ways can be compared. A copy of the policy is updated.
    """

    def __init__(self, setting: SeqGANSetting, *, attends: bool = False):
        torch.manual_seed(setting.seed)
        words, length = setting.vocabulary, setting.length
        self.setting = setting
        tokens: dict[str, Any] = {"bos": 0, "eos": None, "pad": None, "given": setting.given}
        self.policy: SequenceGenerator = (
            RNNSearchGenerator(RNNSearchConfig(32, 32, 0.0), words, length, **tokens).eval()
            if attends
            else LSTMGenerator(LSTMConfig(), words, length, **tokens)
        )
        self.trunk = TextCNN(TextCNNConfig(), words, setting.given + length, pad=None).eval()
        self.score = nn.Linear(self.trunk.features, 1)
        self.rng = torch.Generator().manual_seed(setting.seed)
        self.given = torch.randint(words, (setting.batch, setting.given), generator=self.rng)
        self.tokens = self.policy.sample(setting.batch, rng=self.rng, given=self.given)
        self.learner = copy.deepcopy(self.policy)
        self.optimizer = torch.optim.Adam(self.learner.parameters(), 1e-2)

    def plain(self, watch: Stopwatch) -> Tensor:
        rollouts, batch = self.setting.rollouts, self.setting.batch
        watch("sampling", lambda: plain_samples(self.policy, batch, rng=self.rng, given=self.given))
        rewards = watch(
            "rollouts",
            lambda: plain_rollout_rewards(
                self.policy, self.tokens, self._plain_reward, rollouts, rng=self.rng
            ),
        )
        watch("update", lambda: self._update(self._plain_log_probs, rewards))
        return rewards

    def fast(self, watch: Stopwatch) -> tuple[Tensor, Tensor]:
        """Return rewards [B,T], and those of all completions [cells,N]."""
        batch = self.setting.batch
        watch("sampling", lambda: self.policy.sample(batch, rng=self.rng, given=self.given))
        # The scorer's tables are rebuilt for every update of the discriminator, so their time
        # counts.
        scorer = WatchedScorer(lambda: PrefixScorer(self.trunk, self._verdict))
        built = scorer.seconds
        rewards, seconds = timed(
            lambda: rollout_rewards(
                self.policy, self.tokens, scorer, self.setting.rollouts, rng=self.rng
            )
        )
        watch.seconds["rollouts"] = seconds - (scorer.seconds - built)
        watch.seconds["discriminator"] = scorer.seconds
        watch("update", lambda: self._update(lambda: self.learner.log_probs(self.tokens), rewards))
        return rewards, torch.cat(scorer.rewards)

    def _verdict(self, features: Tensor) -> Tensor:
        return self.score(features).squeeze(1).sigmoid()

    def _plain_reward(self, tokens: Tensor) -> Tensor:
        return self._verdict(plain_features(self.trunk, tokens))

    def _plain_log_probs(self) -> Tensor:
        logits = self.learner.logits(self.tokens).flatten(0, 1)
        written = self.learner.written(self.tokens)
        log_probs = -F.cross_entropy(logits, written.flatten(), reduction="none")
        return log_probs.view(written.shape)

    def _update(self, log_probs: Callable[[], Tensor], rewards: Tensor) -> None:
        self.optimizer.zero_grad()
        policy_gradient_loss(log_probs(), rewards).backward()
        nn.utils.clip_grad_norm_(self.learner.parameters(), 5.0)
        self.optimizer.step()


class WatchedScorer:
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
