"""The final table of a run: printed to the terminal, or prepared for the report by `score_table`."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from seqgan_kit.core.runs.terminal import printable

_REFERENCE = re.compile(r"^(real|reference|held-out|test|training)\b|\bdata$", re.IGNORECASE)
_FEW_MODELS = 5
ARROWS = "↑ higher is better, ↓ lower is better, ≈ closer to real data is better;"
_SIGNS = {"higher": " ↑", "lower": " ↓", "as real": " ≈"}
_STAR = " ★ best model, or within two standard errors of it."


@dataclass(frozen=True)
class Cell:
    """A displayed number."""

    value: str
    """The number with its column's digits; empty if the metric was not run."""
    error: str = ""
    """Standard error, if known."""
    best: bool = False
    """Whether it is the best of its column, or cannot be distinguished from the best."""
    change: str = ""
    """Difference from a baseline, if there is one."""
    verdict: str = ""
    """Whether the difference is ``better`` or ``worse``; empty if it could be chance."""

    @property
    def spread(self) -> str:
        """The error, or nothing if it is only rounding."""
        return self.error if self.error.strip("0.") else ""


@dataclass(frozen=True)
class ScoreTable:
    """scores.json prepared for display."""

    title: str
    models: list[str]
    references: list[bool]
    """For each row, whether it is a reference such as real data instead of a model."""
    columns: list[Mapping[str, Any]]
    cells: list[list[Cell]]
    """Cells of each model."""
    signatures: list[tuple[str, str]]
    """Pairs of labels and their signature, one for each distinct signature."""
    notes: list[str]
    marks_best: bool
    """Whether any cell is marked best, so that the legend explains the mark."""
    legend: str = ""
    """Explanation of the signs, in a sentence."""
    most_across: int = _FEW_MODELS
    """Maximum number of models in columns; with more, each model gets a row."""

    @property
    def measures_down(self) -> bool:
        """Whether each measure gets a row on a page."""
        return len(self.models) <= self.most_across


def score_table(record: Mapping[str, Any]) -> ScoreTable:
    """Read the record of scores.json; missing values stay empty."""
    columns, rows = list(record.get("columns", [])), list(record.get("rows", []))
    best = {column["key"]: best_rows(column, rows) for column in columns}
    cells = [[_cell(c, row, i in best[c["key"]]) for c in columns] for i, row in enumerate(rows)]
    return ScoreTable(
        title=record.get("title", "Scores"),
        models=[row["name"] for row in rows],
        references=[is_reference(row) for row in rows],
        columns=columns,
        cells=cells,
        signatures=signatures_of(columns),
        notes=list(record.get("notes", [])),
        marks_best=any(best.values()),
        legend=ARROWS + " ± is a standard error." + (_STAR if any(best.values()) else ""),
    )


def headed(column: Mapping[str, Any]) -> str:
    """Return a column's label with the sign of its better direction."""
    return f"{column['label']}{_SIGNS.get(str(column.get('better')), '')}"


def is_reference(row: Mapping[str, Any]) -> bool:
    """Return whether a row is a reference such as real data, which cannot be the best model."""
    return bool(row.get("reference", _REFERENCE.search(row["name"])))


