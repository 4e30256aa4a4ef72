"""Instance noise: D reads real and fake samples with Gaussian noise that falls during training (Sonderby,
Caballero, Theis, Shi, Huszar 2017: "Amortised MAP inference for image super-resolution").

    D sees x + s e, e ~ N(0, 1), for reals and fakes alike;  s falls linearly from its start to 0

With noise, the real and fake distributions overlap. D then cannot separate them perfectly, and G's gradient
does not vanish.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from seqgan_kit.core.adversarial import AdversarialGame, Estimator
from seqgan_kit.core.game import Batch, Loss, Move
from seqgan_kit.errors import UsageError


class NoisyInput(nn.Module):
    """A trunk that adds noise to its input in training mode and none in evaluation mode.

    The standard deviation is not part of its state: the estimator sets it before every update.
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
    """An estimator that sets the noise level of D by the progress of the phase.

    Args:
        estimator: the estimator to extend.
        layer: the noise layer in front of D's trunk.
        deviation: standard deviation in the first round; it falls linearly to 0 in the last.
    """

    def __init__(self, estimator: Estimator, layer: NoisyInput, deviation: float):
        if deviation < 0:
            raise UsageError(f"the deviation of instance noise is {deviation:g}; use 0 or more.")
        self.estimator, self.layer, self.deviation = estimator, layer, deviation

    def fakes(self, game: AdversarialGame, batch: Batch, n: int, move: Move) -> Tensor:
        """Set the noise for D's update, and return the fakes of the inner estimator."""
        self._set(move)
        return self.estimator.fakes(game, batch, n, move)

    def generator_loss(self, game: AdversarialGame, batch: Batch, move: Move) -> Loss:
        """Set the noise, and return the loss of the inner estimator."""
        self._set(move)
        loss = self.estimator.generator_loss(game, batch, move)
        return Loss(loss.total, {**loss.logs, "instance_noise": self.layer.deviation})

    def _set(self, move: Move) -> None:
        self.layer.deviation, self.layer.rng = self.deviation * (1 - move.progress), move.rng
