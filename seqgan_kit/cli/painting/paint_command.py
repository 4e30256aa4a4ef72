"""``paint``: images of sentences, by a model that was trained on images with captions."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from seqgan_kit.cli.command import Command, number_between, whole_number
from seqgan_kit.cli.run_commands import (
    check_writable,
    existing_run,
    find_loader,
    model_kind,
    note_unfinished,
)
from seqgan_kit.cli.user_files import read_lines
from seqgan_kit.errors import UsageError


def painter_of(run_dir: Path) -> Any:
    """Return the model of a run that generates images from captions."""
    kind = model_kind(existing_run(run_dir))
    model: Any = find_loader(kind)(run_dir)
    if not hasattr(model, "paint"):
        raise UsageError(
            f"the model in {run_dir} reads no captions: give a run on images with captions, for example of "
            "'seqgan-kit run stackgan'."
        )
    note_unfinished(run_dir)
    return model


def declare_condition_noise(parser: argparse.ArgumentParser) -> None:
    """Add the option for the noise of conditions."""
    parser.add_argument(
        "--condition-noise",
        metavar="X",
        type=number_between(0, 1),
        default=1.0,
        help="stackgan: scale of the noise in a caption's condition: 0 follows captions best, 1 is as in "
        "training (default: 1)",
    )


def _declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run_dir", metavar="RUN", type=Path, help="directory of a trained run")
    parser.add_argument("captions", metavar="CAPTION", nargs="*", help="sentences, each in quotes")
    parser.add_argument(
        "--from",
        dest="lines",
        metavar="FILE",
        help="also a sentence per line of a file, or of standard input with -",
    )
    parser.add_argument(
        "-n",
        metavar="N",
        type=whole_number(1),
        default=8,
        help="images of each sentence, side by side (default: 8)",
    )
    parser.add_argument(
        "--seed", metavar="S", type=whole_number(0), default=0, help="random seed (default: 0)"
    )
    declare_condition_noise(parser)
    parser.add_argument(
        "--out",
        metavar="FILE",
        type=Path,
        help="output file, a .png; a row per sentence (default: in RUN/samples/)",
    )


def _run(options: argparse.Namespace) -> None:
    lines = [] if options.lines is None else [x for x in read_lines(options.lines) if x.strip()]
    captions = [*options.captions, *lines]
    if not captions:
        raise UsageError("nothing to paint: give a sentence in quotes, or a file with --from.")
    check_writable(options.out)
    model = painter_of(options.run_dir)
    out = options.out or options.run_dir / "samples" / f"painted-seed-{options.seed}.png"
    path = model.draw_painted(
        captions, options.n, out, seed=options.seed, condition_noise=options.condition_noise
    )
    print(f"wrote {path}: a row per sentence")


COMMANDS = (
    Command(
        name="paint",
        summary="images of your own sentences",
        usage="RUN CAPTION [CAPTION ...] [--from FILE] [-n N] [--seed S]\n"
        "          [--condition-noise X] [--out FILE]",
        details="Draws images of sentences by a model that was trained on images with captions (stackgan,\n"
        "ppgn --captions).\n"
        "Sentences may use the words of the training captions.",
        examples=(
            'paint runs/stackgan "a black cat sits on the sofa ."',
            "paint runs/stackgan --from captions.txt -n 4 --out cats.png",
        ),
        declare=_declare,
        run=_run,
    ),
)