def best_rows(column: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> set[int]:
    """Return the best models of a column, with those within two standard errors or rounding of the best.

    For a score that is good "as real", the model nearest to real data is the best, on either side. No model
    is best if fewer than two were measured, or if no two can be distinguished.
    """
    key, better = column["key"], column.get("better")
    rivals = {
        index: (row["values"][key], row.get("errors", {}).get(key) or 0.0)
        for index, row in enumerate(rows)
        if not is_reference(row) and math.isfinite(_number(row["values"].get(key)))
    }
    if better == "as real":
        real = next((row["values"].get(key) for row in rows if is_reference(row)), None)
        better = "lower" if math.isfinite(_number(real)) else None
        rivals = {i: (abs(value - _number(real)), error) for i, (value, error) in rivals.items()}
    if better not in ("higher", "lower") or len(rivals) < 2:
        return set()
    sign = 1.0 if better == "higher" else -1.0
    rounding = 0.5 * 10.0 ** -int(column.get("digits", 3))
    top, top_error = max(rivals.values(), key=lambda pair: sign * pair[0])
    near = {
        index
        for index, (value, error) in rivals.items()
        if abs(value - top) <= max(2 * math.hypot(error, top_error), rounding)
    }
    return near if len(near) < len(rivals) else set()


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def print_scores(record: Mapping[str, Any], console: Console | None = None) -> None:
    """Print the table to the terminal: measures in rows, and as many models in columns as fit."""
    console = console or Console(highlight=False)
    record = printable(record) if console.is_terminal else record
    table = score_table(record)
    plus_minus = "±" if (console.encoding or "").lower().startswith("utf") else "+-"
    grids = side_by_side(len(table.models), lambda some: _grid(table, some, plus_minus), console)
    console.print(Text(table.title, style="bold"), *grids, sep="\n")
    for line in _footnotes(table, plus_minus):
        console.print(Text(line, style="dim"))


def side_by_side(
    models: int, grid: Callable[[Sequence[int]], Table], console: Console
) -> list[Table]:
    """Return grids of all models, each with as many models as the console shows without cutting."""
    count = max(models, 1)
    for across in range(count, 0, -1):
        parts = [range(first, min(first + across, models)) for first in range(0, count, across)]
        grids = [grid(part) for part in parts]
        if max(_width(one, console) for one in grids) <= console.width:
            break
    return grids


def _width(grid: Table, console: Console) -> int:
    """Return the number of characters that the whole grid needs."""
    return console.measure(grid, options=console.options.update(width=10_000)).maximum


def _grid(table: ScoreTable, models: Sequence[int], plus_minus: str) -> Table:
    grid = Table(box=SIMPLE_HEAD, padding=(0, 1))
    grid.add_column("")
    grid.add_column("better", style="dim")
    for model in models:
        grid.add_column(Text(table.models[model]), justify="right")
    for index, column in enumerate(table.columns):
        cells = [_text(table.cells[model][index], plus_minus) for model in models]
        # Text objects keep labels such as FD[random-1a2b3c] from being read as markup.
        grid.add_row(Text(str(column["label"])), column.get("better") or "", *cells)
    return grid


def _footnotes(table: ScoreTable, plus_minus: str) -> list[str]:
    lines = []
    if table.marks_best:
        lines.append("* best model, or within two standard errors of it")
    explained = any("±" in note for note in table.notes)
    if not explained and any(cell.error for row in table.cells for cell in row):
        lines.append(f"{plus_minus} standard error")
    where = ["How each number was computed: the signatures in scores.json and report.html."]
    return [*lines, *table.notes, *(where if table.signatures else [])]


def _text(cell: Cell, plus_minus: str) -> Text:
    error = f" {plus_minus}{cell.error}" if cell.error else ""
    mark = "*" if cell.best else ""
    return Text.assemble(
        (cell.value + mark, "bold green" if cell.best else ""), (error, "dim"), no_wrap=True
    )


def _cell(column: Mapping[str, Any], row: Mapping[str, Any], best: bool) -> Cell:
    if column["key"] not in row["values"]:
        return Cell("")
    value, digits = row["values"][column["key"]], int(column.get("digits", 3))
    if value is None or not math.isfinite(value):  # JSON has null for values that are not finite.
        return Cell("not finite")
    error = row.get("errors", {}).get(column["key"])
    known = error is not None and math.isfinite(error) and error > 0
    return Cell(f"{value:.{digits}f}", _error(error, digits) if known else "", best)


def _error(error: float, digits: int) -> str:
    """Format an error with the value's digits, or up to two more if those would show only zeros."""
    needed = math.ceil(-math.log10(error)) if error < 1 else 0
    return f"{error:.{min(max(digits, needed), digits + 2)}f}"


def signatures_of(columns: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Pairs of labels and their signature, one for each distinct signature."""
    by_signature: dict[str, list[str]] = {}
    for column in columns:
        if column.get("signature"):
            by_signature.setdefault(column["signature"], []).append(column["label"])
    return [(", ".join(labels), how) for how, labels in by_signature.items()]
