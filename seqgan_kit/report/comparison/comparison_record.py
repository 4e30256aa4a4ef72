"""A comparison of arms over seeds, as compare.json holds it: means, differences, verdicts.

Every row of the table is an arm drawn from in one way (as it is, at a temperature, by top-k or top-p): the
mean over its seeds, their standard deviation, and the difference from MLE as it is, seed by seed (arms of one
seed start from one generator), with Student's paired t. Scores with different signatures are not put side by
side.
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

_MUST_AGREE = ("data", "oracle")

Row = dict[str, Any]


def comparison(arms: Sequence[ArmRuns], budget: str, title: str = "") -> dict[str, Any]:
    """The record of compare.json.

    Args:
        arms: their finished runs; the baseline among them.
        budget: what the arms were allowed to spend, in a sentence.
        title: of the page.
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
    """MLE that went on training, or the start where held-out data say that it was the better one, by seed."""
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
    """The columns that all tables compute alike, and those that they do not, with who computes how."""
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
    """Refuses runs on different data; settings that an older version did not have are not compared."""
    for run in runs[1:]:
        _check_same_kind(runs[0], run)
        for group in _MUST_AGREE:
            first, own = (r.config.get("config", {}).get(group, {}) for r in (runs[0], run))
            unlike = [name for name in first if name in own and first[name] != own[name]]
            if unlike:
                name = unlike[0]
                raise UsageError(
                    f"{runs[0].folder} and {run.folder} are runs on different data and cannot be compared: "
                    f"{group}.{name} is {first[name]!r} in the one and {own[name]!r} in the other."
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
    """A row for each way of drawing from the generator, as it is first."""
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
    """An arm's scores, drawn in one way: mean, spread and the seeds' own values of each."""
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
    """Mean, spread and the seeds' own values of one score; None where it was not computed."""
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
        # Of the mean over these seeds, from the sampling alone.
        "error": math.hypot(*errors.values()) / len(known) if len(errors) == len(known) else None,
        "by_seed": values,
        # Seeds of which it is not finite, which no mean can hold.
        "lost": lost,
        "errors_by_seed": errors,
    }


def _compare_with_baseline(rows: Sequence[Row]) -> None:
    """Adds to every other row's scores their difference from MLE as it is."""
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
    """What real data score in the tables of MLE."""
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
    """What real data score in several tables."""
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
    """What a reader must know besides the numbers."""
    notes = []
    baseline = next((arm for arm in arms if arm.role == "baseline"), None)
    taken = [str(run.seed) for run in baseline.runs if run.arm == START] if baseline else []
    if taken:
        notes.append(
            f"MLE of seed {', '.join(taken)} is the start itself: training it further did not lower its "
            "held-out likelihood."
        )
    if not any(arm.role == "control" for arm in arms):
        notes.append(
            "No control with a null reward took part (no arm has rewards, or none was given): what the "
            "methods gained by training on, whatever the verdict, is not told apart."
        )
    fewest = min((len(arm.by_seed()) for arm in arms if arm.role != "start"), default=0)
    if fewest < 3:
        notes.append("An arm has fewer than three seeds: no significance is claimed for it.")
    run = next((run for arm in arms for run in arm.runs), None)
    told = run.scores.get("notes", []) if run is not None else []
    return [*notes, *(note for note in told if "samples a row" not in note)]
