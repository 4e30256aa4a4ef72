"""``world`` and ``bench``: generate data, measure speed."""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path

from seqgan_kit.cli.command import Command, whole_number
from seqgan_kit.errors import UsageError, unknown

BENCHES = {
    "seqgan": "seqgan_kit.bench.bench_commands:seqgan",
    "discriminator": "seqgan_kit.bench.bench_commands:discriminator",
    "mle": "seqgan_kit.bench.bench_commands:mle",
    "sampling": "seqgan_kit.bench.bench_commands:sampling",
    "rollouts": "seqgan_kit.bench.bench_commands:rollouts",
    "beam": "seqgan_kit.bench.bench_commands:beam",
    "lm": "seqgan_kit.bench.language_model_command:language_model",
    "variance": "seqgan_kit.bench.bench_commands:variance",
    "bleu": "seqgan_kit.bench.bleu_timing:bleu",
}
"""Function of each benchmark; it takes the arguments after the name."""

BENCH_GROUP = "seqgan_kit.benches"


def all_benches() -> dict[str, str]:
    """Return all benchmarks, including those that other packages offer as entry points."""
    from importlib.metadata import entry_points

    return BENCHES | {point.name: point.value for point in entry_points(group=BENCH_GROUP)}


def _declare_world(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--images", metavar="N", type=whole_number(0), default=0, help="number of images"
    )
    parser.add_argument(
        "--size",
        metavar="PIXELS",
        type=whole_number(16, 256),
        default=32,
        help="side of the images in pixels, 16 to 256 (default: 32)",
    )
    parser.add_argument(
        "--captions", metavar="N", type=whole_number(0), default=0, help="number of captions"
    )
    parser.add_argument(
        "--pairs", metavar="N", type=whole_number(0), default=0, help="number of pairs of --task"
    )
    parser.add_argument(
        "--task",
        choices=("describe", "answer", "translate", "entail"),
        default="translate",
        help="what is done with the first text of a pair (default: translate)",
    )
    parser.add_argument(
        "--planted",
        metavar="N",
        type=whole_number(0),
        default=0,
        help="number of captions for every kind of planted error (word, swap, drop, double, coat); half of "
        "them have an error, and a file of labels says where",
    )
    parser.add_argument(
        "--seed", metavar="S", type=whole_number(0), default=0, help="random seed (default: 0)"
    )
    parser.add_argument(
        "--out", metavar="DIR", type=Path, required=True, help="new or empty folder to write to"
    )


def _run_world(options: argparse.Namespace) -> None:
    if not (options.images or options.captions or options.pairs or options.planted):
        raise UsageError(
            "nothing to generate: give --images N, --captions N, --pairs N or --planted N."
        )
    if options.out.is_file():
        raise UsageError(f"--out {options.out} is a file: give a new or empty folder.")
    if options.out.is_dir() and any(options.out.iterdir()):
        raise UsageError(f"--out {options.out} is not empty: give a new or empty folder.")
    from seqgan_kit.data.catworld.build import write_world

    write_world(
        options.out,
        images=options.images,
        size=options.size,
        captions=options.captions,
        seed=options.seed,
        pairs=options.pairs,
        task=options.task,
        planted=options.planted,
    )
    counts = {
        "images": options.images,
        "captions": options.captions,
        "pairs": options.pairs,
        "captions for each kind of error": options.planted,
    }
    made = ", ".join(f"{count} {things}" for things, count in counts.items() if count)
    print(f"wrote {made} to {options.out}")


def _declare_bench(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help=f"benchmark: {', '.join(all_benches())}")
    rest = parser.add_argument(
        "rest",
        metavar="...",
        nargs=argparse.REMAINDER,
        help="arguments of the benchmark; '--help' here shows its options",
    )
    rest.required = False  # Otherwise argparse would report it together with a missing name.


def _run_bench(options: argparse.Namespace) -> None:
    benches = all_benches()
    if options.name not in benches:
        raise unknown("bench", options.name, benches)
    module, _, function = benches[options.name].partition(":")
    getattr(import_module(module), function)(options.rest)


COMMANDS = (
    Command(
        name="world",
        summary="generate cat images and captions with known probabilities",
        usage="[--images N] [--captions N] [--pairs N] [--planted N] [options] --out DIR",
        details="Draws images, captions and pairs of texts from the cat world, whose distribution is known "
        "exactly.",
        examples=(
            "world --images 20000 --size 64 --out cats64",
            "world --captions 100000 --seed 1 --out captions",
            "world --pairs 100000 --task entail --out entail",
            "world --planted 1000 --out planted",
        ),
        declare=_declare_world,
        run=_run_world,
    ),
    Command(
        name="bench",
        summary="measure the speed of a part on this machine",
        usage="NAME [its options]",
        details="Measures a part beside a plain implementation, in one run on this machine.",
        examples=("bench seqgan", "bench seqgan --help"),
        declare=_declare_bench,
        run=_run_bench,
        passes_on=True,
    ),
)
