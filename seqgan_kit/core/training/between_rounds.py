"""What a run does between rounds: it logs, evaluates, draws samples, saves, and raises alarms."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, NoReturn, Protocol

import torch

from seqgan_kit.core.game import Phase
from seqgan_kit.core.runs.interrupts import StopWish, Unfinished
from seqgan_kit.core.runs.pace import Pace
from seqgan_kit.core.runs.runtime import restore_rng_state, rng_state
from seqgan_kit.core.training.alarms import ExplodingGradient
from seqgan_kit.core.training.checkpoint import last_good
from seqgan_kit.core.training.keeper import Keeper
from seqgan_kit.core.training.round_report import RoundReport
from seqgan_kit.core.training.state import TrainingState
from seqgan_kit.errors import DataError, TrainingError


class Stop(Protocol):
    """Ends a run that was asked to stop."""

    def __call__(self, phase: Phase, undone: str = "") -> NoReturn:
        """Save everything, and raise what says how to go on."""


class BetweenRounds:
    """The work after each round, as the phase and the hooks say."""

    def __init__(
        self, state: TrainingState, keeper: Keeper, pace: Pace, stop_wish: StopWish, stop: Stop
    ):
        self.state, self.keeper, self.pace = state, keeper, pace
        self.stop_wish, self.stop = stop_wish, stop
        self._estimated_at = float("-inf")

    def log(self, phase: Phase, rounds: int, rate: float) -> None:
        """Average what processes know apart, and writes down the round's means."""
        t, done = self.state, self.state.cursor.round
        # Batch norm's running statistics differ by what each process saw.
        t.runtime.average([b for b in t.shared_buffers() if b.is_floating_point()])
        if _due(phase.log_every_rounds, done, done == rounds):
            t.finite.flush()
            means = t.sums.means(t.runtime)
            self._record("train", phase, means)
            self._estimate()
            t.progress.advance(done, means, rate)
            self._report(phase, rounds, means)

    def look(self, phase: Phase, rounds: int) -> bool:
        """Evaluate, draws, saves as the phase says; True if the phase shall end early."""
        hooks, done = self.state.hooks, self.state.cursor.round
        ended, last = False, done == rounds
        if hooks.evaluate is not None and _due(phase.evaluate_every(rounds), done, last):
            ended = self._evaluate(phase)
        if hooks.draw_samples is not None and _due(phase.sample_every_rounds, done, last):
            self._draw_samples()
        if _due(phase.save_every_rounds, done, False) and not last and not ended:
            self.keeper.save()
        return ended

    def where(self, phase: Phase) -> dict[str, Any]:
        """Return the place of a row in metrics.jsonl."""
        cursor = self.state.cursor
        return {
            "phase": phase.name, "round": cursor.round,
            "total_round": cursor.total_rounds, "move": cursor.total_moves,
        }  # fmt: skip

    def _report(self, phase: Phase, rounds: int, values: Mapping[str, float]) -> None:
        """Call the user's callbacks, after which the run's randomness is put back."""
        t = self.state
        if t.runtime.leads and t.hooks.after_round:
            report = RoundReport(phase.name, t.cursor.round, rounds, values, t.game)
            before = rng_state([t.rng])
            for callback in t.hooks.after_round:
                callback(report)
            restore_rng_state(before, [t.rng])

    def _estimate(self) -> None:
        """Tell the display what is left of the run; once a second, since rounds may be short and many."""
        t, now = self.state, time.monotonic()
        if now - self._estimated_at < 1:
            return
        self._estimated_at, left = now, self.pace.left(t.cursor)
        t.progress.whole_run(left.seconds, left.untimed, several=len(t.phases) > 1)

    def _evaluate(self, phase: Phase) -> bool:
        t = self.state
        t.finite.flush()
        measured = t.runtime.from_leader(self._measured() if t.runtime.leads else None)
        t.cursor.to_evaluate = int(measured is None)
        if measured is None:
            self.stop(phase, "; the evaluation that was broken off will be made anew")
        values: Mapping[str, float] = measured
        self._record("evaluation", phase, values)
        t.progress.advance(t.cursor.round, values, measured=True)
        ended = self.keeper.judge(phase, values)
        if t.runtime.leads and t.hooks.refresh_report is not None:
            t.hooks.refresh_report(t.log.folder)
        return ended

    def _measured(self) -> dict[str, float] | None:
        """None if the evaluation was broken off."""
        t = self.state
        assert t.hooks.evaluate is not None
        with t.aside():
            try:
                with self.stop_wish.may_break_off():
                    return dict(t.hooks.evaluate(t.game, self._rng()))
            except Unfinished:
                return None
            except DataError as error:  # the data were fine when training began
                raise TrainingError(
                    f"the evaluation after move {t.cursor.total_moves} cannot be computed: {error} The "
                    f"generator has diverged. {last_good(t.log.checkpoint_folder)} Lower the learning "
                    "rate or clip the gradient."
                ) from error

    def _draw_samples(self) -> None:
        t = self.state
        t.finite.flush()
        if t.runtime.leads and t.hooks.draw_samples is not None:
            path = t.log.sample_path(t.cursor.total_rounds, "").with_suffix("")
            with t.aside():
                t.hooks.draw_samples(t.game, self._rng(), path)

    def _rng(self) -> torch.Generator:
        """Return the same randomness at every evaluation, so that two of them differ by the players alone."""
        return self.state.runtime.generator("evaluation")

    def _record(self, kind: str, phase: Phase, values: Mapping[str, float]) -> None:
        t, where = self.state, self.where(phase)
        t.log.log(kind, values=values, **where)
        for alarm in (*t.hooks.alarms, ExplodingGradient()):
            if message := alarm.check(values, t.tally):
                t.log.log("alarm", values={}, message=message, **where)
                t.progress.alarm(message)


def _due(every: int, done: int, last: bool) -> bool:
    return every >= 0 and (last or (every > 0 and done % every == 0))
