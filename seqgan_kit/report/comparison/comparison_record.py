"""The record of a comparison, compare.json: means over seeds, differences, verdicts.

Every row is an arm with one sampling setting (temperature 1, another temperature, top-k or top-p). It holds
the mean over seeds, their standard deviation, and the difference from MLE at temperature 1, seed by seed,
with Student's paired t. (The arms of one seed start from one generator.) Scores with different signatures
are not compared.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from seqgan_kit.errors import UsageError
from seqgan_kit.metrics.statistics.paired_t import difference_over_seeds
from seqgan_kit.report.comparison.arm_runs import BASELINE, START, ArmRuns, ComparedRun, sweep_order
from seqgan_kit.report.comparison.frontier_claims import frontier

_MUST_AGREE = ("data", "pairs", "oracle")

Row = dict[str, Any]


def comparison(arms: Sequence[ArmRuns], budget: str, title: str = "") -> dict[str, Any]:
    """Return the record of compare.json.

    Args:
        arms: arms with their finished runs, including the baseline.
        budget: budget of the arms, in a sentence.
        title: title of the page.
    """
    arms = tuned_baseline(arms)
    finished = [run for arm in arms for run in arm.runs]
    check_same_data(finished)
    columns, refused = shared_columns(finished)
    keys = [column["key"] for column in columns]
    rows = [row for arm in arms for row in _arm_rows(arm, keys)]
    _compare_with_baseline(rows)
    shown = [arm.name for arm in arms if arm.role not in ("start", "baseline")]
    return {
        "title": title or "MLE, " + ", ".join(shown),
        "budget": budget,
        "arms": [_arm_record(arm) for arm in arms],
        "columns": columns,
        "refused": refused,
        "rows": [*rows, *_real_rows(arms, keys)],
        "frontier": frontier(rows, columns),
        "notes": _notes(arms),
    }


def tuned_baseline(arms: Sequence[ArmRuns]) -> list[ArmRuns]:
    """Return MLE after further training, or for seeds with a better held-out likelihood the start."""
    by_name = {arm.name: arm for arm in arms}
    if BASELINE not in by_name or START not in by_name:
        return list(arms)
    starts = by_name[START].by_seed()
    chosen = []
    for seed, run in by_name[BASELINE].by_seed().items():
        start = starts.get(seed)
        better = start is not None and start.held_out_nll < run.held_out_nll
        chosen.append(start if start is not None and better else run)
    tuned = ArmRuns(BASELINE, "baseline", tuple(chosen), by_name[BASELINE].problems)
    return [tuned if arm.name == BASELINE else arm for arm in arms]


def shared_columns(
    runs: Iterable[ComparedRun],
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the columns that all tables compute alike, and the others with their signatures by run."""
    found: dict[str, dict[str, Any]] = {}
    ways: dict[str, dict[str, list[str]]] = {}
    for run in runs:
        for column in run.scores["columns"]:
            found.setdefault(column["key"], dict(column))
            by_way = ways.setdefault(column["key"], {})
            by_way.setdefault(str(column.get("signature", "")), []).append(str(run.folder))
    refused = [
        {"key": key, "label": found[key]["label"], "signatures": by_way}
        for key, by_way in ways.items()
        if len(by_way) > 1
    ]
    return [column for key, column in found.items() if len(ways[key]) == 1], refused


def check_same_data(runs: Sequence[ComparedRun]) -> None:
    """Refuse runs on different data; settings that an older version lacked are not compared."""
    for run in runs[1:]:
        _check_same_kind(runs[0], run)
        for group in _MUST_AGREE:
            first, own = (r.config.get("config", {}).get(group, {}) for r in (runs[0], run))
            unlike = [name for name in first if name in own and first[name] != own[name]]
            if unlike:
                name = unlike[0]
                raise UsageError(
                    f"{runs[0].folder} and {run.folder} are runs on different data and cannot be "
                    f"compared: {group}.{name} is {first[name]!r} in the first and "
                    f"{own[name]!r} in the second."
                )


def _check_same_kind(first: ComparedRun, run: ComparedRun) -> None:
    a, b = first.kind, run.kind
    if a and b and a != b:
        raise UsageError(
            f"cannot compare {_article(a)} run with {_article(b)} run: {first.folder} is {_article(a)} run, "
            f"{run.folder} {_article(b)} run. Give runs of one kind."
        )


