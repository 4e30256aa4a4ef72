"""MaliGAN's estimator: samples of G with importance weights (Che et al. 2017).

With r = D/(1-D) and the optimal D, r = p_data/g. So samples x_i of G with weights r_i / sum r replace samples
of the data, and maximising their weighted log-likelihood minimises KL(p_data || G). This is maximum
likelihood on sequences that G wrote itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.discriminator import evaluating
from seqgan_kit.core.estimators import (
    RewardKind,
    check_reward,
    effective_sample_size,
    importance_weights,
    pool_of_negatives,
    without_dropout,
)
from seqgan_kit.core.game import Batch, Loss, Move
from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.estimators.rewards import (
    D_ALONE,
    MixedReward,
    Reward,
    null_reward,
    null_rewards,
    scored_completions,
)
from seqgan_kit.sequences.estimators.trials import mean_values, try_actions
from seqgan_kit.sequences.fine_tuning import ADVERSARIAL
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.sampling.prefixes import continue_prefixes
from seqgan_kit.sequences.sampling.rollout import RowReward
from seqgan_kit.sequences.sampling.stepper import CHUNK_ROWS


def kept_tokens(progress: float, kept: int, step: int) -> int:
    """Return the number of real tokens kept: ``kept``, ``kept - step``, ..., 0, each for an equal part of the
    phase.

    So in the last part, which includes the last round, G writes whole sequences.
    """
    levels = math.ceil(kept / step) + 1
    return max(0, kept - step * min(int(progress * levels), levels - 1))


def position_weights(log_ratios: Tensor, mask: Tensor, groups: int = 1) -> Tensor:
    """Return Q[b,t] / sum_b Q[b,t]: weights [B,T] that sum to 1 over each group of rows at every position.

    After its end, a sequence still counts with its own r. Otherwise its weight would go to longer sequences,
    and G would learn to write long ones.

    Args:
        log_ratios: [B,T], log Q: Q is the mean r of the completions of each prefix, and at the end of a
            sequence its own r.
        mask: [B,T], True on tokens.
        groups: number of groups; they are consecutive rows and equally large.
    """
    own = log_ratios.gather(1, mask.sum(1, keepdim=True) - 1)
    counted = torch.where(mask, log_ratios, own).unflatten(0, (groups, -1))
    return importance_weights(counted, dim=1).flatten(0, 1)


def weighted_likelihood(
    log_probs: Tensor, weights: Tensor, baseline: float, dim: int = -1
) -> Tensor:
    """Return sum_m (w_m - b/M) log_probs_m over ``dim``; the weights sum to 1 and get no gradient."""
    return (log_probs * (weights.detach() - baseline / weights.shape[dim])).sum(dim)


@dataclass(frozen=True)
class ImportanceWeighted:
    """Importance-weighted estimator of MaliGAN (Che et al. 2017).

    grad = E sum_i (r_i / sum_j r_j - b/m) grad log G(x_i), with r = D/(1-D) and x_1 ... x_m drawn from G.
    With rollouts, r is averaged over the completions of every prefix, so that each token has its own weight.
    With ``kept`` tokens (the paper's mixed training), the first N tokens of real sequences are learned by
    maximum likelihood. G continues each such prefix M times, and the weights are normalised over these
    continuations. Both together are the paper's MaliGAN-full: a token that G wrote after a real prefix is
    compared with the tokens at the same position in the other continuations of that prefix.

    With conditions, G writes M rows per condition, and the weights are normalised over these rows, whether or
    not real target tokens are kept.

    Interpretation of the paper: its weights sum to 1 and its b goes to 1, which would push down every sample
    but one. Here b is in units of the mean weight 1/m, so that b = 1 subtracts the mean of the weights. A
    fixed b does not change the expected gradient. D's half of the objective must be a cross-entropy; G's half
    is not used.
    """

    takes_conditions: ClassVar[bool] = True
    rollouts: int = 0
    """Completions per prefix; 0: every token gets the weight of its sequence."""
    kept: int = 0
    """N: real tokens kept in the first round, at most all but one; 0: train only on G's sequences."""
    kept_step: int = 5
    """K: step by which N falls to 0, in equal parts of the phase."""
    continuations: int = 8
    """M: continuations per kept prefix."""
    baseline_end: float = 1.0
    """b in the last round, in units of the mean weight; it rises linearly from 0."""
    reward: RewardKind = "verdict"
    """Source of r. verdict: D's output. constant (1 for all) and random (uniform numbers) are controls."""
    chunk_rows: int = CHUNK_ROWS
    """Rows scored at once; limits memory."""
    mix: Reward = D_ALONE
    """Objective that is mixed with D's logit, log r = lambda (log D/(1-D) - b) + (1 - lambda) objective, so
    that weighted samples follow g(x) (D/(1-D))^lambda exp((1 - lambda) objective(x)), normalised. The bias b
    cancels."""

    def __post_init__(self) -> None:
        least_of = {"rollouts": 0, "kept": 0, "kept_step": 1, "continuations": 2, "chunk_rows": 1}
        for name, least in least_of.items():
            if getattr(self, name) < least:
                raise UsageError(f"{name} is {getattr(self, name)}; it must be at least {least}.")
        check_reward(self.reward)

    def kept_at(self, move: Move, length: int) -> int:
        """Return N in the update's round, for sequences of ``length`` tokens."""
        return kept_tokens(move.progress, min(self.kept, length - 1), self.kept_step)

    def kept_of_fakes(self, game: AdversarialGame[SequenceGenerator], move: Move) -> int:
        """Return the number of real tokens at the start of D's fakes; if it is above 0, D reads no pool."""
        generator = game.generator
        return self.kept_at(move, generator.length) if move.phase == ADVERSARIAL else 0

    def fakes(
        self, game: AdversarialGame[SequenceGenerator], batch: Batch, n: int, move: Move
    ) -> Tensor:
        """Return fakes for D: each real prefix continued once in mixed training, later G's own sequences."""
        kept = self.kept_of_fakes(game, move)
        if kept:
            generator = game.generator
            prefixes = batch["real"][:n, : generator.given + kept]
            return continue_prefixes(
                generator, prefixes, 1, rng=move.rng, chunk_rows=self.chunk_rows
            ).squeeze(1)
        pool = pool_of_negatives(game)
        return game.draw(n, batch, move.rng) if pool is None else pool.next(n)

    def generator_loss(
        self, game: AdversarialGame[SequenceGenerator], batch: Batch, move: Move
    ) -> Loss:
        """Return the loss on continued prefixes in mixed training, later on as many of G's sequences as
        reals."""
        generator = game.generator
        kept = self.kept_at(move, generator.length)
        baseline = self.baseline_end * move.progress
        with without_dropout(generator):
            if kept or generator.given:
                prefixes = batch["real"][:, : generator.given + kept]
                loss, size = self._mixed(game, prefixes, baseline, move.rng)
            else:
                tokens = game.draw(len(batch["real"]), batch, move.rng)
                loss, size = self._free(game, tokens, baseline, move.rng)
        logs: dict[str, Tensor | float] = {"generator_loss": loss, "effective_sample_size": size}
        return Loss(loss, logs | ({"kept_tokens": float(kept)} if self.kept else {}))

    def _free(
        self,
        game: AdversarialGame[SequenceGenerator],
        tokens: Tensor,
        baseline: float,
        rng: torch.Generator,
    ) -> tuple[Tensor, Tensor]:
        """Return loss and effective sample size for sampled sequences [B,T] without conditions."""
        generator = game.generator
        mask, log_probs = generator.token_mask(tokens), generator.log_probs(tokens)
        log_ratios = self.log_ratios(game, tokens, rng)
        if self.rollouts:
            weights = position_weights(self._log_values(game, tokens, log_ratios, 0, rng), mask)
        else:
            weights = importance_weights(log_ratios).unsqueeze(1)
        likelihood = weighted_likelihood(log_probs * mask, weights, baseline, dim=0)
        return -likelihood.sum(), effective_sample_size(weights, dim=0).mean()

    def _mixed(
        self,
        game: AdversarialGame[SequenceGenerator],
        prefixes: Tensor,
        baseline: float,
        rng: torch.Generator,
    ) -> tuple[Tensor, Tensor]:
        """Return loss and effective sample size for real prefixes [B,S+n], each continued M times."""
        generator = game.generator
        copies, kept = self.continuations, prefixes.shape[1] - generator.given
        tokens = continue_prefixes(
            generator, prefixes, copies, rng=rng, chunk_rows=self.chunk_rows
        ).flatten(0, 1)
        mask = generator.token_mask(tokens)
        log_probs = generator.log_probs(tokens) * mask
        learned = log_probs[::copies, :kept].sum(1)  # the M copies of a prefix are alike
        written = log_probs[:, kept:].unflatten(0, (-1, copies))  # [B,M,T-n]
        log_ratios = self.log_ratios(game, tokens, rng)
        if self.rollouts:
            values = self._log_values(game, tokens, log_ratios, kept, rng)
            weights = position_weights(values, mask, len(prefixes))[:, kept:].view_as(written)
            likelihood = weighted_likelihood(written, weights, baseline, dim=1).sum(1)
        else:
            weights = importance_weights(log_ratios.view(-1, copies))
            likelihood = weighted_likelihood(written.sum(2), weights, baseline)
        return -(learned + likelihood).mean(), effective_sample_size(weights, dim=1).mean()

    @torch.no_grad()
    def log_ratios(
        self, game: AdversarialGame[SequenceGenerator], tokens: Tensor, rng: torch.Generator
    ) -> Tensor:
        """Return log r [B] of whole rows [B,S+T]: D's logit, or that of a control, and the objective."""
        if self.reward != "verdict" and not self.mix.reads_rows:
            return _safe_log(null_rewards(self.reward, (len(tokens),), rng, tokens.device))
        discriminator = game.discriminator
        score = self._log_ratio(lambda rows: discriminator(rows).score, rng)
        with evaluating(discriminator):
            return torch.cat([score(rows).float() for rows in tokens.split(self.chunk_rows)])

    def _log_ratio(self, logits: RowReward, rng: torch.Generator) -> RowReward:
        """Return the function from rows to log r, given D's logits of rows."""
        if self.reward != "verdict":
            ratios = null_reward(self.reward, rng)
            return MixedReward(lambda rows: _safe_log(ratios(rows)), self.mix)
        return logits if self.mix == D_ALONE else MixedReward(logits, self.mix)

    @torch.no_grad()
    def _log_values(
        self,
        game: AdversarialGame[SequenceGenerator],
        tokens: Tensor,
        log_ratios: Tensor,
        kept: int,
        rng: torch.Generator,
    ) -> Tensor:
        """Return the log of the mean r [B,T] over N completions of every prefix longer than ``kept``
        tokens."""
        generator = game.generator
        if self.reward != "verdict" and not self.mix.reads_rows:
            completed = (len(tokens), generator.written(tokens).shape[1] - 1, self.rollouts)
            tried = _safe_log(null_rewards(self.reward, completed, rng, tokens.device))
        else:
            logits = scored_completions(game.discriminator, lambda logits: logits)
            with evaluating(game.discriminator):
                tried = try_actions(
                    generator,
                    tokens,
                    self._log_ratio(logits, rng),
                    self.rollouts,
                    rng=rng,
                    chunk_rows=self.chunk_rows,
                    shortest=kept + 1,
                ).rewards
        means = tried.logsumexp(2, keepdim=True) - math.log(self.rollouts)
        return mean_values(means, log_ratios, generator.token_mask(tokens))


def _safe_log(ratios: Tensor) -> Tensor:
    return ratios.clamp(min=torch.finfo(ratios.dtype).tiny).log()
