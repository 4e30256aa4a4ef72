"""The table of a comparison for page and terminal: means over seeds and differences from MLE."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from seqgan_kit.core.files.checked_json import read_checked
from seqgan_kit.core.files.json_kinds import anything, list_of, record
from seqgan_kit.core.runs.terminal import printable
from seqgan_kit.report.comparison.verdicts import verdict_sentences
from seqgan_kit.report.tables import ARROWS, Cell, ScoreTable, headed, side_by_side, signatures_of

LEVEL = 0.05
"""Level of significance for p values."""
_ACROSS_PAGE = 8
_WIDTH = 100


def comparison_table(record: Mapping[str, Any], sweeps: bool = False) -> ScoreTable:
    """Return the rows at temperature 1 and of real data, or with ``sweeps`` all other rows."""
    rows = [row for row in record["rows"] if bool(row["at"]) == sweeps]
    columns = record["columns"]
    return ScoreTable(
        title="Other temperatures, top-k, top-p" if sweeps else "Scores",
        models=[display_name(row) for row in rows],
        references=[row["role"] == "reference" for row in rows],
        columns=columns,
        cells=[[cell_over_seeds(column, row) for column in columns] for row in rows],
        signatures=[] if sweeps else signatures_of(columns),
        notes=[],
        marks_best=False,
        legend=_legend(record),
        most_across=_ACROSS_PAGE,
    )


def display_name(row: Mapping[str, Any]) -> str:
    """Return the display name of a row."""
    if row["role"] == "baseline":
        return str(row["name"]).replace("mle", "MLE", 1)
    return f"{row['name']} (control)" if row["role"] == "control" else str(row["name"])


def _legend(record: Mapping[str, Any]) -> str:
    return (
        f"{ARROWS} ± is the standard deviation over seeds (with one seed, the standard error of "
        "sampling). The line below is the difference from MLE, paired by seed, with the p "
        "value of Student's t for three or more seeds; green is better and orange worse "
        f"with p below {LEVEL}. The p values are not corrected for testing "
        f"{len(record['columns'])} scores: read a single small p with care."
    )


def cell_over_seeds(column: Mapping[str, Any], row: Mapping[str, Any]) -> Cell:
    """Format a score: mean, standard deviation (standard error for one seed), difference from a baseline."""
    score = row["scores"].get(column["key"])
    if score is None:
        return Cell("")
    if score.get("lost"):
        return Cell(f"not finite in {score['lost']} of {score['lost'] + len(score['by_seed'])}")
    digits = int(column.get("digits", 3))
    spread = score["deviation"] if score["deviation"] is not None else score["error"]
    error = f"{spread:.{digits}f}" if spread is not None else ""
    change, verdict = "", ""
    if (difference := score.get("difference")) is not None and row["role"] != "reference":
        change = f"{difference['mean']:+.{digits}f}"
        if difference["p"] is not None:
            change += f", p {_p(difference['p'])}"
            verdict = _verdict(column, difference)
    return Cell(f"{score['mean']:.{digits}f}", error, change=change, verdict=verdict)


def _p(p: float) -> str:
    if p < 0.001:
        return "<.001"
    return f"{p:.3f}".lstrip("0") if p < 0.1 else f"{p:.2f}".lstrip("0")


def _verdict(column: Mapping[str, Any], difference: Mapping[str, Any]) -> str:
    if difference["p"] >= LEVEL or column.get("better") not in ("higher", "lower"):
        return ""
    return "better" if (difference["mean"] > 0) == (column["better"] == "higher") else "worse"


_RECORD = record(dict.fromkeys(("arms", "columns", "rows", "refused", "notes"), list_of(anything)))
"""The parts of compare.json that the table needs."""


def print_comparison(out: Path, console: Console | None = None) -> None:
    """Print the table and the verdicts of a comparison's folder, at most 100 columns wide."""
    path = Path(out) / "compare.json"
    if not path.is_file():
        return
    made = read_checked(path, _RECORD)
    console = console or Console(highlight=False)
    made = printable(made) if console.is_terminal else made
    console.width = min(console.width, _WIDTH) if console.is_terminal else _WIDTH
    table = comparison_table(made)
    base = [i for i, row in enumerate(table.models) if row == "MLE"]
    others = [i for i in range(len(table.models)) if i not in base]
    grids = side_by_side(
        len(others), lambda some: _grid(table, [*base, *(others[i] for i in some)]), console
    )
    console.print(*grids, sep="\n")
    notes = [
        "± standard deviation over seeds (standard error for one seed); below: difference from "
        "MLE, paired by seed, with p of Student's t for three or more seeds."
    ]
    for line in [*notes, *(text for _, text in verdict_sentences(made)), *made["notes"]]:
        console.print(Text(line, style="dim"))
    for refused in made["refused"]:
        console.print(
            Text(f"{refused['label']} is left out, because the runs computed it in different ways.")
        )
    console.print(Text(f"wrote {Path(out) / 'compare.html'}"))


def _grid(table: ScoreTable, shown: Sequence[int]) -> Table:
    grid = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    grid.add_column("", no_wrap=True)
    for index in shown:
        grid.add_column(Text(table.models[index]), justify="right")
    for place, column in enumerate(table.columns):
        cells = [_shown(table.cells[index][place]) for index in shown]
        grid.add_row(Text(headed(column)), *cells)
    return grid


def _shown(cell: Cell) -> Text:
    style = {"better": "bold green", "worse": "yellow"}.get(cell.verdict, "")
    error = f" ±{cell.error}" if cell.error else ""
    change = f"\n{cell.change}" if cell.change else ""
    return Text.assemble(cell.value, (error, "dim"), (change, style or "dim"))
