"""What a callback is told after a round of training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from seqgan_kit.core.game import Game


@dataclass(frozen=True)
class RoundReport:
    """What a callback is told after a round."""

    phase: str
    """The phase's name."""
    round: int
    """Rounds of the phase that are done."""
    rounds: int
    """Rounds of the phase in all."""
    values: Mapping[str, float]
    """Losses and other logged values: means since the last report."""
    game: Game
    """The game, in training mode; whoever samples from it leaves no trace in the run."""


AfterRound = Callable[[RoundReport], object]
