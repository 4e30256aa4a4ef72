"""compare.json and compare.html: a comparison on one page without network access or scripts."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seqgan_kit.core.files.checked_json import read_checked
from seqgan_kit.core.files.json_kinds import anything
from seqgan_kit.core.runs.log.records import write_atomically
from seqgan_kit.core.runs.readings import duration
from seqgan_kit.report.charts.frontier_chart import frontier_chart
from seqgan_kit.report.comparison.arm_runs import ArmRuns
from seqgan_kit.report.comparison.comparison_record import comparison, tuned_baseline
from seqgan_kit.report.comparison.learning_curves import learning_curves
from seqgan_kit.report.comparison.means_table import (
    comparison_table,
    display_name,
    verdict_sentences,
)
from seqgan_kit.report.samples import Sample, last_sample
from seqgan_kit.report.templates import render_page, write_page

_ROLES = {
    "start": "MLE, the start of all other arms",
    "baseline": "MLE, trained further",
    "method": "method",
    "control": "control: a reward without information",
}


def write_comparison(
    out: Path, arms: Sequence[ArmRuns], budget: str, command: Sequence[str]
) -> Path:
    """Write compare.json and compare.html into a folder; return the page's path.

    Args:
        out: the folder.
        arms: arms with their finished runs, including the baseline.
        budget: budget of the arms, in words.
        command: command line that makes this comparison.
    """
    out.mkdir(parents=True, exist_ok=True)
    record = comparison(arms, budget) | {"command": list(command)}
    write_atomically(out / "compare.json", record)
    return write_page(out / "compare.html", render(record, arms, out))


def render(record: Mapping[str, Any], arms: Sequence[ArmRuns], out: Path) -> str:
    """Render the page."""
    names = {arm.name: display_name({"name": arm.name, "role": arm.role}) for arm in arms}
    moving = {name: shown for name, shown in names.items() if _role(arms, name) != "start"}
    colours = {name: place for place, name in enumerate(moving)}
    frontier = record["frontier"]
    from_start = any(arm.role == "start" for arm in arms)
    return render_page(
        "comparison.html.j2",
        title=record["title"],
        lead=_lead(record),
        missing=_missing(record),
        facts=_facts(record),
        verdicts=verdict_sentences(record),
        frontier=frontier,
        plane=frontier_chart(frontier, colours, moving) if frontier else "",
        table=comparison_table(record),
        sweeps=comparison_table(record, sweeps=True),
        refused=record["refused"],
        notes=record["notes"],
        arms=[_arm(arm, from_start) for arm in record["arms"]],
        curves=learning_curves(tuned_baseline(arms), colours, moving),
        samples=_samples(arms, names),
        commands=_commands(record),
        shared=_shared(out),
        revisions=_revisions(record),
        folder=str(out),
    )


def _role(arms: Sequence[ArmRuns], name: str) -> str:
    return next(arm.role for arm in arms if arm.name == name)


def _lead(record: Mapping[str, Any]) -> str:
    compared = [arm["name"] for arm in record["arms"] if arm["role"] in ("method", "control")]
    listed = ", ".join(compared[:-1]) + (" and " if len(compared) > 1 else "") + compared[-1]
    return f"What {listed} gained over maximum likelihood. Budget: {record['budget']}."


def _missing(record: Mapping[str, Any]) -> list[tuple[str, list[str], str]]:
    """Return (arm, seeds, reason) of missing runs; those of an arm with one reason are together."""
    seeds: dict[tuple[str, str], list[str]] = {}
    for arm in record["arms"]:
        for seed, why in arm["problems"].items():
            seeds.setdefault((arm["name"], why), []).append(str(seed))
    return [(arm, found, why) for (arm, why), found in seeds.items()]


def _facts(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    runs = [run for arm in record["arms"] for run in arm["runs"]]
    seeds = sorted({run["seed"] for run in runs})
    return [
        ("arms", str(len(record["arms"]))),
        ("seeds", ", ".join(map(str, seeds))),
        ("runs", str(len(runs))),
        ("total training time", duration(sum(run["seconds"] for run in runs))),
    ]


def _arm(arm: Mapping[str, Any], from_start: bool) -> dict[str, str]:
    runs = arm["runs"]
    role = _ROLES[arm["role"]] if from_start or arm["role"] != "baseline" else "MLE"
    seconds = [run["seconds"] for run in runs]
    return {
        "name": display_name(arm),
        "role": role,
        "seeds": ", ".join(str(run["seed"]) for run in runs) or "none",
        "updates": _range([run["generator_updates"] for run in runs]),
        "time": duration(sum(seconds) / len(seconds)) if seconds else "",
    }


def _range(numbers: Sequence[int]) -> str:
    low, high = min(numbers, default=0), max(numbers, default=0)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _samples(arms: Sequence[ArmRuns], names: Mapping[str, str]) -> list[Sample]:
    """Return the last samples of each arm for one seed: the first that all arms have, or the arm's first."""
    common = set.intersection(*(set(arm.by_seed()) for arm in arms if arm.runs))
    made = []
    for arm in arms:
        runs = arm.by_seed()
        if runs:
            seed = min(common) if common else min(runs)
            made.append(last_sample(runs[seed].folder, f"{names[arm.name]}, seed {seed}"))
    return made


def _commands(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    made = [("This comparison", shlex.join(record["command"]))]
    for arm in record["arms"]:
        made += [
            (f"{display_name(arm)}, seed {run['seed']}", shlex.join(run["command"]))
            for run in arm["runs"]
        ]
    return made


def _shared(out: Path) -> str:
    """Return the text of shared.json, the settings that all runs share."""
    path = out / "shared.json"
    return json.dumps(read_checked(path, anything), indent=1) if path.is_file() else ""


def _revisions(record: Mapping[str, Any]) -> list[str]:
    """Return the distinct code revisions and library versions of the runs."""
    runs = [run for arm in record["arms"] for run in arm["runs"]]
    told = [f"git revision {run['revision'][:12]}" for run in runs if run["revision"]]
    told += [f"{name} {version}" for run in runs for name, version in run["versions"].items()]
    return list(dict.fromkeys(told))
