"""``table``: the scores of finished runs side by side."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from seqgan_kit.cli.command import Command, one_of
from seqgan_kit.cli.run_commands import existing_run
from seqgan_kit.core.runs.terminal import write_text

_DETAILS = """\
The scores of finished runs side by side, each as in its own final table, with real data beneath.
Runs with the same name are seeds of one model and share a row: mean and standard deviation. A
run is called as in its own table unless a name stands in front: NAME=RUN.

A run that has not finished stands in by its last evaluation.

Runs on different data are refused; a score that was computed in different ways is left out, and
said so."""


def _declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "runs", metavar="[NAME=]RUN", nargs="+", help="directories of finished runs"
    )
    parser.add_argument(
        "--scores",
        metavar="KEY",
        nargs="+",
        default=[],
        help="only these, in this order, as scores.json calls them (default: all)",
    )
    parser.add_argument("--title", metavar="TEXT", default="", help="above the table")
    parser.add_argument(
        "--format",
        metavar="text|markdown|tsv|json",
        type=one_of("format", "text", "markdown", "tsv", "json"),
        default="text",
        help="for people, for a README, for spreadsheets or for programs (default: text)",
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
    """(name, folder) of NAME=RUN; a folder that exists as it is written needs no name."""
    name, equals, folder = word.partition("=")
    if equals and not Path(word).exists():
        return name, existing_run(Path(folder))
    return "", existing_run(Path(word))


COMMANDS = (
    Command(
        name="table",
        summary="scores of finished runs side by side, mean and spread over seeds",
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
