"""``interpolate``, ``arithmetic`` and ``project``: the latent space of a trained model."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, cast

from seqgan_kit.cli.command import Command, one_of, whole_number
from seqgan_kit.cli.run_commands import (
    check_writable,
    existing_run,
    find_loader,
    model_kind,
    note_unfinished,
)
from seqgan_kit.cli.user_files import missing
from seqgan_kit.errors import UsageError


def _explorer(options: argparse.Namespace) -> Any:
    """Return the run's model as an explorer of its latent space."""
    run_dir = existing_run(options.run_dir)
    check_writable(options.out)
    kind = model_kind(run_dir)
    model = find_loader(kind)(run_dir)
    note_unfinished(run_dir)
    explore = getattr(model, "explore", None)
    if explore is None:
        raise UsageError(
            f"{run_dir} holds a {kind} model, but this command explores the latent space of images: give an "
            "image run. 'seqgan-kit interpolate' also takes runs of text_vae, with two sentences."
        )
    return explore()


def _declare_common(parser: argparse.ArgumentParser, kinds: str, told: str = "") -> None:
    parser.add_argument("run_dir", metavar="RUN", type=Path, help="directory of a trained run")
    parser.add_argument(
        "--seed", metavar="S", type=whole_number(0), default=0, help="random seed (default: 0)"
    )
    parser.add_argument(
        "--out",
        metavar="FILE",
        type=Path,
        help=f"output file, {kinds} (default: in RUN/samples/{told})",
    )


def _declare_rows(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--rows", metavar="N", type=whole_number(1), default=6, help="rows of images (default: 6)"
    )


def _declare_interpolate(parser: argparse.ArgumentParser) -> None:
    _declare_common(parser, "a .png or .gif; for text a .txt", "; text is printed")
    parser.add_argument(
        "ends", metavar="SENTENCE", nargs="*", help="text models: the two ends of the path"
    )
    _declare_rows(parser)
    parser.add_argument(
        "-n",
        "--steps",
        metavar="N",
        type=whole_number(2),
        default=9,
        help="images or sentences on each path, both ends included (default: 9)",
    )
    parser.add_argument(
        "--beam",
        metavar="B",
        type=whole_number(1),
        default=1,
        help="text models: width of the beam search for each sentence (default: 1, greedy)",
    )
    parser.add_argument(
        "--way",
        type=one_of("way", "spherical", "linear"),
        default="spherical",
        help="interpolation: spherical, along the great circle (default), or linear",
    )
    parser.add_argument(
        "--condition", metavar="LABEL=CLASS,...", help="conditional models: classes at the start"
    )
    parser.add_argument(
        "--to",
        metavar="LABEL=CLASS,...",
        help="conditional models: classes at the end, with the same noise",
    )


def _run_interpolate(options: argparse.Namespace) -> None:
    if options.ends:
        _interpolate_text(options)
        return
    path = _explorer(options).interpolate(
        rows=options.rows, steps=options.steps, way=options.way, seed=options.seed,
        condition=options.condition, to=options.to, out=options.out,
    )  # fmt: skip
    print(f"wrote {path}")


def _interpolate_text(options: argparse.Namespace) -> None:
    """Print the sentences on the path between two, or write them to a file."""
    if len(options.ends) != 2:
        raise UsageError(
            f"{len(options.ends)} sentence given; a path has two ends: give two sentences, each in quotes."
        )
    run_dir = existing_run(options.run_dir)
    kind = model_kind(run_dir)
    if kind != "text":
        raise UsageError(
            f"{run_dir} holds an {kind} model, which takes no sentences: leave them out."
        )
    check_writable(options.out)
    from seqgan_kit.evaluation.latent.sentence_paths import interpolated_lines
    from seqgan_kit.evaluation.text_export import TextModel

    model = cast(TextModel, find_loader(kind)(run_dir))
    note_unfinished(run_dir)
    first, second = options.ends
    lines = interpolated_lines(model, first, second, options.steps, options.beam)
    text = "".join(f"{line}\n" for line in lines)
    if options.out is None:
        print(text, end="")
        return
    options.out.write_text(text, encoding="utf-8")
    print(f"wrote {options.out}")


