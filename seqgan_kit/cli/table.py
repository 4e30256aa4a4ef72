"""``table``: the scores of finished runs side by side."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from seqgan_kit.cli.command import Command, one_of
from seqgan_kit.cli.run_commands import existing_run
from seqgan_kit.core.runs.terminal import write_text

_DETAILS = """\
Prints the scores of runs side by side, each as in its own final table, with real data in the
last row. Runs with the same name are seeds of one model and share a row: mean and standard
deviation. A run keeps the name in its own table unless you give one: NAME=RUN.

An unfinished run is shown by its last evaluation.

Runs on different data are refused. A score that was computed in different ways is left out
with a note."""


def _declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("runs", metavar="[NAME=]RUN", nargs="+", help="run directories")
    parser.add_argument(
        "--scores",
        metavar="KEY",
        nargs="+",
        default=[],
        help="scores to show, in this order, by their keys in scores.json (default: all)",
    )
    parser.add_argument("--title", metavar="TEXT", default="", help="title above the table")
    parser.add_argument(
        "--format",
        metavar="text|markdown|tsv|json",
        type=one_of("format", "text", "markdown", "tsv", "json"),
        default="text",
        help="output format: text for people, markdown for a README, tsv for spreadsheets, json "
        "for programs (default: text)",
    )


def _run(options: argparse.Namespace) -> None:
    from seqgan_kit.report.runs_table import markdown, print_runs, runs_record, tsv

    runs = [_named(word) for word in options.runs]
    record = runs_record(runs, options.scores, options.title)
    if options.format == "text":
        print_runs(record)
    else:
        form = {"markdown": markdown, "tsv": tsv, "json": lambda r: json.dumps(r, indent=2)}
        write_text(form[options.format](record))


def _named(word: str) -> tuple[str, Path]:
    """Return (name, folder) of NAME=RUN; an existing folder needs no name."""
    name, equals, folder = word.partition("=")
    if equals and not Path(word).exists():
        return name, existing_run(Path(folder))
    return "", existing_run(Path(word))


COMMANDS = (
    Command(
        name="table",
        summary="print scores of runs side by side, with mean and spread over seeds",
        usage="[NAME=]RUN ... [--scores KEY ...] [--format text|markdown|tsv|json]",
        details=_DETAILS,
        examples=(
            "table runs/dcgan runs/wgan_gp",
            "table runs/lsgan-0 runs/lsgan-1 runs/lsgan-2 --scores fd precision recall",
            "table tuned=runs/wgan slow=runs/wgan-slow --format markdown",
        ),
        declare=_declare,
        run=_run,
    ),
)
