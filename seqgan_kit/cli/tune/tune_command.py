"""``seqgan-kit tune``: search settings of recipes with the same number of trials for each."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from seqgan_kit.cli.command import Command, whole_number
from seqgan_kit.cli.tune.search_flags import declare_search
from seqgan_kit.errors import UsageError


def _declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", metavar="RECIPE", help="name of a recipe, or a .py file")
    parser.add_argument(
        "--space",
        metavar="FILE",
        type=Path,
        required=True,
        help="YAML file: a setting per line, with a list of choices or {low: A, high: B, log: true}",
    )
    parser.add_argument(
        "--trials",
        metavar="N",
        type=whole_number(1),
        default=30,
        help="number of runs, stopped and failed ones included (default 30)",
    )
    declare_search(parser, "trials")
    parser.add_argument(
        "--all-finish", action="store_true", help="stop no trial that is worse than the median"
    )
    parser.add_argument(
        "--seed", metavar="N", type=whole_number(0), default=0, help="seed of runs and proposals"
    )
    parser.add_argument(
        "--out", metavar="DIR", type=Path, help="folder of all trials (default: runs/tune-RECIPE)"
    )

    parser.add_argument(
        "--beside",
        metavar="DIR",
        type=Path,
        nargs="+",
        default=[],
        help="folders of other searches to show in the table",
    )


def _run(options: argparse.Namespace) -> None:
    from seqgan_kit.cli.tune.checks import check_space
    from seqgan_kit.cli.tune.search import (
        Search,
        optuna_library,
        read_result,
        result_lines,
        search,
    )
    from seqgan_kit.cli.tune.space import read_space, words_of

    optuna_library()
    others = [read_result(folder) for folder in options.beside]
    space = read_space(options.space)
    try:
        flags = shlex.split(options.flags)
    except ValueError as error:
        raise UsageError(f"--flags {options.flags!r} cannot be split: {error}.") from None
    check_space("tune", options.recipe, options.preset, flags, space)
    asked = Search(
        recipe=options.recipe,
        words=(options.preset, *flags, "--seed", str(options.seed)),
        space=space,
        metric=options.metric,
        higher=options.better == "higher",
        trials=options.trials,
        prunes=not options.all_finish,
        seed=options.seed,
        out=options.out or Path("runs") / f"tune-{Path(options.recipe).stem}",
    )
    result = search(asked, lambda line: print(line, flush=True))
    print()
    print("\n".join(result_lines([*others, result])))
    print(f"\nbest run    {result['run']}")
    print(f"settings    {shlex.join(words_of(result['settings']))}")
    print(f"results     {asked.out}/tuned.json; the same command continues with more --trials")


COMMANDS = (
    Command(
        "tune",
        "search settings of a recipe with Optuna",
        "RECIPE --space FILE [--trials N] [--metric NAME] [--flags TEXT]",
        "Trains a recipe with proposed settings, and stops runs that are worse than\n"
        "the median of earlier ones. The table says how many trials and updates the\n"
        "best value took, so that a baseline can be given the same budget. The same\n"
        "command continues an interrupted search. It needs the extra tune.",
        (
            "tune mle --space space.yaml --trials 30 --flags='--text my.txt'",
            "tune seqgan --space space.yaml --trials 30 --metric nll_valid --preset smoke",
        ),
        _declare,
        _run,
    ),
)
