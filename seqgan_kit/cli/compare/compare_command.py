"""``compare``: methods against tuned MLE and a constant reward, with equal budgets, over seeds."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from seqgan_kit.cli.command import Command, one_of, positive_number, whole_number
from seqgan_kit.cli.engines import engine_options as engines
from seqgan_kit.core.runs.terminal import write_text
from seqgan_kit.errors import UsageError

if TYPE_CHECKING:
    from seqgan_kit.cli.compare.arms import Arm
    from seqgan_kit.cli.compare.plan import Budget
    from seqgan_kit.cli.engines.planned_run import PlannedRun
    from seqgan_kit.report.comparison.arm_runs import ArmRuns, Role

TEMPERATURES = (0.7, 0.8, 0.9, 1.1)

_DETAILS = """\
Runs methods, or collects existing runs, and reports what they gained over maximum likelihood.

For every seed, one generator is trained by maximum likelihood (arm 'start'). All arms continue
from it: each method, MLE itself ('mle', for as long as the longest method), and a control
('constant'): the first method that learns from rewards, with a constant reward, or with a random
one for gad and textgail, which compare rewards with each other. What the control gains is not due
to the discriminator. Every run is an ordinary run directory OUT/ARM/seed-S. Finished runs are
reused, interrupted runs are resumed, and a failed run does not stop the others, so the same
command always continues. Writes OUT/compare.html and OUT/compare.json.

The budget limits each arm after the start:
  updates   of the generator, adversarial and teacher-forcing updates together. --updates sets the
          same number for every method; otherwise each recipe keeps its schedule. Updates differ in
          cost: a REINFORCE update with rollouts costs many MLE updates, and the discriminator's
          updates are extra. The table shows the seconds.
  seconds   of wall-clock training, evaluations included. No method trains longer than its recipe's
          schedule. MLE gets as many updates as the start made in that time. Run one job at a
          time on an idle machine, or the seconds mean little.
With either budget, MLE keeps its best evaluation by held-out likelihood, including the start's."""

_NOTES = """\
NAME=RECIPE gives a recipe a name of your choice; the flags after it go to the recipe.
--shared='FLAGS' passes flags to all runs, MLE included. The '=' is required."""


def _declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "recipes",
        metavar="RECIPE",
        nargs="*",
        help="names of recipes, as 'ls' prints them, or .py files",
    )
    parser.add_argument(
        "--arm",
        metavar="'NAME=RECIPE FLAGS'",
        action="append",
        default=[],
        help="recipe with flags of its own, in quotes; may be repeated",
    )
    parser.add_argument(
        "--seeds",
        metavar="S",
        nargs="+",
        type=whole_number(0),
        default=[0, 1, 2],
        help="seeds (default: 0 1 2); fewer than three give no p-values",
    )
    parser.add_argument(
        "--preset", metavar="PRESET", default="default", help="preset of all methods (default)"
    )
    parser.add_argument(
        "--budget",
        metavar="updates|seconds",
        type=one_of("budget", "updates", "seconds"),
        help="unit of the budget (default: updates; see above)",
    )
    parser.add_argument(
        "--updates", metavar="N", type=whole_number(1), help="generator updates of every arm"
    )
    parser.add_argument(
        "--seconds", metavar="S", type=positive_number(), help="seconds of training of every arm"
    )
    parser.add_argument("--text", metavar="FILE", help="training text (default: the cat world)")
    parser.add_argument("--test-text", metavar="FILE", help="held-out text")
    parser.add_argument(
        "--temperatures",
        metavar="T",
        nargs="*",
        type=positive_number(),
        default=list(TEMPERATURES),
        help="further temperatures of all arms, for the frontier (default: 0.7 0.8 0.9 1.1)",
    )
    for flag, of, kind in (
        ("--top-k", "K", whole_number(1)),
        ("--top-p", "P", positive_number(1.0)),
    ):
        parser.add_argument(
            flag,
            metavar=of,
            nargs="*",
            type=kind,
            default=[],
            help="truncated sampling of all arms; it has no likelihood, only scores of samples",
        )
    parser.add_argument(
        "--shared",
        metavar="FLAGS",
        default="",
        help="further flags for all runs, as in --shared='--tokenizer bpe'",
    )
    parser.add_argument(
        "--runs",
        metavar="ARM=DIR",
        nargs="+",
        action="extend",
        default=[],
        help="existing runs: ARM=DIR DIR ...; 'mle' is the baseline; needs no recipes",
    )
    parser.add_argument(
        "--out", metavar="DIR", type=Path, default=Path("runs/compare"), help="output folder"
    )
    engines.declare_engine(parser)
    parser.add_argument(
        "--dry-run", action="store_true", help="print the commands without running them"
    )


def _run(options: argparse.Namespace) -> None:
    from seqgan_kit.cli.compare.arms import asked_arms, check_names, collected_folders
    from seqgan_kit.report.comparison.arm_runs import BASELINE, collected_arms

    engines.check_engine(options)
    asked = asked_arms(options.recipes, options.arm)
    folders = collected_folders(options.runs)
    check_names([*(arm.name for arm in asked), *folders])
    if not asked and not folders:
        raise UsageError(
            "no method is given: name at least one, as in seqgan-kit compare seqgan maligan."
        )
    if not asked and BASELINE not in folders:
        raise UsageError("--runs has no MLE to compare with: add --runs mle=DIR DIR ...")
    collected = collected_arms(folders)
    budget = _budget(options, bool(asked))
    if not asked:
        as_it_was = "as each run had it; see the table of arms"
        _write(options.out, collected, as_it_was, sys.argv[1:])
        _show(options.out)
        return
    _train(options, asked, collected, budget)


