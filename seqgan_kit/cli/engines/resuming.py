"""State of a planned run, read from its directory, and the arguments that continue it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from seqgan_kit.cli.command import PROGRAM
from seqgan_kit.cli.engines.planned_run import PlannedRun
from seqgan_kit.core.runs.log import read_config, read_metrics, settings_of
from seqgan_kit.errors import UsageError
from seqgan_kit.report.comparison.arm_runs import BASELINE, ROUNDS

_PATHS = ("--out", "--config", "--pretrained")
"""Flags whose values are paths and may be relative or absolute."""
_PASSED_OVER = (*_PATHS, "--most-work")
_TOO_SHORT_SECONDS = 2.0
"""A remaining time budget that is too short to start the run again."""


def finished(run: PlannedRun) -> bool:
    """Return whether the run has finished."""
    return (run.folder / "scores.json").is_file()


def check_command(run: PlannedRun) -> None:
    """Refuse a folder whose run was started with another command."""
    if not (run.folder / "config.json").is_file():
        return
    command = [str(word) for word in read_config(run.folder).get("command", [])]
    known = command[3 if command[:2] == [PROGRAM, "run"] else 2 :]
    ours, theirs = _comparable(run.words), _comparable(known)
    if theirs[: len(ours)] != ours or not _as_limited(run, theirs[len(ours) :]):
        raise UsageError(
            f"{run.folder} holds a run of another command:\n  {shlex.join(known)}\ninstead of\n"
            f"  {shlex.join(run.words)}\n"
            "Choose another folder with --out, or delete that run."
        )


def _as_limited(run: PlannedRun, rest: Sequence[str]) -> bool:
    """Return whether the arguments after the planned ones are exactly its time limit."""
    if not run.seconds:
        return not rest
    if run.arm == BASELINE:
        return list(rest[:1]) == ["--mle-moves"]
    return list(rest) == _minutes(run.seconds)


def _minutes(seconds: float) -> list[str]:
    return ["--max-minutes", f"{seconds / 60:.4f}"]


def _comparable(words: Sequence[str]) -> list[str]:
    """Return the arguments without paths and without flags that older versions did not write."""
    return [
        word
        for before, word in zip(["", *words], words, strict=False)
        if before not in _PASSED_OVER and word not in _PASSED_OVER
    ]


def log_path(run: PlannedRun) -> Path:
    """Return the path of the run's output, beside its folder."""
    return run.folder.with_name(f"{run.folder.name}.log")


def words_now(run: PlannedRun) -> tuple[list[str], str]:
    """Return what to start now: the run, its rest, or only its scores if its time is over."""
    if not (run.folder / "config.json").is_file():
        return [*run.words, *_limit(run)], "started"
    resume = ["--resume", str(run.folder)]
    if not run.seconds or run.arm == BASELINE:
        return resume, "resumed"
    rows = read_metrics(run.folder)
    left = run.seconds - (float(rows[-1]["seconds"]) if rows else 0.0)
    if left > _TOO_SHORT_SECONDS and not time_is_over(run):
        return [*resume, *_minutes(left)], "resumed"
    done = [int(row["round"]) for row in rows if row["phase"] in ROUNDS]
    if not done:
        raise UsageError(
            f"the budget of {run.seconds:g} seconds ended before the first round: "
            "allow more, in another folder (--out)."
        )
    planned = settings_of(run.folder).get("training", {}).get("rounds", 0)
    last = min(max(done) + 1, planned)  # The round in progress is the last.
    return [*resume, "--rounds", str(last)], "time is over, computing scores"


def marker(run: PlannedRun) -> Path:
    """Return the file beside the run's folder that marks an ended time budget without scores."""
    return run.folder.with_name(f"{run.folder.name}.out-of-time")


def time_is_over(run: PlannedRun) -> bool:
    """Return whether only the scores are missing."""
    return marker(run).exists()


def _limit(run: PlannedRun) -> list[str]:
    """Return the flags that limit a run's time. MLE gets a number of updates instead, namely those its
    start made in that time, so that its learning rate schedule knows where the end is.
    """
    if not run.seconds:
        return []
    if run.arm != BASELINE or run.start is None:
        return _minutes(run.seconds)
    rows = [row for row in read_metrics(run.start) if row["kind"] in ("train", "phase")]
    moves = rows[-1]["move"] * run.seconds / (rows[-1]["seconds"] - rows[0]["seconds"])
    return ["--mle-moves", str(max(1, round(moves)))]
