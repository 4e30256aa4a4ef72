"""Where a run of a comparison stands, read from its directory, and what to start to bring it on."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from seqgan_kit.cli.command import PROGRAM
from seqgan_kit.cli.compare.plan import PlannedRun
from seqgan_kit.core.runs.log import read_config, read_metrics, settings_of
from seqgan_kit.errors import UsageError
from seqgan_kit.report.comparison.arm_runs import ADVERSARIAL, BASELINE

_PATHS = ("--out", "--config", "--pretrained")
"""Flags whose values may be written in another way, relative or absolute."""
_PASSED_OVER = (*_PATHS, "--most-work")
_TOO_SHORT_SECONDS = 2.0
"""A rest of the time budget that is not worth a start."""


def finished(run: PlannedRun) -> bool:
    """Whether the run is there to be collected."""
    return (run.folder / "scores.json").is_file()


def check_command(run: PlannedRun) -> None:
    """Refuses a folder whose run was started with another command than the planned one."""
    if not (run.folder / "config.json").is_file():
        return
    command = [str(word) for word in read_config(run.folder).get("command", [])]
    known = command[3 if command[:2] == [PROGRAM, "run"] else 2 :]
    ours, theirs = _comparable(run.words), _comparable(known)
    if theirs[: len(ours)] != ours or not _as_limited(run, theirs[len(ours) :]):
        raise UsageError(
            f"{run.folder} holds a run of another command:\n  {shlex.join(known)}\nand not of\n"
            f"  {shlex.join(run.words)}\nChoose another folder by --out, or delete that run."
        )


def _as_limited(run: PlannedRun, rest: Sequence[str]) -> bool:
    """Whether the words after the planned ones are the limit of its time, and no other."""
    if not run.seconds:
        return not rest
    if run.arm == BASELINE:
        return list(rest[:1]) == ["--mle-moves"]
    return list(rest) == _minutes(run.seconds)


def _minutes(seconds: float) -> list[str]:
    return ["--max-minutes", f"{seconds / 60:.4f}"]


def _comparable(words: Sequence[str]) -> list[str]:
    """The words without those that say where things lie, and without what older versions did not say."""
    return [
        word
        for before, word in zip(["", *words], words, strict=False)
        if before not in _PASSED_OVER and word not in _PASSED_OVER
    ]


def log_path(run: PlannedRun) -> Path:
    """What the run prints, beside its folder."""
    return run.folder.with_name(f"{run.folder.name}.log")


def words_now(run: PlannedRun) -> tuple[list[str], str]:
    """What to start now: the run, the rest of it, or only its scores when its time is over."""
    if not (run.folder / "config.json").is_file():
        return [*run.words, *_limit(run)], "started"
    resume = ["--resume", str(run.folder)]
    if not run.seconds or run.arm == BASELINE:
        return resume, "resumed"
    rows = read_metrics(run.folder)
    left = run.seconds - (float(rows[-1]["seconds"]) if rows else 0.0)
    if left > _TOO_SHORT_SECONDS and not time_is_over(run):
        return [*resume, *_minutes(left)], "resumed"
    done = [int(row["round"]) for row in rows if row["phase"] == ADVERSARIAL]
    if not done:
        raise UsageError(
            f"{run.seconds:g} seconds were over before its adversarial phase began: allow more, in another "
            "folder (--out)."
        )
    planned = settings_of(run.folder).get("training", {}).get("rounds", 0)
    last = min(max(done) + 1, planned)  # the round in progress is the last
    return [*resume, "--rounds", str(last)], "out of time, being scored"


def marker(run: PlannedRun) -> Path:
    """A file beside the run's folder: its time is over, though it has no scores yet."""
    return run.folder.with_name(f"{run.folder.name}.out-of-time")


def time_is_over(run: PlannedRun) -> bool:
    """Whether only the scores are missing."""
    return marker(run).exists()


def _limit(run: PlannedRun) -> list[str]:
    """What holds a run to its seconds. MLE gets the updates that its start made in as many, so that its
    learning rate knows where the end is."""
    if not run.seconds:
        return []
    if run.arm != BASELINE or run.start is None:
        return _minutes(run.seconds)
    rows = [row for row in read_metrics(run.start) if row["kind"] in ("train", "phase")]
    moves = rows[-1]["move"] * run.seconds / (rows[-1]["seconds"] - rows[0]["seconds"])
    return ["--mle-moves", str(max(1, round(moves)))]
