"""Estimate the time left of a run: updates left per turn, times the mean duration of such updates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from seqgan_kit.core.feeds import Feed
from seqgan_kit.core.game import Phase, Turn
from seqgan_kit.core.training.cursor import Cursor, rounds_of

Kind = tuple[tuple[str, ...], str]
"""Players and loss or rule of a turn; such updates take equally long in all phases."""


@dataclass(frozen=True)
class Left:
    """The time left of a run."""

    seconds: float
    """Seconds for updates of kinds that have been timed."""
    untimed: tuple[str, ...]
    """Phases with updates of kinds that have not been timed."""


@dataclass
class Pace:
    """Mean duration of updates by kind, measured by this process."""

    phases: Sequence[Phase]
    feeds: Mapping[str, Feed]
    seconds: dict[Kind, float] = field(default_factory=dict)
    moves: dict[Kind, int] = field(default_factory=dict)

    def add(self, turn: Turn, seconds: float) -> None:
        """Record the duration of one update."""
        kind = _kind(turn)
        self.seconds[kind] = self.seconds.get(kind, 0.0) + seconds
        self.moves[kind] = self.moves.get(kind, 0) + 1

    def left(self, cursor: Cursor) -> Left:
        """Return the time left from the next update on, without evaluations and final scores."""
        seconds, untimed = 0.0, []
        for number, phase in enumerate(self.phases[cursor.phase :], start=cursor.phase):
            done = cursor.round if number == cursor.phase else 0
            for turn in phase.turns:
                moves = self._moves(turn, rounds_of(phase, self.feeds), done)
                if _kind(turn) in self.moves:
                    seconds += moves * self.seconds[_kind(turn)] / self.moves[_kind(turn)]
                elif moves and phase.name not in untimed:
                    untimed.append(phase.name)
        return Left(seconds, tuple(untimed))

    def _moves(self, turn: Turn, rounds: int, done: int) -> int:
        """Return the number of updates of a turn in the rounds after ``done``."""
        feed = self.feeds.get(turn.feed or "")
        batches = feed.batches_per_epoch if feed else 1
        if callable(turn.moves):
            return sum(turn.moves_in(number, batches) for number in range(done, rounds))
        return turn.moves_in(0, batches) * max(0, rounds - done)


def _kind(turn: Turn) -> Kind:
    return turn.players, turn.loss or turn.rule
