"""Optimizers and learning-rate schedules as data; the trainer turns them into torch's."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from seqgan_kit.errors import UsageError

Schedule = Literal["constant", "linear", "cosine"]


@dataclass(frozen=True)
class Memory:
    """What an optimizer has gathered about one player: copies, for losses that imagine its next moves."""

    optimizer: Optimizer
    """The rule and its settings."""
    learning_rate: float
    """Learning rate of its last move."""
    moves: int
    """Moves that it has made."""
    state: Mapping[str, Mapping[str, Tensor]]
    """By name of the player's parameter: torch's state of it (``exp_avg`` and ``exp_avg_sq`` of Adam)."""


@dataclass(frozen=True)
class Optimizer:
    """How the players of a turn step."""

    learning_rate: float
    """Step size at the start (after warm-up)."""
    name: Literal["adam", "adamw", "rmsprop", "sgd"] = "adam"
    """Which rule."""
    betas: tuple[float, float] = (0.9, 0.999)
    """Decay of the first and second moment (adam, adamw)."""
    smoothing: float = 0.99
    """Decay of the squared gradient (rmsprop). It starts at 0, so the first step is
    1 / sqrt(1 - smoothing) times the learning rate."""
    weight_decay: float = 0.0
    """L2 (adam, rmsprop, sgd) or decoupled (adamw) decay."""
    clip_norm: float | None = None
    """Largest allowed norm of the turn's gradient."""
    schedule: Schedule = "constant"
    """How the learning rate falls over the phase."""
    warmup_moves: int = 0
    """Moves over which the learning rate rises linearly from zero."""
    final_share: float = 0.0
    """What is left of the learning rate at the end of a linear or cosine schedule."""

    def __post_init__(self) -> None:
        if not 0 <= self.learning_rate < math.inf:
            raise UsageError(
                f"a learning rate of {self.learning_rate} is not possible: give a number, 0 or more."
            )
        if self.clip_norm is not None and not self.clip_norm > 0:
            raise UsageError(
                f"clip_norm is {self.clip_norm}; it must be above 0 (inf clips nothing)."
            )

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """Return the torch optimizer over these parameters."""
        rate, decay = self.learning_rate, self.weight_decay
        if self.name == "adam":
            return torch.optim.Adam(parameters, rate, self.betas, weight_decay=decay, fused=True)
        if self.name == "adamw":
            return torch.optim.AdamW(parameters, rate, self.betas, weight_decay=decay, fused=True)
        if self.name == "rmsprop":
            return torch.optim.RMSprop(parameters, rate, self.smoothing, weight_decay=decay)
        return torch.optim.SGD(parameters, rate, weight_decay=decay)

    def rate_at(self, progress: float, moves_made: int) -> float:
        """Learning rate when a share ``progress`` of the phase is behind us and so many moves were made."""
        left = 1.0
        if self.schedule == "linear":
            left = 1.0 - progress
        elif self.schedule == "cosine":
            left = 0.5 * (1.0 + math.cos(math.pi * progress))
        share = self.final_share + (1.0 - self.final_share) * left
        warm = min(1.0, (moves_made + 1) / self.warmup_moves) if self.warmup_moves else 1.0
        return self.learning_rate * share * warm
