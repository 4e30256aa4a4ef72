"""What a worker of a Ray cluster executes: it starts or resumes a run on its node and waits for it.

This file does not import Ray. Its functions are called by name on every node, so seqgan-kit must be
installed there.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from seqgan_kit import __version__
from seqgan_kit.cli.engines.engine import Ending
from seqgan_kit.cli.engines.local_engine import locked_log
from seqgan_kit.cli.engines.planned_run import PlannedRun
from seqgan_kit.cli.engines.resuming import words_now
from seqgan_kit.errors import SeqganKitError, system_problem

_POLL_SECONDS = 0.2
_LOCK_SECONDS = 60.0
"""How long a retry waits for the process of a lost worker to end."""


@dataclass(frozen=True)
class Site:
    """Where a command was started, and what every node must have."""

    folder: Path
    """Its working directory, to which the paths of a run are relative."""
    out: Path
    """Absolute folder of all runs."""
    sign: str
    """Name of a file in that folder that a node must see."""
    version: str = __version__
    threads: str = ""
    """OMP_NUM_THREADS of the runs; empty for what Ray sets, the number of their processors."""
    uses_gpus: bool = False
    """Whether runs may see the GPUs that Ray gives them; otherwise they see none."""


def node_problem(site: Site) -> str:
    """Return why this node cannot train runs of a site; empty if it can."""
    where = f"node {socket.gethostname()}"
    if site.version != __version__:
        return (
            f"{where} has seqgan-kit {__version__} and this machine {site.version}: install one version "
            "on all nodes."
        )
    if not site.folder.is_dir():
        return (
            f"{where} has no folder {site.folder}: start the command in a folder on storage that all "
            "nodes share."
        )
    if not (site.out / site.sign).is_file():
        return (
            f"{where} does not see the files in {site.out}: give --out a folder on storage that all "
            "nodes share under one path."
        )
    try:
        with NamedTemporaryFile(dir=site.out, prefix=site.sign):
            pass
    except OSError as error:
        return (
            f"{where} cannot write to {site.out} ({error.strerror}): change its permissions, or give another "
            "--out."
        )
    return ""


def run_on_node(run: PlannedRun, site: Site) -> Ending:
    """Train a run on this node, from where it was left, until it ends.

    Ray interrupts this function when the command is stopped; then the run saves its state.
    """
    if problem := node_problem(site):
        return Ending(2, problem)
    _hear_interrupts()
    here = _absolute(run, site.folder)
    try:
        with locked_log(here, _LOCK_SECONDS) as log:
            words, how = words_now(here)
            _note_attempt(here, how)
            process = subprocess.Popen(
                [
                    *(
                        sys.executable,
                        "-m",
                        "seqgan_kit.cli.engines.attended_run",
                        str(os.getpid()),
                    ),
                    *("run", run.recipe, *words),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=site.folder,
                env=_environment(site),
                start_new_session=True,
            )
    except SeqganKitError as error:
        return Ending(2, str(error))
    except OSError as error:
        return Ending(2, system_problem(error))
    return Ending(_wait(process))


def _hear_interrupts() -> None:
    """Let Ray interrupt this task although the cluster was started in a shell's background.

    Such a shell ignores SIGINT, its workers inherit that, and Ray interrupts a task by this signal.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if is_main and signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def attempts_path(run: PlannedRun) -> Path:
    """Return the file beside a run's folder with a line for every node that trained it."""
    return run.folder.with_name(f"{run.folder.name}.attempts.jsonl")


def read_attempts(run: PlannedRun) -> list[dict[str, Any]]:
    """Return node, pid and ``how`` ("started" or "resumed") of every attempt at a run."""
    try:
        lines = attempts_path(run).read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in lines[:-1]]


def _note_attempt(run: PlannedRun, how: str) -> None:
    attempt = {"how": how, "node": socket.gethostname(), "worker": os.getpid(), "time": time.time()}
    with attempts_path(run).open("a", encoding="utf-8") as file:
        file.write(json.dumps(attempt) + "\n")


def _absolute(run: PlannedRun, folder: Path) -> PlannedRun:
    """Return a run whose own paths are absolute; its arguments stay as they were planned."""
    start = None if run.start is None else folder / run.start
    return replace(run, folder=folder / run.folder, start=start)


def _environment(site: Site) -> dict[str, str]:
    """Return the worker's environment, in which Ray has set the devices and the number of threads."""
    chosen = {"OMP_NUM_THREADS": site.threads} if site.threads else {}
    return os.environ | chosen | ({} if site.uses_gpus else {"CUDA_VISIBLE_DEVICES": ""})


def _wait(process: subprocess.Popen[bytes]) -> int:
    """Wait for a run, and let it save its state if this task is cancelled."""
    while True:
        try:
            # Ray's interruption does not end a system call, so wait in short steps.
            while (code := process.poll()) is None:
                time.sleep(_POLL_SECONDS)
            return code
        except KeyboardInterrupt:
            process.send_signal(signal.SIGTERM)
