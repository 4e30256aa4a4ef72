"""Runs as processes of this machine.

Each process holds a lock on its log while it lives. So two processes never write to one run, even if the
parent of the first was killed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

from seqgan_kit.cli.engines.engine import Ending
from seqgan_kit.cli.engines.planned_run import PlannedRun
from seqgan_kit.cli.engines.resuming import log_path, words_now
from seqgan_kit.errors import UsageError

_LOCK_POLL_SECONDS = 0.2


@dataclass
class LocalJob:
    """A process of this machine that trains a run."""

    process: subprocess.Popen[bytes]
    _news: str

    def news(self) -> list[str]:
        """Return how it was started, once."""
        told, self._news = self._news, ""
        return [told] if told else []

    def ending(self) -> Ending | None:
        """Return its exit status, or None while it goes on."""
        code = self.process.poll()
        return None if code is None else Ending(code)

    def ask_to_save(self) -> None:
        """Ask the run to save its state and end."""
        self.process.send_signal(signal.SIGTERM)

    def wait(self) -> None:
        """Wait until it has ended."""
        self.process.wait()

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()


class LocalEngine:
    """Processes of this machine, ``jobs`` at a time."""

    poll_seconds = 0.1
    retries = 0

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs

    def start(self, run: PlannedRun) -> LocalJob:
        """Start a run, or continue it."""
        words, how = words_now(run)
        with locked_log(run) as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "seqgan_kit.cli.main", "run", run.recipe, *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=_environment(self.jobs),
                start_new_session=True,  # Ctrl-C reaches only this process, which asks the runs to save.
            )
        return LocalJob(process, f"{how} (log: {log_path(run)})")

    def check(self, waiting: Sequence[PlannedRun]) -> None:
        """Any run can be started on this machine."""


def locked_log(run: PlannedRun, patience_seconds: float = 0.0) -> IO[bytes]:
    """Return the log, open for the run's process and locked until that process ends.

    Args:
        run: the run.
        patience_seconds: how long to wait for another process that still holds the lock.
    """
    path = log_path(run)
    path.parent.mkdir(parents=True, exist_ok=True)
    log = path.open("ab")
    try:
        import fcntl
    except ImportError:  # Windows
        return log
    last = time.monotonic() + patience_seconds
    while True:
        try:
            fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return log
        except OSError:
            if time.monotonic() < last:
                time.sleep(_LOCK_POLL_SECONDS)
                continue
            log.close()
            raise UsageError(
                f"another process is still running it (it writes to {path}): wait until it ends, "
                "then start this "
                "command again."
            ) from None


def _environment(jobs: int) -> dict[str, str]:
    """Return an environment in which several runs share the CPU cores."""
    environment = dict(os.environ)
    if jobs > 1:
        environment.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // jobs)))
    return environment
