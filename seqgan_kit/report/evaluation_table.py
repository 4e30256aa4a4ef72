"""An evaluation in the terminal: scores in rows, samples and real text in columns, then findings."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from seqgan_kit.core.runs.terminal import printable
from seqgan_kit.report.tables import Cell, score_table

MOST_ACROSS = 4
"""Number of rows that fit beside each other; more lie below each other."""
WIDEST = 110
"""Width in characters beyond which lines are hard to read."""


def print_evaluation(record: Mapping[str, Any], console: Console | None = None) -> None:
    """Print the record in 80 columns or more."""
    console = console or Console(highlight=False)
    record = printable(record) if console.is_terminal else record
    console.width = min(console.width, WIDEST)
    plus_minus = "±" if (console.encoding or "").lower().startswith("utf") else "+-"
    tall = len(record["rows"]) > MOST_ACROSS
    console.print(_tall(record) if tall else _grid(record, plus_minus))
    findings = record.get("findings", [])
    for sentence in findings:
        name, _, rest = sentence.partition(":")
        console.print(Text.assemble(("! ", "bold red"), (f"{name}:", "bold"), rest))
    if not findings and "distinct3" in record["rows"][0]["values"]:
        console.print("No sign of collapse, copying or degenerate repetition.")
    console.print()
    for note in record.get("notes", []):
        console.print(Text(note.replace("±", plus_minus), style="dim"))


def _grid(record: Mapping[str, Any], plus_minus: str) -> Table:
    table = score_table(record)
    grid = Table(box=SIMPLE_HEAD, title=Text(table.title), title_style="bold", padding=(0, 1))
    grid.add_column("")
    grid.add_column("better", style="dim")
    for name in table.models:
        grid.add_column(Text(name), justify="right")
    numbered = list(enumerate(table.columns))
    for group, members in groupby(numbered, lambda pair: pair[1].get("group", "")):
        grid.add_row(Text(str(group), style="bold"))
        for index, column in members:
            cells = [_text(row[index], plus_minus) for row in table.cells]
            label = Padding(Text(str(column["label"])), (0, 0, 0, 1))
            grid.add_row(label, Text(str(column.get("better") or "")), *cells)
    return grid


def _tall(record: Mapping[str, Any]) -> Table:
    """Return a line for each row, as for many classes; standard errors stay in the record."""
    table = score_table(record)
    grid = Table(box=SIMPLE_HEAD, title=Text(table.title), title_style="bold", padding=(0, 1))
    grid.add_column("", no_wrap=True)
    for column in table.columns:
        better = str(column.get("better") or "")
        grid.add_column(Text(f"{column['label']}\n{better}"), justify="right", overflow="fold")
    for name, cells in zip(table.models, table.cells, strict=True):
        grid.add_row(Text(name), *(Text(cell.value, no_wrap=True) for cell in cells))
    return grid


def _text(cell: Cell, plus_minus: str) -> Text:
    error = f" {plus_minus}{cell.spread}" if cell.spread else ""
    return Text.assemble(cell.value, (error, "dim"), no_wrap=True)
