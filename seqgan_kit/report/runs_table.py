"""Table of runs side by side: a row for each model, mean and standard deviation over its seeds.

Formats are the terminal, Markdown for a README and TSV for a spreadsheet. Scores that were computed in
different ways, or on different data, are not compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from seqgan_kit.core.runs.log import read_scores
from seqgan_kit.core.runs.terminal import printable
from seqgan_kit.errors import UsageError, unknown
from seqgan_kit.report.comparison.arm_runs import ArmRuns, ComparedRun
from seqgan_kit.report.comparison.comparison_record import (
    check_same_data,
    real_row,
    row_over_seeds,
    shared_columns,
)
from seqgan_kit.report.comparison.means_table import cell_over_seeds
from seqgan_kit.report.tables import ARROWS, headed, side_by_side

SPREAD = "± is the standard deviation over seeds, or with one seed the standard error of sampling."
_MAY_DIFFER = ("run", "scores", "pretrained", "temperatures")
_WATCHING = ("evaluate_every", "sample_every", "save_every")
"""Settings in which seeds of one model may differ: paths, the start, and how often the run is recorded."""


def runs_record(
    runs: Sequence[tuple[str, Path]], scores: Sequence[str] = (), title: str = ""
) -> dict[str, Any]:
    """Return title, columns, rows and refused columns of a table of runs.

    Args:
        runs: (name, folder) pairs; runs with the same name are seeds of one model. Without a name a run
            keeps the name in its own table.
        scores: keys or labels of the columns, in order; by default all.
        title: title above the table.
    """
    found = [ComparedRun(name, folder, on_the_way=True) for name, folder in runs]
    check_same_data(found)
    arms = _arms(found)
    columns, refused = shared_columns(found)
    columns = [_chosen(columns, refused, name) for name in scores] if scores else columns
    keys = [column["key"] for column in columns]
    rows = [_row(arm, keys) for arm in arms]
    return {
        "unfinished": [_standing(run) for run in found if read_scores(run.folder) is None],
        "title": title,
        "columns": columns,
        "rows": [*rows, *_real(found, keys)],
        "refused": [] if scores else refused,
    }


def _standing(run: ComparedRun) -> str:
    after = run.evaluations[-1]["total_round"]
    return f"{run.folder} has not finished; the table shows its evaluation after round {after}."


def _arms(runs: Sequence[ComparedRun]) -> list[ArmRuns]:
    by_name: dict[str, list[ComparedRun]] = {}
    for run in runs:
        by_name.setdefault(run.arm or run.label, []).append(run)
    for name, own in by_name.items():
        for run in own[1:]:
            _check_one_model(name, own[0], run)
    return [ArmRuns(name, "method", tuple(own)) for name, own in by_name.items()]


def _check_one_model(name: str, first: ComparedRun, run: ComparedRun) -> None:
    a, b = _settings(first), _settings(run)
    unlike = [key for key in {**a, **b} if a.get(key) != b.get(key)]
    if unlike:
        raise UsageError(
            f"{first.folder} and {run.folder} are both named {name!r}, but {unlike[0]} is "
            f"{a.get(unlike[0])!r} in the first and {b.get(unlike[0])!r} in the second, so "
            "they are not two seeds of one model. Rename one of them, as in "
            f"NAME={run.folder}."
        )


def _settings(run: ComparedRun) -> dict[str, Any]:
    """Return a run's settings by dotted name, without those in which seeds may differ."""
    flat: dict[str, Any] = {"recipe": run.config.get("recipe")}
    for group, settings in run.config.get("config", {}).items():
        if group in _MAY_DIFFER:
            continue
        inner = settings if isinstance(settings, dict) else {"": settings}
        for key, value in inner.items():
            if key not in _MAY_DIFFER and not key.startswith(_WATCHING):
                flat[f"{group}.{key}".removesuffix(".")] = value
    return flat


def _chosen(
    columns: Sequence[dict[str, Any]], refused: Sequence[dict[str, Any]], name: str
) -> dict[str, Any]:
    for column in columns:
        if name in (column["key"], column["label"]):
            return column
    for one in refused:
        if name in (one["key"], one["label"]):
            raise UsageError(
                f"{name} was computed in different ways and cannot be compared: {_ways(one)}."
            )
    raise unknown("score", name, [str(column["key"]) for column in columns])


