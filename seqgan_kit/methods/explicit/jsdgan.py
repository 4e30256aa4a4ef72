"""JSDGAN (Li, Xia, Lou, Xu, Wang, Xiao 2019: "Adversarial discrete sequence generation without explicit
neural networks as discriminators").

G's likelihood is known, and so is that of the training text: P(y) is the share of training rows that equal y.
So the best discriminator has a closed form, and G minimises the Jensen-Shannon divergence directly:

    D(y) = P(y) / (P(y) + G(y))
    V = E_P log D(y) + E_G log (1 - D(y)) = 2 JSD(P, G) - 2 log 2
    grad V = sum_y G(y) log (1 - D(y)) grad log G(y)
           = E_P [r log (r / (1 + r)) grad log G(y)],  r = G(y) / P(y)

Rows outside the training text have D = 0 and no gradient. The last line is an expectation over the training
text, without samples. Its weights are small where G has hardly any probability: likely sentences become
likelier, and unlikely ones are given up. That is a preference for quality over coverage.

The four choices. Players: an LSTM. Objective: minimax with the closed-form D. Estimator: the exact gradient
on batches of training rows. Schedule: maximum likelihood, then rounds of updates.

Differs from the paper: the weights of a batch are divided by the mean of their sizes, since r is about 1e-4
or less on sentences and the gradient would vanish. P counts repeated rows. Networks and lengths are shared
with the other text methods.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from seqgan_kit.core.game import Batch, Loss, Move, Phase
from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.direct_training import DirectTraining, direct_phases
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.maximum_likelihood import LikelihoodGame


@dataclass(frozen=True)
class JSDGANMethod:
    """Settings of direct training on the Jensen-Shannon divergence."""

    objective: Literal["divergence", "likelihood"] = "divergence"
    """Loss of the rounds after pretraining. divergence: Jensen-Shannon. likelihood: as many further updates
    by maximum likelihood, the control."""


class EmpiricalLaw:
    """The distribution of the training rows.

    Args:
        rows: [N,T] training rows.
    """

    def __init__(self, rows: Tensor):
        self._counts = Counter(map(bytes, rows.cpu().numpy()))
        self._total = len(rows)

    def log_prob(self, rows: Tensor) -> Tensor:
        """Return log P(y) [B] of training rows [B,T]."""
        counts = [self._counts[bytes(row)] for row in rows.cpu().numpy()]
        if not all(counts):
            raise UsageError("a row is not one of the training rows: give the game the same text.")
        return (torch.tensor(counts) / self._total).log().to(rows.device)


def divergence_weights(log_g: Tensor, log_p: Tensor) -> Tensor:
    """Return r log(r / (1 + r)) [B] with r = G / P: negative, and 0 where G has no probability."""
    log_ratio = log_g - log_p
    return -log_ratio.exp() * F.softplus(-log_ratio)


class JSDGAN(LikelihoodGame):
    """The game of one generator, with the distribution of the training rows."""

    def __init__(self, generator: SequenceGenerator, training_rows: Tensor):
        if generator.given:
            raise UsageError(
                "JSDGAN compares whole rows with the training text and takes no conditions: leave the "
                "sources out."
            )
        super().__init__(generator)
        self.law = EmpiricalLaw(training_rows)

    def divergence_loss(self, batch: Batch, move: Move) -> Loss:
        """Return a loss with the gradient of V, up to a positive factor of the batch."""
        rows = batch["real"]
        log_g = self.generator.sequence_log_prob(rows)
        log_p = self.law.log_prob(rows)
        weights = divergence_weights(log_g.detach().double(), log_p.double())
        scale = weights.abs().mean().clamp(min=torch.finfo(torch.float64).tiny)
        loss = ((weights / scale).to(log_g) * log_g).mean()
        logs = {"log_ratio": (log_g - log_p).mean(), "largest_weight": (-weights / scale).max()}
        return Loss(loss, logs)


def build(generator: SequenceGenerator, training_rows: Tensor) -> JSDGAN:
    """Build the game from the generator and the rows [N,T] of the training text."""
    return JSDGAN(generator, training_rows)


def phases(method: JSDGANMethod, training: DirectTraining) -> tuple[Phase, ...]:
    """Return the phases: maximum likelihood, then rounds on the divergence."""
    loss = {"divergence": "divergence_loss", "likelihood": "mle_loss"}[method.objective]
    return direct_phases(training, "divergence", loss)
