"""Start, resume, collect and stop planned runs on an engine.

The state is read from the run directories every time, so the same command continues after an interruption.
"""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from seqgan_kit.cli.engines.engine import Ending, Engine, Job
from seqgan_kit.cli.engines.planned_run import PlannedRun
from seqgan_kit.cli.engines.resuming import (
    check_command,
    finished,
    log_path,
    marker,
    time_is_over,
)
from seqgan_kit.core.runs.log import read_metrics
from seqgan_kit.core.runs.readings import duration
from seqgan_kit.errors import Interrupted, SeqganKitError

_NEWS_SECONDS = 60.0
Tell = Callable[[str], None]


@dataclass
class _Active:
    """A run that was handed to the engine."""

    run: PlannedRun
    job: Job
    began: float
    told: int = 0
    """The minute whose progress was told."""
    runs: bool = False
    """Whether it trains, rather than waiting for a node."""


@dataclass
class _Play:
    """The state of all runs while they are played."""

    engine: Engine
    tell: Tell
    waiting: list[PlannedRun]
    active: list[_Active] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)
    losses: Counter[str] = field(default_factory=Counter)


def play(
    runs: Sequence[PlannedRun],
    engine: Engine,
    tell: Tell,
    after_each: Callable[[dict[str, str]], None],
) -> dict[str, str]:
    """Run all runs on an engine; return the reasons of those that failed, by title.

    Args:
        runs: runs in the order of their start.
        engine: where they are trained.
        tell: called with a line of progress.
        after_each: called with the failures so far after each run.
    """
    for run in runs:
        check_command(run)
    state = _Play(engine, tell, [run for run in runs if not finished(run)])
    if len(runs) > len(state.waiting):
        tell(f"{len(runs) - len(state.waiting)} of {len(runs)} runs are finished already")
    with _stoppable():
        try:
            while state.waiting or state.active:
                _start_what_can(state)
                time.sleep(engine.poll_seconds)
                if _collect(state):
                    after_each(state.problems)
                _tell_progress(state, len(runs))
                engine.check([one.run for one in state.active if not one.runs])
        except KeyboardInterrupt:
            _stop(state)
            raise Interrupted(
                "Stopped; everything is saved. Rerun the same command to continue.", 130
            ) from None
        except BaseException:
            _stop(state)
            raise
    return state.problems


def _start_what_can(state: _Play) -> None:
    for run in list(state.waiting):
        if len(state.active) >= state.engine.jobs:
            return
        if run.start is not None and not (run.start / "scores.json").is_file():
            if f"{run.start.parent.name}, seed {run.seed}" in state.problems:
                state.waiting.remove(run)
                _fail(state, run, "not started, because the run that it starts from failed")
            continue
        state.waiting.remove(run)
        try:
            job = state.engine.start(run)
        except SeqganKitError as error:
            _fail(state, run, str(error))
            continue
        state.active.append(one := _Active(run, job, time.monotonic()))
        _tell_news(one, state.tell)


def _fail(state: _Play, run: PlannedRun, reason: str) -> None:
    state.problems[run.title] = reason
    state.tell(f"{run.title}: {reason}")


def _collect(state: _Play) -> bool:
    """Take the runs that ended out of the active ones; return whether one of them is settled."""
    settled = False
    for one in list(state.active):
        ending = one.job.ending()
        _tell_news(one, state.tell)
        if ending is None:
            continue
        state.active.remove(one)
        if _is_settled(state, one, ending):
            settled = True
        else:
            state.waiting.insert(0, one.run)
    return settled


def _is_settled(state: _Play, one: _Active, ending: Ending) -> bool:
    """Record how a run ended; return False if it must be started again, to go on or for its scores."""
    run, took = one.run, duration(time.monotonic() - one.began)
    if finished(run) and (ending.code == 0 or ending.lost):
        state.tell(f"{run.title}: finished after {took}")
        return True
    if ending.lost and state.losses[run.title] < state.engine.retries:
        state.losses[run.title] += 1
        times = f"{state.losses[run.title]} of {state.engine.retries}"
        state.tell(f"{run.title}: lost after {took} ({ending.lost}); retry {times} resumes it")
        return False
    if ending.code == 0 and not ending.lost and run.seconds and not time_is_over(run):
        marker(run).touch()
        return False
    reason = ending.problem or ending.lost or _last_words(log_path(run), ending.code)
    state.problems[run.title] = reason
    state.tell(f"{run.title}: failed after {took}: {reason} (log: {log_path(run)})")
    return True


def _last_words(log: Path, code: int) -> str:
    """Return the last informative line of a log, for a message."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    said = [line.strip() for line in lines if line.strip()]
    errors = [line for line in said if "error:" in line.lower()]
    return (errors or said or [f"exit status {code}"])[-1]


def _tell_news(one: _Active, tell: Tell) -> None:
    """Print where and how a job was started."""
    for line in one.job.news():
        if not one.runs:
            one.runs, one.began = True, time.monotonic()
        tell(f"{one.run.title}: {line}")


def _tell_progress(state: _Play, runs: int) -> None:
    """Print once a minute how far each run is, and how many wait for a node."""
    waits = [one for one in state.active if not one.runs]
    first = waits[0] if waits else None
    for one in state.active:
        minute = int((time.monotonic() - one.began) / _NEWS_SECONDS)
        if minute <= one.told:
            continue
        one.told = minute
        rows = read_metrics(one.run.folder)
        if one.runs and rows:
            state.tell(f"{one.run.title}: {rows[-1]['phase']}, round {rows[-1]['round']}")
        elif one is first:
            state.tell(
                f"{len(state.active) - len(waits)} of {runs} runs are training, {len(waits)} wait for "
                f"free resources, {len(state.waiting)} for other runs"
            )


def _stop(state: _Play) -> None:
    """Ask every run to save and wait for it; a second Ctrl-C stops at once."""
    for one in state.active:
        one.job.ask_to_save()
    if state.active:
        state.tell(
            f"stopping: {len(state.active)} run(s) are saving their state (press Ctrl-C again to stop "
            "at once)"
        )
    try:
        for one in state.active:
            one.job.wait()
    except KeyboardInterrupt:
        for one in state.active:
            one.job.kill()


@contextmanager
def _stoppable() -> Iterator[None]:
    """Treat SIGTERM and a closed terminal like Ctrl-C."""

    def stop(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    numbers = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