def _declare_arithmetic(parser: argparse.ArgumentParser) -> None:
    _declare_common(parser, "a .png")
    parser.add_argument("formula", metavar="FORMULA", help="three conditions as 'A - B + C'")
    _declare_rows(parser)
    parser.add_argument(
        "--examples",
        metavar="N",
        type=whole_number(1),
        default=64,
        help="samples per mean latent vector (default: 64)",
    )


def _run_arithmetic(options: argparse.Namespace) -> None:
    path = _explorer(options).arithmetic(
        options.formula,
        rows=options.rows,
        examples=options.examples,
        seed=options.seed,
        out=options.out,
    )
    print(f"wrote {path}: each row shows a sample of A, of B, of C, and C moved by A - B")


def _declare_project(parser: argparse.ArgumentParser) -> None:
    _declare_common(parser, "a .png")
    parser.add_argument("picture", metavar="IMAGE", type=Path, help="image file")
    parser.add_argument(
        "--restarts",
        metavar="N",
        type=whole_number(1),
        default=8,
        help="random starts (default: 8)",
    )
    parser.add_argument(
        "--moves",
        metavar="N",
        type=whole_number(1),
        default=300,
        help="steps from each start (default: 300)",
    )


def _run_project(options: argparse.Namespace) -> None:
    if not options.picture.is_file():
        raise missing(options.picture, "image")
    path, found = _explorer(options).project(
        options.picture,
        restarts=options.restarts,
        moves=options.moves,
        seed=options.seed,
        out=options.out,
    )
    print("root-mean-square pixel difference (white minus black is 2), best first:")
    for i in found.distances.argsort().tolist():
        print(f"  {found.before[i]:.3f} at the start, {found.distances[i]:.3f} at the end")
    print(f"wrote {path}: each row shows the image, the start and the end of a search")


COMMANDS = (
    Command(
        name="interpolate",
        summary="images or sentences along paths through latent space",
        usage="RUN [SENTENCE SENTENCE] [--rows N] [-n N] [--out FILE] [options]",
        details="Images: draws pairs of latent vectors and the images on the paths between them, one row "
        "per pair.\nA .gif shows the same as an animation. Text (a run of text_vae): writes the sentences "
        "on the\nline between the codes of two sentences.",
        examples=(
            "interpolate runs/dcgan",
            "interpolate runs/dcgan --rows 16 --steps 24 --out cats.gif",
            "interpolate runs/cgan --condition coat=black --to coat=ginger",
            "interpolate runs/text_vae 'a black cat sleeps' 'two white cats play' -n 8",
        ),
        declare=_declare_interpolate,
        run=_run_interpolate,
    ),
    Command(
        name="arithmetic",
        summary="vector arithmetic by attribute: A - B + C in latent space",
        usage="RUN FORMULA [--rows N] [--out FILE] [options]",
        details="Moves samples of C by the mean latent vector of A minus that of B. Conditional "
        "models\ndraw A, B and C directly. For other models a recogniser selects matching "
        "samples; it is\ntrained once on the labels of the run's own data.",
        examples=(
            "arithmetic runs/dcgan 'coat=ginger - coat=black + coat=black,accessory=hat'",
            "arithmetic runs/cgan 'eyes=shut - eyes=open + coat=white'",
        ),
        declare=_declare_arithmetic,
        run=_run_arithmetic,
    ),
    Command(
        name="project",
        summary="find the latent vectors whose images are nearest to a given image",
        usage="RUN IMAGE [--restarts N] [--moves N] [--out FILE] [options]",
        details="Searches by gradient descent from several starts, and shows the image, the "
        "start and\nthe end of each search. A model cannot come near an image that it "
        "cannot draw.",
        examples=(
            "project runs/dcgan cat.png",
            "project runs/dcgan cat.png --restarts 32 --moves 1000",
        ),
        declare=_declare_project,
        run=_run_project,
    ),
)