def _budget(options: argparse.Namespace, trains: bool) -> Budget:
    from seqgan_kit.cli.compare.plan import Budget

    kind: Literal["updates", "seconds"] = "seconds" if options.seconds else "updates"
    kind = options.budget or kind
    if not trains and (options.budget or options.updates or options.seconds):
        raise UsageError(
            "--runs collects existing runs, which have no budget left to set: leave "
            "out --budget, --updates and --seconds."
        )
    if kind == "seconds" and not options.seconds:
        raise UsageError("--budget seconds needs a number: add --seconds S.")
    if (kind == "seconds" and options.updates) or (kind == "updates" and options.seconds):
        raise UsageError("--updates and --seconds are both given: give only one of them.")
    return Budget(kind, options.updates or 0, options.seconds or 0.0)


def _train(
    options: argparse.Namespace, asked: list[Arm], collected: list[ArmRuns], budget: Budget
) -> None:
    from seqgan_kit.cli.compare.arm_settings import shared_words
    from seqgan_kit.cli.compare.plan import SHARED_FILE, make_plan, write_shared
    from seqgan_kit.cli.engines.run_loop import play

    seeds = sorted(set(options.seeds))
    plan = make_plan(
        asked,
        options.out,
        seeds,
        budget,
        preset=options.preset,
        shared_words=shared_words(options),
        trains_baseline=all(arm.role != "baseline" for arm in collected),
    )
    if options.dry_run:
        print(
            f"# {options.out / SHARED_FILE} holds the shared settings; compare writes it before "
            "it starts the runs."
        )
        print("\n".join(shlex.join(["seqgan-kit", "run", r.recipe, *r.words]) for r in plan.runs))
        return
    write_shared(plan, options.out)
    say = f"{len(plan.runs)} runs: {len(plan.arms)} arms x {len(seeds)} seeds, in {options.out}"
    write_text(say)
    roles = {arm.name: arm.role for arm in plan.arms}

    def refresh(problems: dict[str, str]) -> None:
        arms = [*_arms_so_far(plan.runs, roles, problems), *collected]
        if any(arm.role == "baseline" and arm.runs for arm in arms):
            _write(options.out, arms, _in_words(budget), sys.argv[1:])

    with engines.chosen_engine(options, options.out) as engine:
        problems = play(plan.runs, engine, write_text, refresh)
    refresh(problems)
    _show(options.out)
    if problems:
        raise UsageError(
            f"{len(problems)} of {len(plan.runs)} runs failed ({', '.join(problems)}); the table "
            "holds the others. Fix the errors in their logs and rerun the same command."
        )


def _arms_so_far(
    runs: Sequence[PlannedRun], roles: Mapping[str, Role], problems: Mapping[str, str]
) -> list[ArmRuns]:
    from seqgan_kit.cli.engines.resuming import finished
    from seqgan_kit.report.comparison.arm_runs import ArmRuns, ComparedRun

    arms = []
    for name, role in roles.items():
        own = [run for run in runs if run.arm == name]
        done = tuple(ComparedRun(name, run.folder) for run in own if finished(run))
        missing = {
            run.seed: problems.get(run.title, "not finished yet")
            for run in own
            if not finished(run)
        }
        arms.append(ArmRuns(name, role, done, missing))
    return arms


def _in_words(budget: Budget) -> str:
    if budget.seconds:
        return f"{budget.seconds:g} seconds of training after the start"
    if budget.updates:
        return f"{budget.updates} updates of the generator after the start"
    return "each recipe's schedule after the start; MLE as many updates as the longest"


def _write(out: Path, arms: Sequence[ArmRuns], budget: str, words: Sequence[str]) -> None:
    from seqgan_kit.report.comparison.comparison_page import write_comparison

    write_comparison(out, arms, budget, ["seqgan-kit", *words])


def _show(out: Path) -> None:
    from seqgan_kit.report.comparison.means_table import print_comparison

    print_comparison(out)


COMMANDS = (
    Command(
        name="compare",
        summary="compare methods with tuned MLE and a constant reward, over seeds",
        usage="RECIPE ... [--arm 'NAME=RECIPE FLAGS'] [--seeds S ...] [options]",
        details=f"{_DETAILS}\n\n{_NOTES}\n\n{engines.NOTES}",
        examples=(
            "compare seqgan --preset smoke --seeds 0 1 --out runs/first-comparison",
            "compare seqgan maligan relgan --seeds 0 1 2 --jobs 2",
            "compare seqgan maligan --on ray --address auto --gpus 0.5 --out /shared/compare",
            "compare --arm 'n16=seqgan --rollouts 16' --arm 'n1=seqgan --rollouts 1' --updates 400",
            "compare seqgan --text my.txt --test-text held.txt --shared='--tokenizer bpe'",
            "compare --runs mle=runs/m0 runs/m1 --runs seqgan=runs/s0 runs/s1 --out runs/both",
        ),
        declare=_declare,
        run=_run,
    ),
)
