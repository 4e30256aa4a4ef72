"""How D's verdict reaches G through a sample.

Images are differentiable, so the verdict flows straight back (:class:`Pathwise`). Tokens are not; their
estimators (rollouts, importance weights, Gumbel-softmax) live with the sequences and have the same two
methods.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from seqgan_kit.core.game import Batch, Loss, Move

if TYPE_CHECKING:
    from seqgan_kit.core.adversarial import AdversarialGame


class Estimator(Protocol):
    """What an adversarial game asks of an estimator."""

    def fakes(self, game: AdversarialGame, batch: Batch, n: int, move: Move) -> Tensor:
        """``n`` samples for D to judge in its own turn, without a gradient."""

    def generator_loss(self, game: AdversarialGame, batch: Batch, move: Move) -> Loss:
        """A loss whose gradient estimates that of the game's generator objective."""


class Pathwise:
    """The gradient through the sample: x = G(z), so d loss / d G = d loss / d x * d x / d G."""

    def fakes(self, game: AdversarialGame, batch: Batch, n: int, move: Move) -> Tensor:
        with torch.no_grad():
            return game.draw(n, batch, move.rng)

    def generator_loss(self, game: AdversarialGame, batch: Batch, move: Move) -> Loss:
        real = batch["real"]
        fake_scores = game.discriminate(game.draw(len(real), batch, move.rng)).score
        real_scores = game.discriminate(real).score if game.objective.needs_real else None
        loss = game.objective.generator(fake_scores, real_scores).mean()
        return Loss(loss, {"generator_loss": loss})
