"""Instance noise: D judges real and fake samples with normal noise on them, less of it as training goes on
(Sonderby, Caballero, Theis, Shi, Huszar 2017: "Amortised MAP inference for image super-resolution").

    D sees x + s e, e ~ N(0, 1), for reals and fakes alike;  s falls linearly from its start to 0

With noise the two distributions overlap, so that D cannot tell all fakes and G has a slope to follow.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from seqgan_kit.core.adversarial import AdversarialGame, Estimator
from seqgan_kit.core.game import Batch, Loss, Move
from seqgan_kit.errors import UsageError


class NoisyInput(nn.Module):
    """A trunk that gets noisy samples while it trains; in evaluation mode it gets them as they are.

    The deviation is no part of its state: whoever plays sets it, move by move.
    """

    def __init__(self, trunk: nn.Module):
        super().__init__()
        self.trunk = trunk
        self.deviation, self.rng = 0.0, cast(torch.Generator | None, None)
        self.rows_are_independent = getattr(trunk, "rows_are_independent", False)
        self.features = getattr(trunk, "features", None)

    def forward(self, x: Tensor) -> Tensor:
        if self.training and self.deviation > 0:
            device = self.rng.device if self.rng is not None else x.device
            noise = torch.randn(x.shape, generator=self.rng, device=device)
            x = x + self.deviation * noise.to(x)
        return cast(Tensor, self.trunk(x))


class WithInstanceNoise:
    """An estimator whose D sees noise, by how much of the phase is behind us.

    Args:
        estimator: whose losses these are.
        layer: in front of D's trunk.
        deviation: of the noise in the phase's first round; 0 in its last.
    """

    def __init__(self, estimator: Estimator, layer: NoisyInput, deviation: float):
        if deviation < 0:
            raise UsageError(f"instance noise {deviation:g} is no deviation; use 0 or more.")
        self.estimator, self.layer, self.deviation = estimator, layer, deviation

    def fakes(self, game: AdversarialGame, batch: Batch, n: int, move: Move) -> Tensor:
        """Return the estimator's, and noise for D's turn."""
        self._set(move)
        return self.estimator.fakes(game, batch, n, move)

    def generator_loss(self, game: AdversarialGame, batch: Batch, move: Move) -> Loss:
        """Return the estimator's, under noise."""
        self._set(move)
        loss = self.estimator.generator_loss(game, batch, move)
        return Loss(loss.total, {**loss.logs, "instance_noise": self.layer.deviation})

    def _set(self, move: Move) -> None:
        self.layer.deviation, self.layer.rng = self.deviation * (1 - move.progress), move.rng
