"""report.html: a run on one page, without network access or script files."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from seqgan_kit.core.files.checked_json import read_checked
from seqgan_kit.core.files.json_kinds import record
from seqgan_kit.core.runs.log import SHEET_COLUMNS, read_config, read_metrics, read_scores
from seqgan_kit.core.runs.readings import duration
from seqgan_kit.errors import CheckpointError
from seqgan_kit.report.charts.curves import sections, spans
from seqgan_kit.report.samples import figures, sliders, sounds, stages
from seqgan_kit.report.tables import score_table
from seqgan_kit.report.templates import render_page, write_page

RELOAD_SECONDS = 15
"""Seconds between reloads of the page while the run is unfinished."""


def write_report(run_dir: Path) -> Path:
    """Write ``report.html`` into a run directory, finished or not; return its path."""
    folder = Path(run_dir)
    return write_page(folder / "report.html", render(folder))


def render(folder: Path) -> str:
    """Render the page of a run."""
    config, rows, scores = read_config(folder), read_metrics(folder), read_scores(folder)
    phases, status = spans(rows), status_of(rows)
    return render_page(
        "report.html.j2",
        title=page_title(config),
        lead=_lead(config),
        status=status,
        reload_seconds=RELOAD_SECONDS,
        facts=list(facts_of(config, rows)),
        phases=[(span.name, _rounds(rows).get(span.name)) for span in phases],
        alarms=[row for row in rows if row["kind"] == "alarm"],
        table=score_table(scores) if scores else None,
        samples=stages(folder, phases),
        sounds=sounds(folder),
        figures=figures(folder),
        sliders=sliders(folder),
        sheet_columns=SHEET_COLUMNS,
        sections=sections(rows, scores),
        settings=_settings(config.get("config", {})),
        changes=_spans_of_settings(config),
        commands=_commands(config, folder, finished=status["kind"] == "done"),
        versions=_versions(config),
        revision=config.get("git"),
        resumes=len(config.get("resumes", [])),
        folder=str(folder),
    )


def page_title(config: Mapping[str, Any]) -> str:
    """Recipe and preset."""
    name, preset = config.get("recipe") or "run", config.get("preset")
    return f"{name}, {preset}" if preset and preset != "default" else str(name)


def _lead(config: Mapping[str, Any]) -> str:
    """Return a sentence that says what was run."""
    words = [f"Recipe {config.get('recipe', 'unknown')}"]
    if config.get("preset"):
        words.append(f"with preset {config['preset']}")
    if config.get("seed") is not None:
        words.append(f"with seed {config['seed']}")
    if config.get("world_size", 1) > 1:
        words.append(f"on {config['world_size']} processes")
    return " ".join(words) + "."


def status_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the status of the run from its last row."""
    if not rows:
        return {"kind": "open", "word": "Not started", "text": "No round has been recorded yet."}
    last = rows[-1]
    if last["kind"] == "phase" and last.get("message"):
        done = last["message"].startswith("finished")
        return {
            "kind": "done" if done else "stopped",
            "word": "Finished" if done else "Stopped",
            "text": "" if done else last["message"],
        }
    length = _rounds(rows).get(last["phase"])
    of = f" of {length}" if length else ""
    text = f"{last['phase']}, round {last['round']}{of}"
    return {"kind": "open", "word": "Unfinished", "text": text}


