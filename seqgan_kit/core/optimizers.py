"""Settings of optimizers and learning-rate schedules; the trainer builds torch optimizers from them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from seqgan_kit.errors import UsageError

Schedule = Literal["constant", "linear", "cosine"]


@dataclass(frozen=True)
class Memory:
    """Copies of an optimizer's state for one player, for losses that simulate its next updates."""

    optimizer: Optimizer
    """The rule and its settings."""
    learning_rate: float
    """Learning rate of the last update."""
    moves: int
    """Number of updates so far."""
    state: Mapping[str, Mapping[str, Tensor]]
    """torch's state per parameter name, such as ``exp_avg`` and ``exp_avg_sq`` of Adam."""


@dataclass(frozen=True)
class Optimizer:
    """Settings of the optimizer of one turn."""

    learning_rate: float
    """Initial learning rate (after warm-up)."""
    name: Literal["adam", "adamw", "rmsprop", "sgd"] = "adam"
    """Name of the update rule."""
    betas: tuple[float, float] = (0.9, 0.999)
    """Decay rates of the first and second moments (adam, adamw)."""
    smoothing: float = 0.99
    """Decay of the squared gradient (rmsprop). It starts at 0, so the first step is
    1 / sqrt(1 - smoothing) times the learning rate."""
    weight_decay: float = 0.0
    """Weight decay: L2 (adam, rmsprop, sgd) or decoupled (adamw)."""
    clip_norm: float | None = None
    """Largest norm of the turn's gradient; larger gradients are scaled down to it."""
    schedule: Schedule = "constant"
    """How the learning rate falls over the phase."""
    warmup_moves: int = 0
    """Number of updates over which the learning rate rises linearly from zero."""
    final_share: float = 0.0
    """Fraction of the learning rate left at the end of a linear or cosine schedule."""
    final_second_beta: float | None = None
    """Decay rate of Adam's second moment at the end of the phase, along half a cosine; None: constant."""

    def __post_init__(self) -> None:
        if not 0 <= self.learning_rate < math.inf:
            raise UsageError(
                f"the learning rate is {self.learning_rate}; it must be a finite number, 0 or more."
            )
        if self.clip_norm is not None and not self.clip_norm > 0:
            raise UsageError(
                f"clip_norm is {self.clip_norm}; it must be above 0 (inf turns clipping off)."
            )

    def build(
        self, parameters: Iterable[nn.Parameter] | Iterable[dict[str, Any]]
    ) -> torch.optim.Optimizer:
        """Build the torch optimizer of these parameters, or groups of them."""
        rate, decay = self.learning_rate, self.weight_decay
        if self.name == "adam":
            return torch.optim.Adam(parameters, rate, self.betas, weight_decay=decay, fused=True)
        if self.name == "adamw":
            return torch.optim.AdamW(parameters, rate, self.betas, weight_decay=decay, fused=True)
        if self.name == "rmsprop":
            return torch.optim.RMSprop(parameters, rate, self.smoothing, weight_decay=decay)
        return torch.optim.SGD(parameters, rate, weight_decay=decay)

    def betas_at(self, progress: float) -> tuple[float, float]:
        """Return Adam's decay rates after a fraction ``progress`` of the phase."""
        first, second = self.betas
        if self.final_second_beta is None:
            return first, second
        left = 0.5 * (1.0 + math.cos(math.pi * progress))
        return first, self.final_second_beta + (second - self.final_second_beta) * left

    def rate_at(self, progress: float, moves_made: int) -> float:
        """Return the learning rate after a fraction ``progress`` of the phase and ``moves_made`` updates."""
        left = 1.0
        if self.schedule == "linear":
            left = 1.0 - progress
        elif self.schedule == "cosine":
            left = 0.5 * (1.0 + math.cos(math.pi * progress))
        share = self.final_share + (1.0 - self.final_share) * left
        warm = min(1.0, (moves_made + 1) / self.warmup_moves) if self.warmup_moves else 1.0
        return self.learning_rate * share * warm