def _article(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def _arm_rows(arm: ArmRuns, keys: Sequence[str]) -> list[Row]:
    """Return a row for each sampling setting, temperature 1 first."""
    runs = arm.by_seed()
    ways = {at for run in runs.values() for at in run.rows}
    return [
        row_over_seeds(
            arm, {s: run.rows[at] for s, run in runs.items() if at in run.rows}, at, keys
        )
        for at in sorted(ways, key=lambda at: (at != "", *sweep_order(at)))
    ]


def row_over_seeds(
    arm: ArmRuns, by_seed: Mapping[int, Mapping[str, Any]], at: str, keys: Sequence[str]
) -> Row:
    """Return an arm's scores for one sampling setting: mean, spread and the value of each seed."""
    name = f"{arm.name} at {at}" if at else arm.name
    scores = {key: _over_seeds(by_seed, key) for key in keys}
    return {
        "name": name,
        "arm": arm.name,
        "role": arm.role,
        "at": at,
        "scores": {key: score for key, score in scores.items() if score is not None},
    }


def _over_seeds(by_seed: Mapping[int, Mapping[str, Any]], key: str) -> dict[str, Any] | None:
    """Return mean, spread and the value of each seed for one score; None if it was not computed."""
    values = {
        seed: float(row["values"][key])
        for seed, row in by_seed.items()
        if row["values"].get(key) is not None
    }
    if not values:
        return None
    lost = sum(key in row["values"] for row in by_seed.values()) - len(values)
    errors = {
        seed: float(row["errors"][key])
        for seed, row in by_seed.items()
        if seed in values and row.get("errors", {}).get(key) is not None
    }
    known = list(values.values())
    return {
        "mean": statistics.fmean(known),
        "deviation": statistics.stdev(known) if len(known) > 1 else None,
        # Standard error of the mean over these seeds, from sampling alone.
        "error": math.hypot(*errors.values()) / len(known) if len(errors) == len(known) else None,
        "by_seed": values,
        # Number of seeds whose value is not finite; the mean leaves them out.
        "lost": lost,
        "errors_by_seed": errors,
    }


def _compare_with_baseline(rows: Sequence[Row]) -> None:
    """Add the difference from MLE at temperature 1 to the scores of every other row."""
    base = next((r for r in rows if r["arm"] == BASELINE and not r["at"]), None)
    if base is None:
        return
    for row in rows:
        for key, score in row["scores"].items():
            theirs = base["scores"].get(key, {}).get("by_seed", {})
            gaps = [v - theirs[seed] for seed, v in score["by_seed"].items() if seed in theirs]
            difference = difference_over_seeds(gaps) if row is not base else None
            if difference is not None:
                score["difference"] = asdict(difference)


def _real_rows(arms: Sequence[ArmRuns], keys: Sequence[str]) -> list[Row]:
    """Return the rows of real data in the tables of MLE."""
    arm = next((arm for arm in arms if arm.role == "baseline" and arm.runs), None)
    if arm is None:
        return []
    by_seed = {
        seed: row for seed, run in arm.by_seed().items() if (row := run.real_row) is not None
    }
    if not by_seed:
        return []
    return [real_row(by_seed, keys)]


def real_row(by_seed: Mapping[int, Mapping[str, Any]], keys: Sequence[str]) -> Row:
    """Return the row of real data over several tables."""
    row = row_over_seeds(ArmRuns("real data", "method", ()), by_seed, "", keys)
    return {**row, "role": "reference"}


def _arm_record(arm: ArmRuns) -> dict[str, Any]:
    return {
        "name": arm.name,
        "role": arm.role,
        "runs": [_run_record(seed, run) for seed, run in arm.by_seed().items()],
        "problems": {str(seed): text for seed, text in sorted(arm.problems.items())},
    }


def _run_record(seed: int, run: ComparedRun) -> dict[str, Any]:
    return {
        "seed": seed,
        "folder": str(run.folder),
        "generator_updates": run.updates,
        "seconds": run.seconds,
        "command": run.command,
        "revision": (run.config.get("git") or {}).get("revision"),
        "versions": {name: v for name, v in run.config.get("versions", {}).items() if v},
    }


def _notes(arms: Sequence[ArmRuns]) -> list[str]:
    """Return remarks that a reader needs beside the numbers."""
    notes = []
    baseline = next((arm for arm in arms if arm.role == "baseline"), None)
    taken = [str(run.seed) for run in baseline.runs if run.arm == START] if baseline else []
    if taken:
        notes.append(
            f"MLE of seed {', '.join(taken)} is the start itself, because further training did "
            "not lower its "
            "held-out likelihood."
        )
    if not any(arm.role == "control" for arm in arms):
        notes.append(
            "No control with a constant reward took part (no arm has rewards, or none was "
            "given). So the gains of further training and of the discriminator are not "
            "separated."
        )
    fewest = min((len(arm.by_seed()) for arm in arms if arm.role != "start"), default=0)
    if fewest < 3:
        notes.append("An arm has fewer than three seeds, so it has no p-values.")
    run = next((run for arm in arms for run in arm.runs), None)
    told = run.scores.get("notes", []) if run is not None else []
    return [*notes, *(note for note in told if "samples a row" not in note)]
