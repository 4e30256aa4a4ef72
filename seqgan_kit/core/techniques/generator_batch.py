"""A larger batch for G's update than for D's (2 times as large in the official code of Miyato et al. 2018,
"Spectral normalization for generative adversarial networks")."""

from __future__ import annotations

import torch
from torch import Tensor

from seqgan_kit.core.adversarial import AdversarialGame, Estimator
from seqgan_kit.core.game import Batch, Loss, Move
from seqgan_kit.errors import UsageError


class LargerBatch:
    """An estimator whose G reads the batch ``times`` times, so it draws as many more samples.

    Each copy has its own noise, and the labels that the batch tells. D's update is as it was.
    """

    def __init__(self, estimator: Estimator, times: int):
        if times < 1:
            raise UsageError(f"the generator's batch is {times} times the other; use 1 or more.")
        self.estimator, self.times = estimator, times

    def fakes(self, game: AdversarialGame, batch: Batch, n: int, move: Move) -> Tensor:
        """Return the fakes of the inner estimator."""
        return self.estimator.fakes(game, batch, n, move)

    def generator_loss(self, game: AdversarialGame, batch: Batch, move: Move) -> Loss:
        """Return the loss of the inner estimator on the repeated batch."""
        longer = {name: torch.cat([tensor] * self.times) for name, tensor in batch.items()}
        return self.estimator.generator_loss(game, longer, move)
