"""Display of a training run: live in a terminal, timestamped lines in a pipe.

with Progress("auto") as progress:
    progress.phase("adversarial", rounds=50)
    progress.advance(1, {"generator/loss": 2.3}, moves_per_second=31.0)
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import TracebackType
from typing import Literal, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from seqgan_kit.core.runs.readings import chosen, duration
from seqgan_kit.core.runs.terminal import printable
from seqgan_kit.errors import unknown

Mode = Literal["auto", "live", "plain", "quiet"]
_MODES = ("auto", "live", "plain", "quiet")

_TRAINING = ("loss", "accuracy", "reward", "penalty", "entropy")
# Seconds of training before the estimated total is printed.
_ESTIMATE_SECONDS = 5.0
_PLAIN_SECONDS = 5.0
_PLAIN_SECONDS_AT_MOST = 60.0


@dataclass(frozen=True)
class _Standing:
    """Progress of a phase. It is replaced as a whole, so the drawing thread never sees a partial update."""

    name: str
    rounds: int
    done: int
    began: float
    began_at: int
    moves_per_second: float | None = None
    values: Mapping[str, float] = field(default_factory=dict)
    measured: Mapping[str, float] = field(default_factory=dict)
    """Values of the last evaluation."""
    measured_at: int = 0

    def shown(self, width: int) -> str:
        """Return the values of the round, then those of the last evaluation, with its round if it is
        older."""
        now = chosen(self.values, width)
        if not self.measured:
            return now
        stale = f"at round {self.measured_at}: " if self.measured_at != self.done else ""
        then = chosen(self.measured, width - len(now) - len(stale) - 2)
        return f"{now}  {stale}{then}".strip() if then else now

    def seconds_left(self, now: float) -> float | None:
        """Estimate the seconds left from this phase's pace in this process."""
        made = self.done - self.began_at
        return (now - self.began) / made * (self.rounds - self.done) if made > 0 else None


