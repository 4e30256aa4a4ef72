"""MaliGAN's estimator: samples of G, weighted until they count as samples of the data (Che et al. 2017).

With r = D/(1-D) and the best D, r = p_data/g. So samples x_i of G with weights r_i / sum r stand for samples
of the data, and raising their weighted log-likelihood descends KL(p_data || G): maximum likelihood on
sequences that G wrote itself.
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
from seqgan_kit.sequences.estimators.rewards import null_rewards, scored_completions
from seqgan_kit.sequences.estimators.trials import mean_values, try_actions
from seqgan_kit.sequences.fine_tuning import ADVERSARIAL
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.sampling.prefixes import continue_prefixes
from seqgan_kit.sequences.sampling.stepper import CHUNK_ROWS


def kept_tokens(progress: float, kept: int, step: int) -> int:
    """How many real tokens stay: ``kept``, ``kept - step``, ... and 0, each for an equal share of the phase.

    So the last of these shares, and the last round with it, are of sequences that are G's own from the start.
    """
    levels = math.ceil(kept / step) + 1
    return max(0, kept - step * min(int(progress * levels), levels - 1))


def position_weights(log_ratios: Tensor, mask: Tensor, groups: int = 1) -> Tensor:
    """Q[b,t] / sum_b Q[b,t]: weights [B,T] that sum to 1 over each group of rows at every position.

    After its end a sequence goes on counting with its own r. Left out, it would leave its weight to the
    longer ones, and G would learn that sequences are long.

    Args:
        log_ratios: [B,T], log Q: of the mean r of completions of each prefix, of the sequence's own r where
            it ends.
        mask: [B,T], True on tokens.
        groups: how many groups the rows fall into, one after another and of one size.
    """
    own = log_ratios.gather(1, mask.sum(1, keepdim=True) - 1)
    counted = torch.where(mask, log_ratios, own).unflatten(0, (groups, -1))
    return importance_weights(counted, dim=1).flatten(0, 1)


def weighted_likelihood(
    log_probs: Tensor, weights: Tensor, baseline: float, dim: int = -1
) -> Tensor:
    """sum_m (w_m - b/M) log_probs_m over ``dim``, the weights held fixed; they sum to 1 over it."""
    return (log_probs * (weights.detach() - baseline / weights.shape[dim])).sum(dim)


@dataclass(frozen=True)
class ImportanceWeighted:
    """grad = E sum_i (r_i / sum_j r_j - b/m) grad log G(x_i), r = D/(1-D), x_1 ... x_m of G.

    (Che et al. 2017.) With rollouts r is averaged over completions of every prefix, so that each token has a
    weight of its own. With ``kept`` tokens (the paper's mixed training) the first N tokens of real sequences
    are learned by maximum likelihood; each is continued M times, and these are weighted among themselves.
    Both together are its MaliGAN-full: a token that G wrote after a real prefix is weighted against those at
    the same position in the other continuations of that prefix.

    With conditions every source is written for M times, and these are weighted among themselves, whether or
    not any of the target is kept.

    Reading of the paper: its weights sum to 1 and its b goes to 1, which would push down every sample but
    one; here b counts in mean weights 1/m, so that at 1 the weights' mean is subtracted. A fixed b leaves the
    expected gradient as it is. The objective's D half has to be a cross-entropy; its G half is not used.
    """

    takes_conditions: ClassVar[bool] = True
    rollouts: int = 0
    """Completions of every prefix; 0 gives every token its whole sequence's weight."""
    kept: int = 0
    """N: real tokens kept at the start of the phase, at most all but one; 0 trains on G's sequences alone."""
    kept_step: int = 5
    """K: by how many N falls at a time, in equal shares of the phase, until it is 0."""
    continuations: int = 8
    """M: continuations of each kept prefix."""
    baseline_end: float = 1.0
    """b in the phase's last round, in mean weights; it rises from 0 in equal steps."""
    reward: RewardKind = "verdict"
    """verdict: r from D. Controls: constant (1 for all) and random (uniform numbers)."""
    chunk_rows: int = CHUNK_ROWS
    """Rows scored at once; bounds memory."""

    def __post_init__(self) -> None:
        least_of = {"rollouts": 0, "kept": 0, "kept_step": 1, "continuations": 2, "chunk_rows": 1}
        for name, least in least_of.items():
            if getattr(self, name) < least:
                raise UsageError(f"{name} is {getattr(self, name)}; it must be at least {least}.")
        check_reward(self.reward)

    def kept_at(self, move: Move, length: int) -> int:
        """N in the move's round, for sequences of ``length`` tokens."""
        return kept_tokens(move.progress, min(self.kept, length - 1), self.kept_step)

    def kept_of_fakes(self, game: AdversarialGame[SequenceGenerator], move: Move) -> int:
        """How many real tokens the fakes for D's turn begin with; D reads no pool while there are any."""
        generator = game.generator
        return self.kept_at(move, generator.length) if move.phase == ADVERSARIAL else 0

    def fakes(
        self, game: AdversarialGame[SequenceGenerator], batch: Batch, n: int, move: Move
    ) -> Tensor:
        """For D's turn: the real prefixes continued once while G continues them, then G's own sequences."""
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
        """On continued prefixes while any are kept, then on as many sequences of G as there are reals."""
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
        """Loss and effective sample size of sampled sequences [B,T]; without conditions."""
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
        """Loss and effective sample size of real prefixes [B,S+n], each continued M times."""
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
        """log r [B] of whole rows [B,S+T]: D's logit, or that of a control."""
        if self.reward != "verdict":
            ratios = null_rewards(self.reward, (len(tokens),), rng, tokens.device)
            return ratios.clamp(min=torch.finfo(ratios.dtype).tiny).log()
        discriminator = game.discriminator
        with evaluating(discriminator):
            chunks = tokens.split(self.chunk_rows)
            return torch.cat([discriminator(rows).score.float() for rows in chunks])

    @torch.no_grad()
    def _log_values(
        self,
        game: AdversarialGame[SequenceGenerator],
        tokens: Tensor,
        log_ratios: Tensor,
        kept: int,
        rng: torch.Generator,
    ) -> Tensor:
        """log of the mean r [B,T] of N completions of every prefix that is longer than ``kept`` tokens."""
        generator = game.generator
        if self.reward != "verdict":
            completed = (len(tokens), generator.written(tokens).shape[1] - 1, self.rollouts)
            ratios = null_rewards(self.reward, completed, rng, tokens.device)
            tried = ratios.clamp(min=torch.finfo(ratios.dtype).tiny).log()
        else:
            discriminator = game.discriminator
            with evaluating(discriminator):
                tried = try_actions(
                    generator,
                    tokens,
                    scored_completions(discriminator, lambda logits: logits),
                    self.rollouts,
                    rng=rng,
                    chunk_rows=self.chunk_rows,
                    shortest=kept + 1,
                ).rewards
        means = tried.logsumexp(2, keepdim=True) - math.log(self.rollouts)
        return mean_values(means, log_ratios, generator.token_mask(tokens))
