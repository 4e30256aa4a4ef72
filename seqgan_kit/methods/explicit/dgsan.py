"""DGSAN (Montahaei, Alihosseini, Soleymani Baghshah 2021: "DGSAN: Discrete Generative Self-Adversarial
Network").

The discriminator is a ratio of two generators, so no gradient has to pass through samples:

    D(y) = G(y) / (G(y) + O(y)),  O the generator of the round before
    G maximises  E_data log D(y) + E_O log (1 - D(y))

The best D is P / (P + O), so the best G is the data's distribution P itself, whatever O is. At G = O the
second term has an expected gradient of 0 and the first has half that of the log-likelihood: a round begins as
maximum likelihood, and then stops counting tokens that G already writes more often than O.

The four choices. Players: an LSTM and its copy. Objective: cross-entropy of the log ratio. Estimator: none is
needed. Schedule: maximum likelihood, then rounds of updates of G against the copy made at their start.

Differs from the paper: the length of a round and all sizes are settings of ours, shared with the other text
methods.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Literal, cast

import torch
from torch import Tensor

from seqgan_kit.core.game import Batch, Game, Loss, Move, Phase, Turn
from seqgan_kit.core.judging import judged_scores
from seqgan_kit.core.objectives import minimax
from seqgan_kit.sequences.direct_training import DirectTraining, direct_phases
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.maximum_likelihood import draw_written, mle_loss


@dataclass(frozen=True)
class DGSANMethod:
    """Settings of self-adversarial training."""

    objective: Literal["ratio", "likelihood"] = "ratio"
    """Loss of the rounds after pretraining. ratio: the cross-entropy of D. likelihood: as many further
    updates by maximum likelihood, the control."""


class DGSAN(Game[SequenceGenerator]):
    """A game of a generator and its copy from the start of the round."""

    def __init__(self, generator: SequenceGenerator):
        super().__init__({"generator": generator, "copy": copy.deepcopy(generator)})
        self.objective = minimax()

    def draw(self, n: int, batch: Batch, rng: torch.Generator) -> Tensor:
        """Draw rows of G, with the conditions of the batch's real rows."""
        return draw_written(self, n, batch, rng)

    def mle_loss(self, batch: Batch, move: Move) -> Loss:
        """Return the negative log-likelihood of the batch's real rows (teacher forcing)."""
        return mle_loss(self.generator, batch)

    def follow(self, batch: Batch, move: Move) -> None:
        """Make the copy the current generator."""
        self.players["copy"].load_state_dict(self.generator.state_dict())

    def log_ratio(self, rows: Tensor) -> Tensor:
        """Return log G(y) / O(y) [B] of rows [B,S+T]: the discriminator's logit."""
        with torch.no_grad():
            old = cast(SequenceGenerator, self.players["copy"]).sequence_log_prob(rows)
        return self.generator.sequence_log_prob(rows) - old

    def self_adversarial_loss(self, batch: Batch, move: Move) -> Loss:
        """Return the cross-entropy of D on real rows and rows of the copy."""
        real, given = batch["real"], self.generator.given
        old = cast(SequenceGenerator, self.players["copy"])
        fake = old.sample(len(real), rng=move.rng, given=real[:, :given] if given else None)
        real_scores, fake_scores = self.log_ratio(torch.cat([real, fake])).chunk(2)
        loss = judged_scores(self.objective, real_scores, fake_scores)
        logs = {"self_adversarial_loss": loss.total, "log_ratio": real_scores.mean()}
        return Loss(loss.total, logs)


def build(generator: SequenceGenerator) -> DGSAN:
    """Build the game; its players are the generator and its copy."""
    return DGSAN(generator)


def phases(method: DGSANMethod, training: DirectTraining) -> tuple[Phase, ...]:
    """Return the phases: maximum likelihood, then rounds against the copy made at their start."""
    loss = {"ratio": "self_adversarial_loss", "likelihood": "mle_loss"}[method.objective]
    follow = Turn(("copy",), rule="follow", feed=None)
    return direct_phases(training, "self-adversarial", loss, (follow,))
