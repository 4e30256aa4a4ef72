"""The record of a sweep, sweep.json: settings x seeds with mean and spread, best first."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seqgan_kit.cli.engines.planned_run import PlannedRun
from seqgan_kit.cli.engines.resuming import finished
from seqgan_kit.cli.sweep.sweep_plan import Sweep
from seqgan_kit.cli.tune.trial_run import updates_of
from seqgan_kit.core.runs.log import read_metrics
from seqgan_kit.errors import unknown

_NOT_FINITE = "the metric is not finite"


def sweep_record(
    sweep: Sweep, problems: Mapping[str, str], command: Sequence[str]
) -> dict[str, Any]:
    """Return what a sweep has come to so far.

    Args:
        sweep: its plan.
        problems: reasons of runs that failed, by title.
        command: the words that started it.
    """
    runs = sweep.runs()
    rows = [
        _row(sweep, name, [run for run in runs if run.arm == name], problems)
        for name in sweep.settings
    ]
    rows.sort(key=lambda row: _rank(row, sweep.higher))
    best = rows[0]["name"] if rows[0]["mean"] is not None else None
    return {
        "recipe": sweep.recipe,
        "flags": list(sweep.words),
        "metric": sweep.metric,
        "better": "higher" if sweep.higher else "lower",
        "seeds": list(sweep.seeds),
        "updates": sum(updates_of(run.folder) for run in runs),
        "settings": rows,
        "best": best,
        # The best of many is chosen on these seeds, so a fair value needs another one.
        "run_best": sweep.command(best, max(sweep.seeds) + 1) if best else None,
        "command": list(command),
    }


def check_metric(sweep: Sweep) -> None:
    """Refuse a metric that no finished run has evaluated."""
    done = [run.folder for run in sweep.runs() if finished(run)]
    names = {name for folder in done for values in _evaluations(folder) for name in values}
    if done and sweep.metric not in names:
        raise unknown(f"metric of {sweep.recipe}'s evaluations", sweep.metric, names)


def _row(
    sweep: Sweep, name: str, runs: Sequence[PlannedRun], problems: Mapping[str, str]
) -> dict[str, Any]:
    values = {run.seed: _value(run.folder, sweep.metric) for run in runs if finished(run)}
    missing = {
        str(run.seed): problems.get(run.title, "not finished yet")
        for run in runs
        if not finished(run)
    }
    known = {seed: value for seed, value in values.items() if value is not None}
    return {
        "name": name,
        "values": sweep.settings[name],
        "mean": statistics.fmean(known.values()) if known else None,
        "deviation": statistics.stdev(known.values()) if len(known) > 1 else None,
        "by_seed": {str(seed): known[seed] for seed in sorted(known)},
        "missing": missing | {str(s): _NOT_FINITE for s in values if s not in known},
    }


def _evaluations(folder: Path) -> list[Mapping[str, float | None]]:
    return [row["values"] for row in read_metrics(folder) if row["kind"] == "evaluation"]


def _value(folder: Path, metric: str) -> float | None:
    """Return the metric in the run's last evaluation that has it; None if it was not finite there."""
    found = [values[metric] for values in _evaluations(folder) if metric in values]
    return found[-1] if found else None


def _rank(row: Mapping[str, Any], higher: bool) -> tuple[bool, int, float, str]:
    """Order settings by their mean; those that miss seeds come later, since failing is no merit."""
    mean = row["mean"]
    score = 0.0 if mean is None else -mean if higher else mean
    return mean is None, len(row["missing"]), score, row["name"]
