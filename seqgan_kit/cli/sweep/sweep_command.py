"""``seqgan-kit sweep``: a grid or random draws of a recipe's settings, over seeds."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from seqgan_kit.cli.command import PROGRAM, Command, whole_number
from seqgan_kit.cli.engines import engine_options as engines
from seqgan_kit.cli.tune.search_flags import declare_search
from seqgan_kit.core.runs.terminal import write_text
from seqgan_kit.errors import UsageError

if TYPE_CHECKING:
    from seqgan_kit.cli.sweep.sweep_plan import Sweep

_DETAILS = """\
Trains a recipe with every combination of a space's settings (--grid), or with random ones
(--random), over seeds. The table has a row for each setting with mean and spread of a metric over
the seeds, best first, and the command that trains the best one. Every run is an ordinary run
directory OUT/setting-NNN/seed-S. Finished runs are reused, interrupted runs are resumed, and a
failed run does not stop the others, so the same command always continues. Writes OUT/sweep.html
and OUT/sweep.json. The space is the file that 'tune' takes: a setting per line, with a list of
choices or {low: A, high: B, log: true}."""


def _declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", metavar="RECIPE", help="name of a recipe, or a .py file")
    space = parser.add_mutually_exclusive_group(required=True)
    space.add_argument(
        "--grid", metavar="FILE", type=Path, help="space whose combinations are all trained"
    )
    space.add_argument(
        "--random", metavar="FILE", type=Path, help="space from which settings are drawn"
    )
    parser.add_argument(
        "--points",
        metavar="N",
        type=whole_number(2),
        help="values of a range in a grid, both ends included (default: 3)",
    )
    parser.add_argument(
        "--samples", metavar="N", type=whole_number(1), help="settings to draw (default: 10)"
    )
    parser.add_argument(
        "--draw-seed", metavar="N", type=whole_number(0), help="seed of the draws (default: 0)"
    )
    parser.add_argument(
        "--seeds",
        metavar="S",
        nargs="+",
        type=whole_number(0),
        default=[0, 1, 2],
        help="seeds of every setting (default: 0 1 2)",
    )
    declare_search(parser, "runs")
    parser.add_argument(
        "--out", metavar="DIR", type=Path, help="folder of all runs (default: runs/sweep-RECIPE)"
    )
    engines.declare_engine(parser)
    parser.add_argument(
        "--dry-run", action="store_true", help="print the commands without running them"
    )


def _run(options: argparse.Namespace) -> None:
    from seqgan_kit.cli.engines.run_loop import play
    from seqgan_kit.cli.sweep.sweep_record import check_metric, sweep_record
    from seqgan_kit.report.sweep_page import print_sweep, write_sweep

    engines.check_engine(options)
    sweep = _sweep(options)
    runs, command = sweep.runs(), [PROGRAM, *sys.argv[1:]]
    if options.dry_run:
        print("\n".join(shlex.join([PROGRAM, "run", r.recipe, *r.words]) for r in runs))
        return
    write_text(
        f"{len(runs)} runs: {len(sweep.settings)} settings x {len(sweep.seeds)} seeds, in {sweep.out}"
    )

    def refresh(problems: dict[str, str]) -> None:
        check_metric(sweep)
        write_sweep(sweep.out, sweep_record(sweep, problems, command))

    sweep.out.mkdir(parents=True, exist_ok=True)
    with engines.chosen_engine(options, sweep.out) as engine:
        problems = play(runs, engine, write_text, refresh)
    refresh(problems)
    print_sweep(sweep.out, sweep_record(sweep, problems, command))
    if problems:
        raise UsageError(
            f"{len(problems)} of {len(runs)} runs failed ({', '.join(problems)}); the table holds the "
            "others. Fix the errors in their logs and rerun the same command."
        )


def _sweep(options: argparse.Namespace) -> Sweep:
    """Read the space and check all of its settings before anything starts."""
    from seqgan_kit.cli.sweep.space_points import drawn, grid
    from seqgan_kit.cli.sweep.sweep_plan import Sweep, named
    from seqgan_kit.cli.tune.checks import check_space
    from seqgan_kit.cli.tune.space import read_space

    _check_flags(options)
    space = read_space(options.grid or options.random)
    try:
        flags = shlex.split(options.flags)
    except ValueError as error:
        raise UsageError(f"--flags {options.flags!r} cannot be split: {error}.") from None
    check_space("sweep", options.recipe, options.preset, flags, space)
    if options.grid:
        points = grid(space, options.points or 3)
    else:
        points = drawn(space, options.samples or 10, options.draw_seed or 0)
    return Sweep(
        recipe=options.recipe,
        words=(options.preset, *flags),
        settings=named(points),
        seeds=tuple(sorted(set(options.seeds))),
        metric=options.metric,
        higher=options.better == "higher",
        out=options.out or Path("runs") / f"sweep-{Path(options.recipe).stem}",
    )


def _check_flags(options: argparse.Namespace) -> None:
    """Refuse flags that belong to the other kind of sweep."""
    kind, foreign = (
        ("--grid", ("samples", "draw_seed")) if options.grid else ("--random", ("points",))
    )
    for name in foreign:
        if getattr(options, name) is not None:
            flag = f"--{name.replace('_', '-')}"
            raise UsageError(f"{flag} has no meaning with {kind}: leave it out.")


COMMANDS = (
    Command(
        name="sweep",
        summary="train all or random settings of a space, over seeds, here or on Ray",
        usage="RECIPE --grid FILE|--random FILE [--seeds S ...] [--on ray] [options]",
        details=f"{_DETAILS}\n\n{engines.NOTES}",
        examples=(
            "sweep mle --grid space.yaml --preset smoke --seeds 0 1 --out runs/sweep",
            "sweep seqgan --random space.yaml --samples 20 --jobs 2 --flags='--text my.txt'",
            "sweep dcgan --grid space.yaml --metric fd --on ray --address auto --gpus 0.5",
        ),
        declare=_declare,
        run=_run,
    ),
)
