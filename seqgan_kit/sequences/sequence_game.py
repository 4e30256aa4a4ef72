"""The adversarial game on token sequences: with pretraining by likelihood and a pool of negatives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import cast

import torch
from torch import nn

from seqgan_kit.core.adversarial import AdversarialGame, Estimator
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Batch, Loss, Move
from seqgan_kit.core.objectives import Objective
from seqgan_kit.core.penalties import Penalty
from seqgan_kit.core.pools import Pool
from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.discriminators.relgan_discriminator import RelGANCNN
from seqgan_kit.sequences.discriminators.weight_penalty import ScoreDecay
from seqgan_kit.sequences.estimators.gumbel import GumbelSoftmax
from seqgan_kit.sequences.fine_tuning import ADVERSARIAL, FineTuning
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.maximum_likelihood import mle_loss


class SequenceGame(AdversarialGame):
    """The four choices, plus what fine-tuning a pretrained generator needs.

    Args:
        generator: writes rows of ``generator.length`` tokens; for the likelihood, token by token.
        discriminator: reads whole sequences.
        objective: what both want.
        estimator: how D's verdict reaches G.
        training: settings; of these, the pool's size and the decay of D's output layer matter here.
        penalties: further terms of D's loss.
        others: further players.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: Discriminator,
        objective: Objective,
        estimator: Estimator,
        training: FineTuning,
        penalties: Sequence[Penalty] = (),
        others: Mapping[str, nn.Module] | None = None,
    ):
        _check_scores(discriminator, estimator)
        players = dict(others or {})
        if training.negatives:
            example = torch.zeros(cast(int, generator.length), dtype=torch.int64)
            players["negatives"] = Pool(training.negatives, example)
        decay = (ScoreDecay(training.score_l2),) if training.score_l2 else ()
        super().__init__(
            generator, discriminator, objective, estimator, (*decay, *penalties), players
        )

    def mle_loss(self, batch: Batch, move: Move) -> Loss:
        """Teacher forcing."""
        return mle_loss(cast(SequenceGenerator, self.players["generator"]), batch)

    def draw_negatives(self, batch: Batch, move: Move) -> None:
        """Fill the pool from the present generator."""
        pool = cast(Pool, self.players["negatives"])
        pool.refill(self.sample(len(pool.samples), rng=move.rng))

    def discriminator_loss(self, batch: Batch, move: Move) -> Loss:
        """See the base class; what an estimator anneals, it anneals over the adversarial rounds alone."""
        if move.phase != ADVERSARIAL:
            move = replace(move, round=0, rounds=max(2, move.rounds))
        return super().discriminator_loss(batch, move)


def _check_scores(discriminator: Discriminator, estimator: Estimator) -> None:
    if isinstance(discriminator.trunk, RelGANCNN) and not isinstance(estimator, GumbelSoftmax):
        raise UsageError(
            "the discriminator relgan_cnn gives a sequence many scores, and rewards and weights are made of "
            "one: choose textcnn, birnn, transformer_reader or char_resnet."
        )
