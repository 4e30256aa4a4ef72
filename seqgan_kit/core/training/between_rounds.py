"""Work between rounds: logging, evaluation, samples, checkpoints and alarms."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, NoReturn, Protocol

import torch

from seqgan_kit.core.game import Phase
from seqgan_kit.core.runs.interrupts import StopWish, Unfinished
from seqgan_kit.core.runs.machine.processors import OtherWork
from seqgan_kit.core.runs.pace import Pace
from seqgan_kit.core.runs.runtime import restore_rng_state, rng_state
from seqgan_kit.core.training.alarms import ExplodingGradient
from seqgan_kit.core.training.checkpoint import last_good
from seqgan_kit.core.training.keeper import Keeper
from seqgan_kit.core.training.round_report import RoundReport
from seqgan_kit.core.training.state import TrainingState
from seqgan_kit.errors import DataError, TrainingError


class Stop(Protocol):
    """A function that ends a run after a stop request."""

    def __call__(self, phase: Phase, undone: str = "") -> NoReturn:
        """Save everything, and raise an error that says how to resume."""


class BetweenRounds:
    """The work after each round, as configured by the phase and the hooks."""

    def __init__(
        self, state: TrainingState, keeper: Keeper, pace: Pace, stop_wish: StopWish, stop: Stop
    ):
        self.state, self.keeper, self.pace = state, keeper, pace
        self.stop_wish, self.stop = stop_wish, stop
        self._estimated_at, self._other_work = float("-inf"), OtherWork()

    def log(self, phase: Phase, rounds: int, rate: float) -> None:
        """Average buffers over processes, and log the round's means."""
        t, done = self.state, self.state.cursor.round
        # Batch norm's running statistics differ between processes, which saw different data.
        t.runtime.average([b for b in t.shared_buffers() if b.is_floating_point()])
        if _due(phase.log_every_rounds, done, done == rounds):
            t.finite.flush()
            means = t.sums.means(t.runtime)
            self._record("train", phase, means)
            if phase.until is not None:
                self._compare(phase, means, last=done == rounds)
            self._estimate()
            t.progress.advance(done, means, rate)
            self._report(phase, rounds, means)

    def look(self, phase: Phase, rounds: int) -> bool:
        """Evaluate, draw samples and save as the phase says; return whether the phase ends early."""
        hooks, done = self.state.hooks, self.state.cursor.round
        ended = bool(self.state.cursor.reached)
        last = ended or done == rounds
        if hooks.evaluate is not None and _due(phase.evaluate_every(rounds), done, last):
            ended = self._evaluate(phase) or ended
        if hooks.draw_samples is not None and _due(phase.sample_every_rounds, done, last):
            self._draw_samples()
        if _due(phase.save_every_rounds, done, False) and not last and not ended:
            self.keeper.save()
        return ended

    def where(self, phase: Phase) -> dict[str, Any]:
        """Return the position fields of a row in metrics.jsonl."""
        cursor = self.state.cursor
        return {
            "phase": phase.name, "round": cursor.round,
            "total_round": cursor.total_rounds, "move": cursor.total_moves,
        }  # fmt: skip

    def _compare(self, phase: Phase, means: Mapping[str, float], *, last: bool) -> None:
        """Note whether a value has reached the one at which the phase ends; tell if it never did."""
        t, goal = self.state, phase.until
        assert goal is not None
        value = means.get(goal.metric)
        t.cursor.reached = int(value is not None and value >= goal.value)
        if last and not t.cursor.reached:
            found = "is not logged" if value is None else f"is {value:.3g} in its last round"
            message = (
                f"phase {phase.name!r} should end when {goal.metric} is {goal.value:g}, but {goal.metric} "
                f"{found}: make the phase longer, or ask for less."
            )
            t.log.log("alarm", values={}, message=message, **self.where(phase))
            t.progress.alarm(message)

    def _report(self, phase: Phase, rounds: int, values: Mapping[str, float]) -> None:
        """Call the user's callbacks, then restore the random state of the run."""
        t = self.state
        if t.runtime.leads and t.hooks.after_round:
            report = RoundReport(phase.name, t.cursor.round, rounds, values, t.game)
            before = rng_state([t.rng])
            for callback in t.hooks.after_round:
                callback(report)
            restore_rng_state(before, [t.rng])

    def _estimate(self) -> None:
        """Update the displayed time left, at most once a second, since rounds may be short."""
        t, now = self.state, time.monotonic()
        if now - self._estimated_at < 1:
            return
        self._estimated_at, left = now, self.pace.left(t.cursor)
        told = t.progress.whole_run(left.seconds, left.untimed, several=len(t.phases) > 1)
        on_processors = t.runtime.device.type == "cpu"
        if told and on_processors and (crowded := self._other_work.warning()):
            t.progress.message(crowded)

    def _evaluate(self, phase: Phase) -> bool:
        t = self.state
        t.finite.flush()
        t.collect()
        measured = t.runtime.from_leader(self._measured() if t.runtime.leads else None)
        t.cursor.to_evaluate = int(measured is None)
        t.sharding.release()
        if measured is None:
            self.stop(phase, "; the interrupted evaluation will be repeated")
        values: Mapping[str, float] = measured
        self._record("evaluation", phase, values)
        t.progress.advance(t.cursor.round, values, measured=True)
        ended = self.keeper.judge(phase, values)
        if t.runtime.leads and t.hooks.refresh_report is not None:
            t.hooks.refresh_report(t.log.folder)
        return ended

    def _measured(self) -> dict[str, float] | None:
        """Return the values of the evaluation; None if it was interrupted."""
        t = self.state
        assert t.hooks.evaluate is not None
        with t.aside():
            try:
                with self.stop_wish.may_break_off():
                    return dict(t.hooks.evaluate(t.game, self._rng()))
            except Unfinished:
                return None
            except (
                DataError
            ) as error:  # The data were valid when training began, so the generator is the cause.
                raise TrainingError(
                    f"the evaluation after update {t.cursor.total_moves} cannot be computed: {error} The "
                    f"generator has diverged. {last_good(t.log.checkpoint_folder)} Lower the learning "
                    "rate or clip the gradient."
                ) from error

    def _draw_samples(self) -> None:
        t = self.state
        t.finite.flush()
        t.collect()
        if t.runtime.leads and t.hooks.draw_samples is not None:
            path = t.log.sample_path(t.cursor.total_rounds, "").with_suffix("")
            with t.aside():
                t.hooks.draw_samples(t.game, self._rng(), path)
        t.sharding.release()

    def _rng(self) -> torch.Generator:
        """Return the same random numbers for every evaluation, so that evaluations differ only by the
        players."""
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
