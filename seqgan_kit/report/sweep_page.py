"""The table of a sweep, for the terminal and sweep.html: a row for each setting, best first."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from seqgan_kit.core.runs.log import write_whole
from seqgan_kit.core.runs.terminal import printable
from seqgan_kit.report.tables import Cell, ScoreTable, headed
from seqgan_kit.report.templates import render_page, write_page

RECORD, PAGE = "sweep.json", "sweep.html"
_WIDTH = 100
_MOST_ROWS = 20
"""Rows of the table on the terminal; the page has all."""
_LEGEND = (
    "The value is that of the last evaluation. ± is the standard deviation over seeds. The best of many "
    "settings was chosen on these seeds, so its mean is optimistic: train it with another seed."
)


def write_sweep(out: Path, record: Mapping[str, Any]) -> None:
    """Write sweep.json and sweep.html into the folder of a sweep."""
    write_whole(out / RECORD, json.dumps(record, indent=2).encode())
    page = render_page(
        "sweep.html.j2",
        title=f"Sweep of {Path(record['recipe']).stem}",
        table=sweep_table(record),
        facts=[
            ("metric", f"{record['metric']} ({record['better']} is better)"),
            ("settings", str(len(record["settings"]))),
            ("seeds", ", ".join(map(str, record["seeds"]))),
            ("updates of all runs", f"{record['updates']:,}"),
        ],
        missing=_missing(record),
        run_best=record["run_best"],
        command=shlex.join(record["command"]),
    )
    write_page(out / PAGE, page)


def sweep_table(record: Mapping[str, Any]) -> ScoreTable:
    """Return the mean over seeds and the value of each seed, a row for each setting."""
    rows, seeds = record["settings"], [str(seed) for seed in record["seeds"]]
    mean = {"key": "mean", "label": record["metric"], "better": record["better"]}
    each = (
        [{"key": seed, "label": f"seed {seed}", "better": ""} for seed in seeds]
        if len(seeds) > 1
        else []
    )
    return ScoreTable(
        title="Settings, best first",
        models=[in_words(row["values"]) for row in rows],
        references=[False] * len(rows),
        columns=[mean, *each],
        cells=[_cells(row, record["best"], seeds if each else []) for row in rows],
        signatures=[],
        notes=[],
        marks_best=False,
        legend=_LEGEND,
        most_across=0,
    )


def in_words(values: Mapping[str, Any]) -> str:
    """Return the values of a setting as text."""
    return ", ".join(f"{name} {_short(value)}" for name, value in values.items())


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _cells(row: Mapping[str, Any], best: str | None, seeds: list[str]) -> list[Cell]:
    if row["mean"] is None:
        mean = Cell("")
    else:
        spread = "" if row["deviation"] is None else f"{row['deviation']:.2g}"
        mean = Cell(f"{row['mean']:.5g}", spread, best=row["name"] == best)
    each = [row["by_seed"].get(seed) for seed in seeds]
    return [mean, *(Cell("" if value is None else f"{value:.5g}") for value in each)]


def _missing(record: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    return [
        (in_words(row["values"]), seed, why)
        for row in record["settings"]
        for seed, why in row["missing"].items()
    ]


def print_sweep(out: Path, record: Mapping[str, Any], console: Console | None = None) -> None:
    """Print the best rows, what is missing, and the command that trains the best setting."""
    console = console or Console(highlight=False)
    record = printable(record) if console.is_terminal else record
    console.width = min(console.width, _WIDTH) if console.is_terminal else _WIDTH
    table = sweep_table(record)
    grid = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    grid.add_column(table.title)
    for column in table.columns:
        grid.add_column(Text(headed(column)), justify="right")
    for name, cells in list(zip(table.models, table.cells, strict=True))[:_MOST_ROWS]:
        grid.add_row(Text(name), *(_shown(cell) for cell in cells))
    console.print(grid)
    lines = [_LEGEND]
    if len(table.models) > _MOST_ROWS:
        lines.append(f"{len(table.models) - _MOST_ROWS} more rows are in {out / PAGE}.")
    if missing := _missing(record):
        lines.append(f"{len(missing)} runs are missing; {out / PAGE} says why.")
    for line in lines:
        console.print(Text(line, style="dim"))
    if record["run_best"]:
        console.print(Text(f"best: {record['run_best']}"), soft_wrap=True)
    console.print(Text(f"wrote {out / PAGE} and {out / RECORD}"))


def _shown(cell: Cell) -> Text:
    error = f" ±{cell.error}" if cell.error else ""
    return Text.assemble((cell.value, "bold" if cell.best else ""), (error, "dim"), no_wrap=True)
