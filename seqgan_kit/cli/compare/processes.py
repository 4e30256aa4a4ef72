"""Start, resume, collect and stop the runs of a comparison as processes.

The state is read from the run directories every time, so the same command continues after an interruption.
Each process holds a lock on its log while it lives. So two processes never write to one run, even if the
parent of the first was killed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from seqgan_kit.cli.compare.plan import PlannedRun
from seqgan_kit.cli.compare.resuming import (
    check_command,
    finished,
    log_path,
    marker,
    time_is_over,
    words_now,
)
from seqgan_kit.core.runs.log import read_metrics
from seqgan_kit.core.runs.readings import duration
from seqgan_kit.errors import Interrupted, SeqganKitError, UsageError

_POLL_SECONDS = 0.1
_NEWS_SECONDS = 60.0
Tell = Callable[[str], None]


@dataclass
class _Process:
    """A running process of a run."""

    run: PlannedRun
    process: subprocess.Popen[bytes]
    began: float
    told: str = ""


def play(
    runs: Sequence[PlannedRun], jobs: int, tell: Tell, after_each: Callable[[dict[str, str]], None]
) -> dict[str, str]:
    """Run all runs, ``jobs`` at a time; return the reasons of those that failed, by title.

    Args:
        runs: runs in the order of their start.
        jobs: number of runs at a time.
        tell: called with a line of progress.
        after_each: called with the failures so far after each run.
    """
    for run in runs:
        check_command(run)
    waiting = [run for run in runs if not finished(run)]
    if len(runs) > len(waiting):
        tell(f"{len(runs) - len(waiting)} of {len(runs)} runs are finished already")
    active: list[_Process] = []
    problems: dict[str, str] = {}
    with _stoppable():
        try:
            while waiting or active:
                _start_what_can(waiting, active, problems, jobs, tell)
                time.sleep(_POLL_SECONDS)
                for one in [one for one in active if one.process.poll() is not None]:
                    active.remove(one)
                    if _ended(one, problems, tell):
                        after_each(problems)
                    else:
                        waiting.insert(0, one.run)
                _tell_news(active, tell)
        except KeyboardInterrupt:
            _stop(active, tell)
            raise Interrupted(
                "Stopped; everything is saved. Rerun the same command to continue.", 130
            ) from None
        except BaseException:
            _stop(active, tell)
            raise
    return problems


def _start_what_can(
    waiting: list[PlannedRun],
    active: list[_Process],
    problems: dict[str, str],
    jobs: int,
    tell: Tell,
) -> None:
    for run in list(waiting):
        if len(active) >= jobs:
            return
        if run.start is not None and not (run.start / "scores.json").is_file():
            if f"{run.start.parent.name}, seed {run.seed}" in problems:
                waiting.remove(run)
                problems[run.title] = "not started, because the run that it starts from failed"
                tell(f"{run.title}: {problems[run.title]}")
            continue
        waiting.remove(run)
        try:
            active.append(_start(run, jobs, tell))
        except SeqganKitError as error:
            problems[run.title] = str(error)
            tell(f"{run.title}: {error}")


def _start(run: PlannedRun, jobs: int, tell: Tell) -> _Process:
    words, how = words_now(run)
    log = _locked_log(run)
    with log:
        command = [sys.executable, "-m", "seqgan_kit.cli.main", "run", run.recipe, *words]
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=_environment(jobs),
            start_new_session=True,  # Ctrl-C reaches only this process, which asks the runs to save.
        )
    tell(f"{run.title}: {how} (log: {log_path(run)})")
    return _Process(run, process, time.monotonic())


def _locked_log(run: PlannedRun) -> IO[bytes]:
    """Return the log, open for the run's process and locked until that process ends."""
    path = log_path(run)
    path.parent.mkdir(parents=True, exist_ok=True)
    log = path.open("ab")
    try:
        import fcntl
    except ImportError:  # Windows
        return log
    try:
        fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        log.close()
        raise UsageError(
            f"another process is still running it (it writes to {path}): wait until it ends, "
            "then start this "
            "command again."
        ) from None
    return log


def _environment(jobs: int) -> dict[str, str]:
    """Return an environment in which several runs share the CPU cores."""
    environment = dict(os.environ)
    if jobs > 1:
        environment.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // jobs)))
    return environment


def _ended(one: _Process, problems: dict[str, str], tell: Tell) -> bool:
    """Record how a run ended; return False if it must be started again for its scores."""
    run, code = one.run, one.process.returncode
    took = duration(time.monotonic() - one.began)
    if code == 0 and finished(run):
        tell(f"{run.title}: finished after {took}")
        return True
    if code == 0 and run.seconds and not time_is_over(run):
        marker(run).touch()
        return False
    problems[run.title] = _last_words(log_path(run), code)
    tell(f"{run.title}: failed after {took}: {problems[run.title]} (log: {log_path(run)})")
    return True


def _last_words(log: Path, code: int) -> str:
    """Return the last informative line of a log, for a message."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    said = [line.strip() for line in lines if line.strip()]
    errors = [line for line in said if "error:" in line.lower()]
    return (errors or said or [f"exit status {code}"])[-1]


def _tell_news(active: Sequence[_Process], tell: Tell) -> None:
    """Print the progress of each run once a minute."""
    for one in active:
        minute = int((time.monotonic() - one.began) / _NEWS_SECONDS)
        if minute and one.told != str(minute):
            one.told = str(minute)
            rows = read_metrics(one.run.folder)
            if rows:
                tell(f"{one.run.title}: {rows[-1]['phase']}, round {rows[-1]['round']}")


def _stop(active: Sequence[_Process], tell: Tell) -> None:
    """Ask every run to save and wait for it; a second Ctrl-C stops at once."""
    for one in active:
        one.process.send_signal(signal.SIGTERM)
    if active:
        tell(
            f"stopping: {len(active)} run(s) are saving their state (press Ctrl-C again to stop "
            "at once)"
        )
    try:
        for one in active:
            one.process.wait()
    except KeyboardInterrupt:
        for one in active:
            one.process.kill()


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
