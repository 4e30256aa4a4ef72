"""The adversarial game on token sequences, with maximum-likelihood pretraining and a pool of negatives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import torch
from torch import Tensor, nn

from seqgan_kit.core.adversarial import AdversarialGame, Estimator
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Batch, Loss, Move, SplitLoss
from seqgan_kit.core.objectives import Objective
from seqgan_kit.core.penalties import Penalty
from seqgan_kit.core.pools import Pool
from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.discriminators.weight_penalty import ScoreDecay
from seqgan_kit.sequences.fine_tuning import ADVERSARIAL, FineTuning
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.generators.given_tokens import conditions_of
from seqgan_kit.sequences.maximum_likelihood import draw_written, mle_loss, split_mle_loss


class SequenceGame(AdversarialGame[SequenceGenerator]):
    """An adversarial game that fine-tunes a pretrained generator of sequences.

    Args:
        generator: writes ``generator.length`` tokens per row, token by token. If ``generator.given`` is above
            0, real rows begin with as many given tokens.
        discriminator: reads whole rows, including the given tokens.
        objective: the losses of G and D.
        estimator: the estimator of G's gradient.
        training: settings; only the pool size and the L2 weight of D's output layer are used here.
        penalties: further terms of D's loss.
        others: further players.
    """

    def __init__(
        self,
        generator: SequenceGenerator,
        discriminator: Discriminator,
        objective: Objective,
        estimator: Estimator,
        training: FineTuning,
        penalties: Sequence[Penalty] = (),
        others: Mapping[str, nn.Module] | None = None,
    ):
        given = getattr(generator, "given", 0)
        _check_scores(discriminator, estimator)
        if given:
            _check_conditional(generator, discriminator, estimator)
        players = dict(others or {})
        if training.negatives:
            example = torch.zeros(given + generator.length, dtype=torch.int64)
            players["negatives"] = Pool(training.negatives, example)
        decay = (ScoreDecay(training.score_l2),) if training.score_l2 else ()
        super().__init__(
            generator, discriminator, objective, estimator, (*decay, *penalties), players
        )

    def draw(self, n: int, batch: Batch, rng: torch.Generator) -> Tensor:
        """Draw rows of G, with the conditions of the batch's real rows."""
        return draw_written(self, n, batch, rng)

    def draw_groups(
        self, groups: int, per_group: int, batch: Batch, rng: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """See the base class."""
        if not getattr(self.generator, "given", 0):
            return super().draw_groups(groups, per_group, batch, rng)
        given = conditions_of(batch["real"], groups, self.generator.given)
        return self.generator.draw_groups(groups, per_group, rng, given)

    def mle_loss(self, batch: Batch, move: Move) -> Loss:
        """Compute the negative log-likelihood of the batch's real rows (teacher forcing)."""
        return mle_loss(self.generator, batch)

    def split(self, loss: str) -> SplitLoss | str:
        """See the base class; estimators tell which of G's losses are means over samples."""
        if loss == "mle_loss":
            return split_mle_loss(self.generator)
        estimator: Any = self.estimator
        if not hasattr(estimator, "split") or loss not in ("generator_loss", "discriminator_loss"):
            return f"{type(self.estimator).__name__} does not tell it as a mean over rows"
        if loss == "generator_loss":
            found: SplitLoss | str = estimator.split(self)
            return found
        if self.objective.compares_means:
            return f"the objective {self.objective.name} reads the mean of all scores"
        if type(self).judge is not AdversarialGame.judge:
            return f"{type(self).__name__} has its own loss, which may compare rows"
        return SplitLoss(self.drawn_pairs, self.pairs_loss)

    def drawn_pairs(self, batch: Batch, move: Move) -> dict[str, Tensor]:
        """Return the batch's real rows and at least as many fakes."""
        return {**batch, "fake": self.estimator.fakes(self, batch, len(batch["real"]), move)}

    def pairs_loss(self, pairs: Batch, move: Move) -> Loss:
        """Return D's loss on some rows of ``drawn_pairs``."""
        return replace(self.judge(pairs, pairs["fake"], move), items=len(pairs["real"]))

    def draw_negatives(self, batch: Batch, move: Move) -> None:
        """Fill the pool from the current generator: the whole pool, or one row per condition in the batch."""
        pool = cast(Pool, self.players["negatives"])
        if batch:
            pool.push(self.draw(len(batch["real"]), batch, move.rng))
            return
        pool.refill(self.sample(len(pool.samples), rng=move.rng))

    def discriminator_loss(self, batch: Batch, move: Move) -> Loss:
        """Return D's loss; in D's pretraining, annealed settings of the estimator keep their first values."""
        if move.phase != ADVERSARIAL:
            move = replace(move, round=0, rounds=max(2, move.rounds))
        return self.pairs_loss(self.drawn_pairs(batch, move), move)


def _check_conditional(
    generator: SequenceGenerator, discriminator: Discriminator, estimator: Estimator
) -> None:
    row = generator.given + generator.length
    if not getattr(estimator, "takes_conditions", False):
        raise UsageError(
            f"the estimator {type(estimator).__name__} takes no conditions, but the generator does. "
            "Use Reinforce, ImportanceWeighted, BoundarySeeking or GumbelSoftmax, or a "
            "generator with given=0."
        )
    length = getattr(discriminator.trunk, "length", row)
    if length != row:
        raise UsageError(
            f"the discriminator reads rows of {length} tokens, but rows with given tokens have {row}: build "
            f"it for {row}."
        )
    table = getattr(discriminator.trunk, "embedding", None)
    if isinstance(table, nn.Embedding) and table.num_embeddings < generator.readable:
        raise UsageError(
            f"the discriminator reads {table.num_embeddings} tokens, but rows with their sources have "
            f"{generator.readable} different ones: build it for all of them (corpus.vocabulary)."
        )


def _check_scores(discriminator: Discriminator, estimator: Estimator) -> None:
    scores = getattr(discriminator.trunk, "scores_per_sample", 1)
    if scores > 1 and not getattr(estimator, "takes_many_scores", False):
        raise UsageError(
            f"the discriminator {type(discriminator.trunk).__name__} has {scores} scores per sequence, but "
            "rewards and weights need one: choose textcnn, birnn, transformer_reader or char_resnet."
        )