class Progress:
    """Progress display of a run, as a context manager.

    Args:
        mode: ``live`` or ``plain``; ``auto`` is ``live`` in a terminal and ``plain`` elsewhere; ``quiet``
        shows
            only alarms, on stderr.
        console: where to write (default: stdout).
    """

    def __init__(self, mode: Mode = "auto", *, console: Console | None = None) -> None:
        if mode not in _MODES:
            raise unknown("progress mode", mode, _MODES)
        self._console = console or Console(highlight=False)
        if mode == "auto":
            alive = self._console.is_terminal and not self._console.is_dumb_terminal
            mode = "live" if alive else "plain"
        self.mode: Mode = mode
        self._standing: _Standing | None = None
        self._live: Live | None = None
        self._began = time.monotonic()
        self._last_line = float("-inf")
        self._whole_run, self._estimated = "", False

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        if self.mode == "live":
            # Live also moves prints from other code above the display.
            self._live = Live(
                console=self._console, get_renderable=self._frame, refresh_per_second=4
            )
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self._finish_phase()
        if self._live is not None:
            self._live.stop()  # After an error the last frame stays, to show how far the run came.
            self._live = None

    def phase(self, name: str, rounds: int, done: int = 0) -> None:
        """Begin a phase of ``rounds`` rounds, of which an earlier process finished ``done``."""
        self._finish_phase()
        now = time.monotonic()
        self._standing = _Standing(name, rounds, done, began=now, began_at=done)
        if self.mode == "plain":
            begun = f", {done} of them done" if done else ""
            self._line(f"{name}: {rounds} round{'' if rounds == 1 else 's'}{begun}")
            self._last_line = now

    def advance(
        self,
        round: int,
        values: Mapping[str, float],
        moves_per_second: float | None = None,
        *,
        measured: bool = False,
    ) -> None:
        """Show that ``round`` rounds of this phase are done; ``values`` are the latest values.

        With ``measured``, the values are those of an evaluation. They stay visible until the next evaluation,
        and show their round number once later rounds are done.
        """
        if self._standing is None:
            return
        rate = moves_per_second if moves_per_second is not None else self._standing.moves_per_second
        standing = replace(self._standing, done=round, moves_per_second=rate)
        if measured:
            self._standing = replace(standing, measured=values, measured_at=round)
        else:
            self._standing = replace(standing, values={**standing.values, **values})
        # The summary of the last round waits for the end of the phase: its evaluation may still come.
        if self.mode == "plain" and round < self._standing.rounds:
            self._line_if_due()

    def whole_run(self, seconds: float, untimed: Sequence[str], *, several: bool) -> bool:
        """Show the seconds left of the whole run, without the phases in ``untimed``.

        They are printed once, after the first updates, and shown beside the phase's if there are several
        phases. Returns whether they were printed now.
        """
        about = f"{'over ' if untimed else ''}{duration(seconds)}"
        self._whole_run = f"run {about}" if several else ""
        if self._estimated or time.monotonic() - self._began < _ESTIMATE_SECONDS:
            return False
        self._estimated = True
        without = f", without {', '.join(untimed)}" if untimed else ""
        self.message(
            f"estimate from the first updates: training takes {about} more{without}, plus evaluations"
        )
        return True

    def message(self, text: str) -> None:
        """Print a line that stays, above the display."""
        if self.mode != "quiet":
            self._say(Text(self._shown(text)))

    def alarm(self, text: str) -> None:
        """Print a warning about training, in every mode."""
        if self.mode == "quiet":
            told = Text(printable(f"alarm: {text}"))
            Console(stderr=True, highlight=False).print(told, soft_wrap=True)
        else:
            self._say(Text(f"alarm: {self._shown(text)}", style="bold red"))

    def _shown(self, text: str) -> str:
        return str(printable(text)) if self._console.is_terminal else text

    def _say(self, text: Text) -> None:
        if self.mode == "plain":
            self._line(text.plain, style=text.style)
        else:
            self._console.print(text)

    def _line(self, text: str, style: object = "") -> None:
        stamp = datetime.now().strftime("%H:%M:%S")
        # A pipe's encoding may lack a character; this must not end the training.
        encoding = self._console.encoding or "utf-8"
        safe = text.encode(encoding, "replace").decode(encoding)
        self._console.print(Text(f"{stamp}  {safe}", style=str(style)), soft_wrap=True)

    def _line_if_due(self) -> None:
        now = time.monotonic()
        # Lines become rarer in a long run, so that its log stays readable.
        pause = min(max(_PLAIN_SECONDS, (now - self._began) / 50), _PLAIN_SECONDS_AT_MOST)
        if self._standing is not None and now - self._last_line >= pause:
            self._last_line = now
            self._line("  ".join(_running_line(self._standing, now, self._whole_run)).rstrip())

    def _finish_phase(self) -> None:
        standing, self._standing = self._standing, None
        if standing is None or self.mode == "quiet" or standing.done == standing.began_at:
            return
        took = duration(time.monotonic() - standing.began)
        count = f"{standing.done}/{standing.rounds} in {took}"
        word = "done" if standing.done >= standing.rounds else "ended"
        if self.mode == "plain":
            self._line(f"{standing.name} {word} {count}  {standing.shown(80)}".rstrip())
            return
        line = Text.assemble((f"{word} ", "green"), standing.name, (f"  {count}", "dim"))
        room = self._console.width - line.cell_len - 2
        self._console.print(line.append(f"  {standing.shown(room)}"), no_wrap=True)

    def _frame(self) -> RenderableType:
        standing = self._standing
        if standing is None:
            return Text("")
        now, grid = time.monotonic(), Table.grid(padding=(0, 2, 0, 0), expand=True)
        grid.add_column(no_wrap=True)
        grid.add_column(ratio=1)
        grid.add_column(no_wrap=True, justify="right")
        name, *rest = _running_line(standing, now, self._whole_run, with_values=False)
        bar = ProgressBar(total=max(standing.rounds, 1), completed=standing.done)
        grid.add_row(Text(name, style="bold"), bar, Text("  ".join(rest)))
        width = self._console.width - 3
        rows = [chosen(part, width) for part in _by_origin(standing.values)]
        if standing.measured:
            stale = standing.measured_at != standing.done
            mark = f"at round {standing.measured_at}: " if stale else ""
            rows.append(mark + chosen(standing.measured, width - len(mark)))
        return Group(grid, *(Text(f"  {row}", style="cyan", no_wrap=True) for row in rows if row))


def _running_line(
    standing: _Standing, now: float, whole_run: str, with_values: bool = True
) -> list[str]:
    """Return the parts of a phase's line: name, count, time left of phase and run, rate and, if wanted,
    values."""
    left = standing.seconds_left(now)
    words = [standing.name, f"{standing.done}/{standing.rounds}"]
    words.append(f"eta {duration(left)}" if left is not None else "eta -:--")
    if whole_run:
        words.append(whole_run)
    if standing.moves_per_second is not None:
        words.append(f"{standing.moves_per_second:.3g} updates/s")
    return [*words, standing.shown(80)] if with_values else words


def _by_origin(values: Mapping[str, float]) -> tuple[dict[str, float], dict[str, float]]:
    """Split values into those of training and those of evaluations."""
    training = {name: v for name, v in values.items() if any(word in name for word in _TRAINING)}
    return training, {name: v for name, v in values.items() if name not in training}
