"""``world`` and ``bench``: making data, measuring speed."""

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
    "variance": "seqgan_kit.bench.bench_commands:variance",
    "bleu": "seqgan_kit.bench.bleu_timing:bleu",
}
"""Where each measurement lives: a function that takes the words after the name."""

BENCH_GROUP = "seqgan_kit.benches"


def all_benches() -> dict[str, str]:
    """The measurements with those that other packages offer as entry points."""
    from importlib.metadata import entry_points

    return BENCHES | {point.name: point.value for point in entry_points(group=BENCH_GROUP)}


def _declare_world(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--images", metavar="N", type=whole_number(0), default=0, help="how many pictures"
    )
    parser.add_argument(
        "--size",
        metavar="PIXELS",
        type=whole_number(16, 256),
        default=32,
        help="edge of a picture, 16 to 256 (default: 32)",
    )
    parser.add_argument(
        "--captions", metavar="N", type=whole_number(0), default=0, help="how many sentences"
    )
    parser.add_argument(
        "--seed", metavar="S", type=whole_number(0), default=0, help="same seed, same files (0)"
    )
    parser.add_argument(
        "--out", metavar="DIR", type=Path, required=True, help="new or empty folder to write to"
    )


def _run_world(options: argparse.Namespace) -> None:
    if not options.images and not options.captions:
        raise UsageError("nothing to make: give --images N, --captions N or both.")
    if options.out.is_file():
        raise UsageError(f"{options.out} is a file: give --out a new or empty folder.")
    if options.out.is_dir() and any(options.out.iterdir()):
        raise UsageError(f"{options.out} is not empty: give --out a new or empty folder.")
    from seqgan_kit.data.catworld.build import write_world

    write_world(
        options.out,
        images=options.images,
        size=options.size,
        captions=options.captions,
        seed=options.seed,
    )
    print(f"wrote {options.images} pictures and {options.captions} captions to {options.out}")


def _declare_bench(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help=f"what to measure: {', '.join(all_benches())}")
    rest = parser.add_argument(
        "rest",
        metavar="...",
        nargs=argparse.REMAINDER,
        help="words for the measurement; '--help' here shows its own options",
    )
    rest.required = False  # or its absence would be reported beside the missing name


def _run_bench(options: argparse.Namespace) -> None:
    benches = all_benches()
    if options.name not in benches:
        raise unknown("bench", options.name, benches)
    module, _, function = benches[options.name].partition(":")
    getattr(import_module(module), function)(options.rest)


COMMANDS = (
    Command(
        name="world",
        summary="make more cat pictures and captions, with known truth",
        usage="[--images N] [--captions N] [options] --out DIR",
        details="Draws pictures and captions from the cat world, whose distribution is known "
        "exactly.",
        examples=(
            "world --images 20000 --size 64 --out cats64",
            "world --captions 100000 --seed 1 --out captions",
        ),
        declare=_declare_world,
        run=_run_world,
    ),
    Command(
        name="bench",
        summary="measure the speed of a part on this machine",
        usage="NAME [its options]",
        details="Measures a part beside its plain alternative, in one run on this machine.",
        examples=("bench seqgan", "bench seqgan --help"),
        declare=_declare_bench,
        run=_run_bench,
        passes_on=True,
    ),
)
