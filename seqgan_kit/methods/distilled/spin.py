"""SPIN (Chen, Deng, Yuan, Ji, Gu 2024: "Self-Play Fine-Tuning Converts Weak Language Models to Strong
Language Models"), self-play without a discriminator.

    G minimises  E -log sigma(beta (log G(y | x) / O(y | x) - log G(y' | x) / O(y' | x)))      y' ~ O(x)

y is a real reply and O the opponent: G as it was at the start of the iteration. So G's own likelihood,
relative to the opponent's, takes the part of D. At the optimum G is the data, and nothing is left to tell.

The four choices. Players: any generator and its opponent. Objective: the logistic loss of a pair. Estimator:
none; the loss has a gradient. Schedule: maximum likelihood, then iterations of many updates.

Differs from the paper: the opponent writes a new reply whenever a real one is read; the paper writes all
replies of an iteration once. Adam takes the place of RMSprop. The authors train a model of 7 billion
parameters with a learning rate of 5e-7 and beta = 0.1; the defaults are for small networks. A round here is
an iteration of ``generator_moves`` updates.

The preset ``paper`` has beta, learning rate and batch size of the authors; its iterations have two epochs of
50,000 replies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

from seqgan_kit.core.bounds import Above0, bounded
from seqgan_kit.core.discriminator import evaluating
from seqgan_kit.core.estimators import without_dropout
from seqgan_kit.core.game import Batch, Game, Loss, Move, Phase, SplitLoss, Turn
from seqgan_kit.sequences.direct_training import DirectTraining, direct_phases
from seqgan_kit.sequences.estimators.reference_policy import frozen_copy
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.generators.given_tokens import conditions_of
from seqgan_kit.sequences.maximum_likelihood import draw_written, mle_loss, split_mle_loss


@dataclass(frozen=True)
@bounded
class SPINMethod:
    """Settings of SPIN."""

    beta: Above0 = 0.1
    """beta: scale of the log-ratios; the larger it is, the closer G stays to its opponent."""


def preference_loss(real: Tensor, own: Tensor, beta: float) -> Tensor:
    """Return -log sigma(beta (real - own)) [B] of log-ratios [B] of real replies and of the opponent's."""
    return F.softplus(-beta * (real - own))


class SPIN(Game[SequenceGenerator]):
    """A generator against its former self.

    Args:
        generator: the generator.
        method: settings.
    """

    def __init__(self, generator: SequenceGenerator, method: SPINMethod):
        super().__init__({"generator": generator, "opponent": frozen_copy(generator)})
        self.beta = method.beta

    @property
    def opponent(self) -> SequenceGenerator:
        """The player ``opponent``."""
        return cast(SequenceGenerator, self.players["opponent"])

    def draw(self, n: int, batch: Batch, rng: torch.Generator) -> Tensor:
        """Draw rows of G, with the conditions of the batch's real rows."""
        return draw_written(self, n, batch, rng)

    def mle_loss(self, batch: Batch, move: Move) -> Loss:
        """Compute the negative log-likelihood of the batch's real rows."""
        return mle_loss(self.generator, batch)

    def match_generator(self, batch: Batch, move: Move) -> None:
        """Copy the generator into the opponent, which begins an iteration."""
        self.opponent.load_state_dict(self.generator.state_dict())

    def self_play_loss(self, batch: Batch, move: Move) -> Loss:
        """Return the loss on real replies and as many that the opponent writes now."""
        return self.pairs_loss(self.drawn_pairs(batch, move), move)

    def split(self, loss: str) -> SplitLoss | str:
        """See the base class."""
        if loss == "mle_loss":
            return split_mle_loss(self.generator)
        return SplitLoss(self.drawn_pairs, self.pairs_loss)

    def drawn_pairs(self, batch: Batch, move: Move) -> dict[str, Tensor]:
        """Return the batch's real replies [B,S+T] and as many of the opponent."""
        real, opponent = batch["real"], self.opponent
        given = conditions_of(real, len(real), opponent.given) if opponent.given else None
        return {"real": real, "own": opponent.sample(len(real), rng=move.rng, given=given)}

    def pairs_loss(self, pairs: Batch, move: Move) -> Loss:
        """Return the loss on some of the pairs."""
        rows, opponent = torch.cat([pairs["real"], pairs["own"]]), self.opponent
        with torch.no_grad(), evaluating(opponent):
            before = opponent.sequence_log_prob(rows)
        with without_dropout(self.generator):
            ratios = self.generator.sequence_log_prob(rows) - before
        of_real, of_own = ratios.chunk(2)
        total = preference_loss(of_real, of_own, self.beta).mean()
        wins = (of_real > of_own).float().mean()
        return Loss(
            total,
            {
                "self_play_loss": total,
                "real_log_ratio": of_real.mean(),
                "own_log_ratio": of_own.mean(),
                "preferred_share": wins,
            },
            items=len(of_real),
        )


def build(generator: SequenceGenerator, method: SPINMethod) -> SPIN:
    """Build the game from its player and settings."""
    return SPIN(generator, method)


def phases(training: DirectTraining) -> tuple[Phase, ...]:
    """Return the phases: maximum likelihood, then iterations of self-play."""
    match = Turn(("opponent",), rule="match_generator", feed=None)
    return direct_phases(training, "self-play", "self_play_loss", (match,))
