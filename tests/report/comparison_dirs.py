"""Finished runs made by hand, for the tests of comparisons."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seqgan_kit.core.runs.log import RunLog, provenance

COLUMNS = [
    {"key": "forward_kl", "label": "forward KL", "better": "lower", "digits": 2, "signature": "f"},
    {"key": "skewed_kl", "label": "skewed KL", "better": "lower", "digits": 3, "signature": "s"},
    {"key": "validity", "label": "validity", "better": "higher", "digits": 3, "signature": "v"},
]


def make_run(
    folder: Path,
    seed: int,
    rows: Mapping[str, Mapping[str, float | None]],
    *,
    columns: list[dict[str, Any]] | None = None,
    config: Mapping[str, Any] | None = None,
    evaluations: Mapping[int, Mapping[str, float]] | None = None,
    errors: float = 0.01,
) -> Path:
    """A run directory with these rows in its table, real data's included, and these evaluations by round."""
    log = RunLog(folder)
    settings = {"data": {"text": "catworld"}, "oracle": {}, **(config or {})}
    record = {"recipe": "toy", "preset": "smoke", "seed": seed, "config": settings}
    log.write_config({**record, **provenance(), "command": ["seqgan-kit", "run", "toy", "<b>"]})
    phase = "adversarial" if "training" in settings else "mle"
    for at, values in (evaluations or {5: {"nll_valid": 1.5}}).items():
        log.log("evaluation", phase=phase, round=at, total_round=at, move=at * 10, values=values)
        log.sample_path(at, "txt").write_text(f"sample of {folder.parent.name} <i>\n")
    table = [
        {"name": name, "values": dict(values), "errors": dict.fromkeys(values, errors)}
        for name, values in rows.items()
    ]
    table.append({"name": "real data", "values": {"validity": 1.0}, "errors": {}})
    log.write_scores({"title": "t", "columns": columns or COLUMNS, "rows": table, "notes": ["N."]})
    return folder


def scores(quality: float | None, diversity: float, validity: float = 0.8) -> dict[str, Any]:
    """Values of a row."""
    return {"skewed_kl": quality, "forward_kl": diversity, "validity": validity}
