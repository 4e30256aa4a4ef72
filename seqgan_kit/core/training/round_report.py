"""The report that callbacks get after a round of training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from seqgan_kit.core.game import Game


@dataclass(frozen=True)
class RoundReport:
    """The report of a round for callbacks."""

    phase: str
    """The phase's name."""
    round: int
    """Number of finished rounds of the phase."""
    rounds: int
    """Total number of rounds of the phase."""
    values: Mapping[str, float]
    """Losses and other logged values: means since the last report."""
    game: Game
    """The game, in training mode; sampling from it does not change the run."""


AfterRound = Callable[[RoundReport], object]
