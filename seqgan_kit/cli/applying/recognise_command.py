"""``recognise``: say what a trained classifier sees in images."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from seqgan_kit.cli.applying.translate_commands import declare_read_images, tell_skipped
from seqgan_kit.cli.command import Command, whole_number
from seqgan_kit.cli.run_commands import existing_run, find_loader, model_kind, note_unfinished
from seqgan_kit.core.runs.terminal import write_text
from seqgan_kit.errors import UsageError


def _declare(parser: argparse.ArgumentParser) -> None:
    declare_read_images(parser)
    parser.add_argument(
        "--out", metavar="FILE", type=Path, help="CSV file for the classes and their probabilities"
    )
    parser.add_argument(
        "-n", metavar="N", type=whole_number(0), default=20, help="images to print (default: 20)"
    )


def _run(options: argparse.Namespace) -> None:
    run_dir = existing_run(options.run_dir)
    model: Any = find_loader(model_kind(run_dir))(run_dir)
    if not hasattr(model, "recognise_files"):
        raise UsageError(
            f"the model in {run_dir} names nothing in images: give a run of 'seqgan-kit run perceptual_gan'."
        )
    note_unfinished(run_dir)
    from seqgan_kit.core.runs.long_work import long_work

    with long_work("images"):
        found, done = model.recognise_files(options.images, options.out, strict=options.strict)
    for name, said in found[: options.n]:
        words = ", ".join(f"{label} {value} ({p:.2f})" for label, (value, p) in said.items())
        write_text(f"{name}: {words}")
    if options.out is not None:
        print(f"wrote {done.written:,} row{'s' * (done.written != 1)} to {options.out}")
    tell_skipped(done.skipped)


COMMANDS = (
    Command(
        name="recognise",
        summary="say what a trained classifier sees in images",
        usage="RUN --images DIR|FILE [--out FILE] [-n N] [--strict]",
        details="Brings the middle square of each image to the classifier's size and prints the most\n"
        "probable class of each label, with its probability. The classifier of a run of perceptual_gan\n"
        "reads images as blurred as those that it was trained on.",
        examples=("recognise runs/perceptual_gan --images photos --out classes.csv",),
        declare=_declare,
        run=_run,
    ),
)
