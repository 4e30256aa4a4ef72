"""The adversarial game on token sequences: with pretraining by likelihood and a pool of negatives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import cast

import torch
from torch import Tensor, nn

from seqgan_kit.core.adversarial import AdversarialGame, Estimator
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Batch, Loss, Move
from seqgan_kit.core.objectives import Objective
from seqgan_kit.core.penalties import Penalty
from seqgan_kit.core.pools import Pool
from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.discriminators.weight_penalty import ScoreDecay
from seqgan_kit.sequences.fine_tuning import ADVERSARIAL, FineTuning
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.generators.given_tokens import conditions_of
from seqgan_kit.sequences.maximum_likelihood import draw_written, mle_loss


class SequenceGame(AdversarialGame[SequenceGenerator]):
    """The four choices, plus what fine-tuning a pretrained generator needs.

    Args:
        generator: writes rows of ``generator.length`` tokens, token by token. Where it is given
            tokens (``generator.given``), the real rows of every batch begin with them.
        discriminator: reads whole rows, what is given and what is written.
        objective: what both want.
        estimator: how D's verdict reaches G.
        training: settings; of these, the pool's size and the decay of D's output layer matter here.
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
            _check_conditional(discriminator, estimator, given + generator.length)
        players = dict(others or {})
        if training.negatives:
            example = torch.zeros(given + generator.length, dtype=torch.int64)
            players["negatives"] = Pool(training.negatives, example)
        decay = (ScoreDecay(training.score_l2),) if training.score_l2 else ()
        super().__init__(
            generator, discriminator, objective, estimator, (*decay, *penalties), players
        )

    def draw(self, n: int, batch: Batch, rng: torch.Generator) -> Tensor:
        """Draw rows of G, written after the conditions of the batch's real rows."""
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
        """Teacher forcing."""
        return mle_loss(self.generator, batch)

    def draw_negatives(self, batch: Batch, move: Move) -> None:
        """Fill the pool from the present generator: all of it, or a row for each condition in the batch."""
        pool = cast(Pool, self.players["negatives"])
        if batch:
            pool.push(self.draw(len(batch["real"]), batch, move.rng))
            return
        pool.refill(self.sample(len(pool.samples), rng=move.rng))

    def discriminator_loss(self, batch: Batch, move: Move) -> Loss:
        """See the base class; what an estimator anneals, it anneals over the adversarial rounds alone."""
        if move.phase != ADVERSARIAL:
            move = replace(move, round=0, rounds=max(2, move.rounds))
        return super().discriminator_loss(batch, move)


def _check_conditional(discriminator: Discriminator, estimator: Estimator, row: int) -> None:
    if not getattr(estimator, "takes_conditions", False):
        raise UsageError(
            f"the estimator {type(estimator).__name__} takes no conditions, and the generator writes after "
            "given tokens: use Reinforce, ImportanceWeighted, BoundarySeeking or GumbelSoftmax, or a "
            "generator with given=0."
        )
    length = getattr(discriminator.trunk, "length", row)
    if length != row:
        raise UsageError(
            f"the discriminator reads rows of {length} tokens, and with what is given they have {row}: build "
            f"it for {row}."
        )


def _check_scores(discriminator: Discriminator, estimator: Estimator) -> None:
    scores = getattr(discriminator.trunk, "scores_per_sample", 1)
    if scores > 1 and not getattr(estimator, "takes_many_scores", False):
        raise UsageError(
            f"the discriminator {type(discriminator.trunk).__name__} gives a sequence {scores} scores, and "
            "rewards and weights are made of one: choose textcnn, birnn, transformer_reader or char_resnet."
        )
