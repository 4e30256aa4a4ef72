"""REINFORCE for sequences: D's score is the reward of every token that G chose."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, cast

import torch
from torch import Tensor

from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.discriminator import evaluating
from seqgan_kit.core.estimators import RewardKind, check_reward, pool_of_negatives, without_dropout
from seqgan_kit.core.game import Batch, Loss, Move, SplitLoss
from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.estimators.baselines import Baseline, baseline_values, check_baseline
from seqgan_kit.sequences.estimators.leave_one_out import leave_one_out_loss
from seqgan_kit.sequences.estimators.rewards import (
    D_ALONE,
    MixedReward,
    Reward,
    completion_reward,
    null_reward,
    null_rewards,
    sequence_rewards,
)
from seqgan_kit.sequences.estimators.trials import Trials, mean_values, rollout_rewards, try_actions
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.sampling.rollout import RowReward
from seqgan_kit.sequences.sampling.stepper import CHUNK_ROWS


def policy_gradient_loss(log_probs: Tensor, advantages: Tensor) -> Tensor:
    """Return -(1/B) sum_b sum_t log G(y_t | y_<t) * A[b,t], whose gradient is minus REINFORCE's estimate.

    Args:
        log_probs: [B,T], with gradient.
        advantages: [B,T], 0 where there is no token.
    """
    return -(log_probs * advantages.detach()).sum() / len(log_probs)


@dataclass(frozen=True)
class Reinforce:
    """REINFORCE estimator of SeqGAN (Yu et al. 2017, eq. 7).

    grad J = E sum_t grad log G(y_t | y_<t) (Q(y_<t, y_t) - b_t). Q is the mean reward of ``rollouts``
    completions by the rollout policy. The reward of a sequence is minus the objective's generator loss on D's
    score. If the game has the players ``rollout_policy`` and ``negatives``, they are used; otherwise the
    generator itself rolls out, and D's fakes are new samples. Some baselines have their own players
    (``baselines.py``).
    """

    takes_conditions: ClassVar[bool] = True
    rollouts: int = 16
    """Completions per prefix; 0: every token gets the reward of its whole sequence."""
    baseline: Baseline = "none"
    """Baseline subtracted from rewards; all keep the gradient unbiased. batch: mean reward of the other
    sequences at the same position. moving_average: mean over past updates. leave_one_out: mean of the other
    completions of the same prefix, each of which counts as an action. critic: a learned value. self_critical:
    the reward of the sequence that G writes greedily for the same condition."""
    chunk_rows: int = CHUNK_ROWS
    """Rows scored at once; limits memory."""
    reward: RewardKind = "verdict"
    """Source of rewards. verdict: D's score. constant (1 for all; with a baseline G does not change) and
    random (uniform numbers) are controls, whose expected gradient is 0."""
    mix: Reward = D_ALONE
    """Objective and bias that are mixed with the reward; the default leaves it as it is."""
    every: int = 1
    """Number of tokens between the prefixes that are completed; the tokens between share a value. It is not
    read by the baseline leave_one_out."""

    def __post_init__(self) -> None:
        if self.rollouts < 0:
            raise UsageError(f"rollouts is {self.rollouts}; use 0 (none) or more.")
        if self.chunk_rows < 1:
            raise UsageError(f"chunk_rows is {self.chunk_rows}; it must be at least 1.")
        check_baseline(self.baseline, self.rollouts)
        check_reward(self.reward)

    def fakes(
        self, game: AdversarialGame[SequenceGenerator], batch: Batch, n: int, move: Move
    ) -> Tensor:
        """Return fakes for D's update: the next of the pool, or new samples."""
        pool = pool_of_negatives(game)
        return game.draw(n, batch, move.rng) if pool is None else pool.next(n)

    def generator_loss(
        self, game: AdversarialGame[SequenceGenerator], batch: Batch, move: Move
    ) -> Loss:
        """Return the policy-gradient loss on as many new samples as the batch has real ones."""
        split = self.split(game)
        if isinstance(split, SplitLoss):
            return split.mean(split.draw(batch, move), move)
        generator = game.generator
        tokens = game.draw(len(batch["real"]), batch, move.rng)
        mask = generator.token_mask(tokens)
        trials = self.trials(game, tokens, move.rng)
        values = mean_values(trials.rewards, trials.whole, mask)
        with without_dropout(generator):
            loss = leave_one_out_loss(generator, tokens, trials, values)
        return Loss(loss, {"reward": _mean(values, mask)})

    def split(self, game: AdversarialGame[SequenceGenerator]) -> SplitLoss | str:
        """Return the loss in two steps: samples with their advantages, and the mean over samples."""
        if self.baseline == "leave_one_out":
            return "the baseline leave_one_out compares actions that are not samples"
        return SplitLoss(partial(self._samples, game), partial(_sample_loss, game.generator))

    def _samples(
        self, game: AdversarialGame[SequenceGenerator], batch: Batch, move: Move
    ) -> dict[str, Tensor]:
        """Return sampled rows [B,S+T], their action values and advantages [B,T]."""
        tokens = game.draw(len(batch["real"]), batch, move.rng)
        mask = game.generator.token_mask(tokens)
        values = self.action_values(game, tokens, move.rng)
        advantages = values - self.baseline_of(game, tokens, values, move.rng)
        return {"tokens": tokens, "values": values, "advantages": advantages * mask}

    def baseline_of(
        self,
        game: AdversarialGame[SequenceGenerator],
        tokens: Tensor,
        values: Tensor,
        rng: torch.Generator,
    ) -> Tensor:
        """Return the baseline of the action values [B,T] of sampled rows [B,S+T]; it broadcasts to [B,T]."""
        if self.baseline != "self_critical":
            mask = game.generator.token_mask(tokens)
            return baseline_values(self.baseline, game, tokens, values, mask)
        generator = game.generator
        given, row_of = tokens[:1, :0], torch.zeros_like(tokens[:, 0])
        if generator.given:
            given, row_of = tokens[:, : generator.given].unique(dim=0, return_inverse=True)
        greedy = generator.sample(len(given), given=given, rng=rng, top_k=1)
        return replace(self, rollouts=0).action_values(game, greedy, rng)[row_of]

    def action_values(
        self, game: AdversarialGame[SequenceGenerator], tokens: Tensor, rng: torch.Generator
    ) -> Tensor:
        """Return Q [B,T] of the written tokens of sampled rows [B,S+T]."""
        if self.rollouts == 0:
            rewards = sequence_rewards(game, tokens, self.reward, rng, self.chunk_rows, self.mix)
            written = game.generator.written(tokens)
            return rewards.unsqueeze(1).expand(written.shape)
        name = "rollout_policy" if "rollout_policy" in game.players else "generator"
        policy = cast(SequenceGenerator, game.players[name])
        if not self._reads_rows:  # Completions do not change the reward, so none are drawn.
            mask = policy.token_mask(tokens)
            return mean_values(*self._null_rewards(mask, rng), mask)
        with torch.no_grad(), evaluating(game.discriminator):
            reward = self._reward(game, rng)
            return rollout_rewards(
                policy,
                tokens,
                reward,
                self.rollouts,
                rng=rng,
                chunk_rows=self.chunk_rows,
                every=self.every,
            )

    def trials(
        self, game: AdversarialGame[SequenceGenerator], tokens: Tensor, rng: torch.Generator
    ) -> Trials:
        """Return N actions of the generator after every prefix of rows [B,S+T], with their rewards."""
        check_baseline("leave_one_out", self.rollouts, lags="rollout_policy" in game.players)
        generator = game.generator
        known = self._reads_rows
        with torch.no_grad(), evaluating(game.discriminator):
            reward = self._reward(game, rng) if known else _nothing
            tried = try_actions(
                generator, tokens, reward, self.rollouts, rng=rng, chunk_rows=self.chunk_rows
            )
        if known:
            return tried
        return Trials(tried.actions, *self._null_rewards(generator.token_mask(tokens), rng))

    @property
    def _reads_rows(self) -> bool:
        return self.reward == "verdict" or self.mix.reads_rows

    def _reward(self, game: AdversarialGame, rng: torch.Generator) -> RowReward:
        """Return the reward of rows, for completions; it runs D only if D has a share in it."""
        if self.reward != "verdict":
            return MixedReward(null_reward(self.reward, rng), self.mix)
        if not self.mix.weight:
            return self.mix.values
        plain = self.mix == D_ALONE
        return completion_reward(game) if plain else MixedReward(completion_reward(game), self.mix)

    def _null_rewards(self, mask: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return null rewards of N completions per prefix [B,T-1,N], and of the rows [B] with tokens ``mask``
        [B,T]."""
        rows, length = mask.shape
        completed = (rows, length - 1, self.rollouts)
        return (
            null_rewards(self.reward, completed, rng, mask.device) - self.mix.bias,
            null_rewards(self.reward, (rows,), rng, mask.device) - self.mix.bias,
        )


def _sample_loss(generator: SequenceGenerator, samples: Batch, move: Move) -> Loss:
    """Return the policy-gradient loss of some of the samples."""
    tokens, values = samples["tokens"], samples["values"]
    mask = generator.token_mask(tokens)
    with without_dropout(generator):
        log_probs = generator.log_probs(tokens)
    loss = policy_gradient_loss(log_probs, samples["advantages"])
    logs = {"reward": _mean(values, mask), "surprise": -_mean(log_probs, mask)}
    return Loss(loss, logs, items=len(tokens))


def _nothing(rows: Tensor) -> Tensor:
    return torch.zeros(len(rows), device=rows.device)


def _mean(values: Tensor, mask: Tensor) -> Tensor:
    return (values.detach() * mask).sum() / mask.sum()
