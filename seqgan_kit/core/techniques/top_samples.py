"""Top-k training: G learns from the samples of its batch that D scores highest (Sinha, Zhao, Goyal, Raffel,
Odena 2020: "Top-k training of GANs: improving GAN performance by throwing away bad samples").

    G minimises the mean of its loss over the k = max(1, ceil(share B)) samples of highest score, of B

``share`` falls from 1 geometrically, is at its last value half-way through the phase, and stays there.

Differs from the paper: there, it is multiplied by 0.99 after each epoch until the last value is reached.
"""

from __future__ import annotations

import math
from dataclasses import replace

from torch import Tensor

from seqgan_kit.core.adversarial import AdversarialGame, Estimator
from seqgan_kit.core.game import Batch, Loss, Move
from seqgan_kit.core.objectives import Objective
from seqgan_kit.errors import UsageError

_REACHED = 0.5  # Progress of the phase at which the share is the last one.


class TopSamples:
    """An estimator that sets, by the progress of the phase, which share of the samples counts.

    Args:
        estimator: the estimator to extend; it must use the objective that :meth:`around` returns.
        share: the last share (0.5 in the paper).
    """

    def __init__(self, estimator: Estimator, share: float):
        if not 0 < share <= 1:
            raise UsageError(f"the share of G's samples that count is {share:g}; use 0 to 1.")
        self.estimator, self.last, self.share = estimator, share, 1.0

    def fakes(self, game: AdversarialGame, batch: Batch, n: int, move: Move) -> Tensor:
        """Return the fakes of the inner estimator; D reads all of them."""
        return self.estimator.fakes(game, batch, n, move)

    def generator_loss(self, game: AdversarialGame, batch: Batch, move: Move) -> Loss:
        """Set the share, and return the loss of the inner estimator."""
        self.share = self.last ** min(1.0, move.progress / _REACHED)
        loss = self.estimator.generator_loss(game, batch, move)
        return Loss(loss.total, {**loss.logs, "top_share": self.share})

    def around(self, objective: Objective) -> Objective:
        """Return the objective whose G half has the values of the samples that count only."""

        def generator(fake: Tensor, real: Tensor | None) -> Tensor:
            kept = max(1, math.ceil(self.share * len(fake)))
            values = objective.generator(fake, real)
            return values if kept == len(fake) else values[fake.topk(kept).indices]

        return replace(objective, generator=generator)
