"""One trial of a search: a run of the recipe, watched while it trains."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqgan_kit.core.runs.log import read_metrics
from seqgan_kit.errors import TrainingError

_POLL_SECONDS = 0.5
_LONGEST_SAVING_SECONDS = 120.0


@dataclass(frozen=True)
class TrialOutcome:
    """What a trial came to."""

    value: float | None
    """The metric in the run's last evaluation that has it; None if none has."""
    updates: int
    """Updates of all players."""
    stopped: bool
    """Whether it was stopped before its end."""


def run_trial(
    recipe: str,
    words: Sequence[str],
    folder: Path,
    metric: str,
    is_hopeless: Callable[[int, float], bool],
) -> TrialOutcome:
    """Train in a process of its own, and stop it where it is hopeless.

    Args:
        recipe: name or file.
        words: its arguments, without the folder.
        folder: folder of the run.
        metric: name of a value of evaluations.
        is_hopeless: function of the number of the evaluation and its value.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    log = folder.with_suffix(".log")
    program = [sys.executable, "-m", "seqgan_kit.cli.main", "run", recipe]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*program, *words, "--out", str(folder), "--overwrite"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    told = 0
    try:
        while True:
            ended = process.poll() is not None
            values = _values(folder, metric)
            for number, value in enumerate(values[told:], start=told):
                if not ended and is_hopeless(number, value):
                    _stop(process)
                    return TrialOutcome(value, updates_of(folder), True)
            told = len(values)
            if ended:
                break
            time.sleep(_POLL_SECONDS)
    except BaseException:
        _stop(process)
        raise
    if process.returncode:
        lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
        said = [line for line in lines if line.strip()] or [f"exit status {process.returncode}"]
        raise TrainingError(f"{said[-1].strip()} (log: {log})")
    return TrialOutcome(values[-1] if values else None, updates_of(folder), False)


def _rows(folder: Path) -> list[dict[str, Any]]:
    return read_metrics(folder) if (folder / "metrics.jsonl").is_file() else []


def _values(folder: Path, metric: str) -> list[float]:
    evaluated = [row["values"] for row in _rows(folder) if row["kind"] == "evaluation"]
    return [float(v[metric]) for v in evaluated if v.get(metric) is not None]


def updates_of(folder: Path) -> int:
    """Return the number of updates of all players that a run has made."""
    return max((int(row.get("move", 0)) for row in _rows(folder)), default=0)


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_LONGEST_SAVING_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