def _row(arm: ArmRuns, keys: Sequence[str]) -> dict[str, Any]:
    by_seed = {seed: run.rows[_as_it_is(run)] for seed, run in arm.by_seed().items()}
    return row_over_seeds(arm, by_seed, "", keys)


def _as_it_is(run: ComparedRun) -> str:
    return "" if "" in run.rows else next(iter(run.rows))


def _real(runs: Sequence[ComparedRun], keys: Sequence[str]) -> list[dict[str, Any]]:
    """Return the row of real data of each seed; runs of one seed have the same row."""
    by_seed = {run.seed: row for run in runs if (row := run.real_row) is not None}
    return [real_row(by_seed, keys)] if by_seed else []


def print_runs(record: Mapping[str, Any], console: Console | None = None) -> None:
    """Print scores in rows and models in columns, as many side by side as fit."""
    console = console or Console(highlight=False)
    record = printable(record) if console.is_terminal else record
    columns, rows = record["columns"], record["rows"]
    label = max(len(headed(column)) for column in columns)
    if record["title"]:
        console.print(Text(record["title"], style="bold"))
    grids = side_by_side(
        len(rows), lambda some: _grid(columns, [rows[index] for index in some], label), console
    )
    console.print(*grids, sep="\n")
    for line in [*notes(record), "How each number was computed: --format tsv, or scores.json."]:
        console.print(Text(line, style="dim"))


def _grid(
    columns: Sequence[Mapping[str, Any]], rows: Sequence[Mapping[str, Any]], label: int
) -> Table:
    """Return the columns that at least one row has."""
    grid = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    grid.add_column("", no_wrap=True, min_width=label)
    for row in rows:
        count = _seed_count(row)
        seeds = f"\n{count} seeds" if count not in ("", "1") else ""
        grid.add_column(Text(f"{row['name']}{seeds}"), justify="right")
    for column in columns:
        if any(column["key"] in row["scores"] for row in rows):
            grid.add_row(Text(headed(column)), *(_shown(column, row) for row in rows))
    return grid


def markdown(record: Mapping[str, Any]) -> str:
    """Return the table as Markdown, one model per row."""
    columns = record["columns"]
    head = ["", "seeds", *(headed(column) for column in columns)]
    lines = [head, ["---"] * len(head)]
    for row in record["rows"]:
        cells = [_shown(column, row).plain for column in columns]
        lines.append([row["name"], _seed_count(row), *cells])
    table = "\n".join("| " + " | ".join(map(_escaped, line)) + " |" for line in lines)
    title = [f"**{record['title']}**", ""] if record["title"] else []
    return "\n".join([*title, table, "", *notes(record)])


def _escaped(cell: str) -> str:
    return cell.replace("|", r"\|")


def tsv(record: Mapping[str, Any]) -> str:
    """Return the table as TSV: one line per model and score, with all digits."""
    lines = [["model", "score", "mean", "deviation", "seeds", "signature"]]
    for row in record["rows"]:
        for column in record["columns"]:
            if (score := row["scores"].get(column["key"])) is None:
                continue
            spread = score["deviation"]
            known = [score["mean"], "" if spread is None else spread, _seed_count(row)]
            if score.get("lost"):
                known[:2] = ["not finite", ""]
            lines.append([row["name"], column["key"], *known, column.get("signature", "")])
    return "\n".join("\t".join(map(str, line)) for line in lines)


def notes(record: Mapping[str, Any]) -> list[str]:
    """Return the legend and the scores that were left out."""
    left_out = [
        f"{one['label']} is left out, because it was computed in different ways: {_ways(one)}."
        for one in record["refused"]
    ]
    return [*record["unfinished"], f"{ARROWS} {SPREAD}", *left_out]


def _ways(refused: Mapping[str, Any]) -> str:
    return "; ".join(f"{how} ({folders[0]})" for how, folders in refused["signatures"].items())


def _seed_count(row: Mapping[str, Any]) -> str:
    """Return the number of seeds in a row as text; empty for real data."""
    if row["role"] == "reference":
        return ""
    return str(max((len(score["by_seed"]) for score in row["scores"].values()), default=0))


def _shown(column: Mapping[str, Any], row: Mapping[str, Any]) -> Text:
    cell = cell_over_seeds(column, row)
    spread = f" ± {cell.spread}" if cell.spread else ""
    return Text.assemble(cell.value, (spread, "dim"), no_wrap=True)
