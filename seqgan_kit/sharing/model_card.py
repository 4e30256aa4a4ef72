"""The model card of a shared model: what it is, its scores with their signatures, how to reproduce it."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from seqgan_kit import __version__
from seqgan_kit.core.files.checked_json import read_checked
from seqgan_kit.core.files.json_kinds import record, text
from seqgan_kit.core.runs.log import read_config, read_scores

CARD_MARK = "library_name: seqgan-kit"
"""Line that identifies a generated card."""
_TAGS = {"text": ("text-generation", "gan"), "image": ("unconditional-image-generation", "gan")}
_TO_FILL_IN = "<!-- Please fill in: -->"


def model_card(run_dir: Path) -> str:
    """Return the README.md of the model in a run's folder; the user adds the licence and the data's terms."""
    described = read_checked(run_dir / "model" / "model.json", record({"kind": text(100)}))
    config = read_config(run_dir) if (run_dir / "config.json").is_file() else {}
    parts = [
        _metadata(described["kind"]),
        f"# {_title(config)}\n",
        _what(described, config),
        _use(described["kind"]),
        _scores(read_scores(run_dir)),
        _reproduce(config),
        _data(config),
    ]
    return "\n".join(part for part in parts if part)


def _metadata(kind: str) -> str:
    pipeline, *tags = _TAGS.get(kind, ("other", "gan"))
    listed = "".join(f"- {tag}\n" for tag in (*tags, "seqgan-kit"))
    return f"---\n{CARD_MARK}\npipeline_tag: {pipeline}\ntags:\n{listed}---\n"


def _title(config: Mapping[str, Any]) -> str:
    recipe, preset = config.get("recipe"), config.get("preset")
    if not recipe:
        return "A seqgan-kit model"
    return f"{recipe}, preset {preset}" if preset else str(recipe)


def _what(described: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    networks = {
        name: entry.get("name") or f"{entry.get('class')} (a class of its author's own)"
        for name in ("generator", "discriminator")
        if isinstance(entry := described.get(name), Mapping)
    }
    lines = [f"- {name}: {network}" for name, network in networks.items()]
    unfinished = described.get("unfinished")
    if isinstance(unfinished, Mapping):
        lines.append(
            f"- training has not finished: the model after round {unfinished.get('round')}"
        )
    version = config.get("versions", {}).get("seqgan_kit") or __version__
    lines.append(f"- trained with seqgan-kit {version}, seed {config.get('seed', 'unknown')}")
    return "\n".join(lines) + "\n"


def _use(kind: str) -> str:
    call = "model.sample(16, seed=0)  # an array [N,H,W,C]" if kind == "image" else (
        "model.sample(10, temperature=0.9, seed=0)  # a list of lines"
    )  # fmt: skip
    return (
        "## Use\n\n```python\nimport seqgan_kit as sk\n\n"
        f'model = sk.load("hub:USER/NAME")  # or the path of this folder\n{call}\n```\n'
    )


def _scores(table: Mapping[str, Any] | None) -> str:
    if table is None:
        return ""
    rows, columns = table["rows"], table["columns"]
    head = "| score | " + " | ".join(_cell(row["name"]) for row in rows) + " |"
    rule = "| --- |" + " ---: |" * len(rows)
    body = [
        f"| {_cell(c['label'])} | " + " | ".join(_number(c, row) for row in rows) + " |"
        for c in columns
    ]
    signed = [f"- {_cell(c['label'])}: `{c['signature']}`" for c in columns if c.get("signature")]
    notes = [_cell(note) for note in table.get("notes", [])]
    signatures = ["How each score was computed:", "", *signed] if signed else []
    return "\n".join(["## Scores", "", head, rule, *body, "", *notes, "", *signatures, ""])


def _number(column: Mapping[str, Any], row: Mapping[str, Any]) -> str:
    value, error = (part.get(column["key"]) for part in (row["values"], row.get("errors", {})))
    if value is None or not math.isfinite(value):
        return ""
    digits = int(column.get("digits", 3))
    return f"{value:.{digits}f}" + (f" ± {error:.{digits}f}" if error else "")


def _reproduce(config: Mapping[str, Any]) -> str:
    if not config.get("command"):
        return ""
    versions = ", ".join(f"{name} {v}" for name, v in config.get("versions", {}).items() if v)
    revision = (config.get("git") or {}).get("revision")
    lines = [
        "## Reproduce",
        "",
        f"```bash\n{shlex.join(map(str, config['command']))}\n```",
        "",
        f"Versions: {versions}." + (f" Code: git revision {revision}." if revision else ""),
        "All settings are in config.json.",
    ]
    return "\n".join([*lines, ""])


def _data(config: Mapping[str, Any]) -> str:
    data = config.get("config", {}).get("data", {})
    names = {k: data[k] for k in ("text", "images") if isinstance(data.get(k), str)}
    source = "".join(
        f"Trained on: {json.dumps(name, ensure_ascii=False)}.\n\n" for name in names.values()
    )
    return (
        f"## Data and licence\n\n{source}{_TO_FILL_IN} the data's source and terms, the licence of this "
        "model, and what it must not be used for.\n"
    )


def _cell(value: str) -> str:
    return "".join(_escaped(value))


def _escaped(value: str) -> Iterator[str]:
    for character in str(value):
        yield f"\\{character}" if character in "|<>*_`" else " " if character == "\n" else character