def _rounds(rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Return the planned lengths of the phases from their first rows."""
    starts = [row for row in rows if row["kind"] == "phase" and row["values"].get("rounds")]
    return {row["phase"]: int(row["values"]["rounds"]) for row in starts}


def facts_of(
    config: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[str, str]]:
    if rows:
        last = rows[-1]
        yield "training time", duration(last["seconds"])
        yield "rounds", f"{last['total_round']:,}"
        yield "moves", f"{last['move']:,}"
    if config.get("started"):
        yield "started", datetime.fromisoformat(config["started"]).strftime("%Y-%m-%d %H:%M")
    if config.get("device"):
        yield "device", str(config["device"])


def _settings(config: Mapping[str, Any]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the nested settings as named groups of (name, value); values without a group come first."""
    lone: Mapping[str, Any] = {
        key: value for key, value in config.items() if not isinstance(value, Mapping)
    }
    groups: list[tuple[str, Mapping[str, Any]]] = [("", lone)] if lone else []
    groups += [(key, value) for key, value in config.items() if isinstance(value, Mapping)]
    return [(name, list(_flat(group))) for name, group in groups]


def _flat(group: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    for key, value in group.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", value if isinstance(value, str) else json.dumps(value)


def _commands(config: Mapping[str, Any], folder: Path, finished: bool) -> list[tuple[str, str]]:
    """Return the commands that repeat, resume, sample and render the run."""
    command, run = [str(word) for word in config.get("command", [])], shlex.quote(str(folder))
    processes = config.get("world_size", 1)
    start, launcher = command[: 3 if command[1:2] == ["run"] else 2], list[str]()
    if processes > 1 and command[:1] == ["python"]:
        launcher = ["torchrun", "--nproc_per_node", str(processes)]
        command, start = launcher + command[1:], launcher + start[1:]
    made = [("Run it again", shlex.join(command))] if command else []
    made += [
        (f"then, from round {resume['from_round']} on", _resumed_by(resume, launcher))
        for resume in _changed_resumes(config)
    ]
    if command and not finished:
        made.append(("Resume it", f"{shlex.join(start)} --resume {run}"))
    return [
        *made,
        *_verbs(folder, run),
        ("Write this page again", f"seqgan-kit report {run}"),
    ]


def _verbs(folder: Path, run: str) -> list[tuple[str, str]]:
    """Return what to type to use the model: the verbs that it lists, or else to sample."""
    use = {
        "sample": ("Sample", f"seqgan-kit sample {run} -n 20"),
        "translate": ("Translate images", f"seqgan-kit translate {run} --images DIR --out DIR"),
        "reverse": (
            "Translate back",
            f"seqgan-kit translate {run} --reverse --images DIR --out DIR",
        ),
        "decode": (
            "Sample, after training a text recipe on its codes",
            f"seqgan-kit sample {run} --prior TEXT_RUN -n 20",
        ),
        "attack": ("Attack images", f"seqgan-kit attack {run} --images DIR --out DIR"),
        "edit": ("Edit images", f"seqgan-kit edit {run} --images DIR --out DIR"),
        "recognise": ("Name what images show", f"seqgan-kit recognise {run} --images DIR"),
        "rebuild": ("Rebuild images", f"seqgan-kit rebuild {run} --images DIR --out DIR"),
    }
    try:
        listed = read_checked(folder / "model" / "model.json", record({})).get("verbs")
    except (OSError, CheckpointError):
        listed = None
    named = listed if isinstance(listed, list) else []
    known = [verb for verb in named if isinstance(verb, str) and verb in use]
    return [use[verb] for verb in known or ["sample"]]


def _changed_resumes(config: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the resumptions that changed settings."""
    return [r for r in config.get("resumes", []) if r.get("changed") and not r.get("finished")]


def _resumed_by(resume: Mapping[str, Any], launcher: Sequence[str]) -> str:
    words = [str(word) for word in resume.get("command", [])]
    return shlex.join([*launcher, *words[1:]] if launcher else words)


def _spans_of_settings(config: Mapping[str, Any]) -> list[tuple[int, list[tuple[str, str, str]]]]:
    """Return (first round, (setting, value before, value after)) for every change of settings."""
    return [
        (int(r["from_round"]), [(name, then, now) for name, (then, now) in r["changed"].items()])
        for r in _changed_resumes(config)
    ]


def _versions(config: Mapping[str, Any]) -> list[tuple[str, str]]:
    known = [(name, v) for name, v in config.get("versions", {}).items() if v]
    known += [("platform", config["platform"])] if config.get("platform") else []
    known += [("CPUs", str(config["cpu_count"]))] if config.get("cpu_count") else []
    return known
