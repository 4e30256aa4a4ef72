"""``probe``: what the layers of a run's discriminator know of a label."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

from seqgan_kit.cli.command import Command, whole_number
from seqgan_kit.cli.run_commands import existing_run, find_loader, model_kind, note_unfinished
from seqgan_kit.errors import UsageError


def _declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run_dir", metavar="RUN", type=Path, help="directory of a trained run")
    parser.add_argument(
        "--labels",
        metavar="SOURCE",
        help="labelled images: a folder with a sub-folder per class, a CSV file with the column file_name "
        "and columns of labels, or a parquet file (default: the images of the run)",
    )
    parser.add_argument("--label", metavar="NAME", help="label to learn (default: the first)")
    parser.add_argument(
        "--seed",
        metavar="S",
        type=whole_number(0),
        default=0,
        help="seed of the choice of labelled images and of the untrained discriminator (default: 0)",
    )
    parser.add_argument(
        "--out", metavar="DIR", type=Path, help="output folder (default: RUN/probe-LABEL)"
    )


def _run(options: argparse.Namespace) -> None:
    run_dir = existing_run(options.run_dir)
    kind = model_kind(run_dir)
    model: Any = find_loader(kind)(run_dir)
    if not hasattr(model, "probe"):
        raise UsageError(
            f"{run_dir} has no discriminator of single images to probe: its model is of kind {kind!r}"
            f"{_able_to(model)}. Give a run of an image GAN, for example of 'seqgan-kit run dcgan'."
        )
    note_unfinished(run_dir)
    name = re.sub(r"[^\w-]+", "-", options.label or "label").strip("-") or "label"
    out = options.out or run_dir / f"probe-{name}"
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file: give --out the name of a folder.")
    from seqgan_kit.core.runs.long_work import long_work
    from seqgan_kit.report.probe_page import write_probe
    from seqgan_kit.report.tables import print_scores

    with long_work("linear probes"):
        record = model.probe(out, labels=options.labels, label=options.label, seed=options.seed)
    page = write_probe(out, record, run_dir.name)
    print_scores(record)
    print(f"page        {page}")
    print(f"filters     {out / 'filters.png'}")


def _able_to(model: Any) -> str:
    verbs = getattr(model, "verbs", ())
    return f", which can {' and '.join(verbs)}" if verbs else ""


COMMANDS = (
    Command(
        name="probe",
        summary="linear probes of a discriminator's layers, by the number of labels",
        usage="RUN [--labels SOURCE] [--label NAME] [--seed S] [--out DIR]",
        details="Classifies images by the features of every layer of the run's discriminator, with logistic\n"
        "regression on 30 to 1,000 labels, beside pixels, the same discriminator untrained, and a\n"
        "supervised network. Writes a page with the curves and pictures of the filters.",
        examples=(
            "probe runs/dcgan --label expression",
            "probe runs/dcgan --labels photos.csv --label breed",
        ),
        declare=_declare,
        run=_run,
    ),
)
