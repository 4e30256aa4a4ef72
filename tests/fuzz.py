"""Feed damaged and hostile input to the program and count what it must never do.

    python tests/fuzz.py --minutes 10                      all targets, ten minutes between them
    python tests/fuzz.py --minutes 2 --target runs --seed 3
    python tests/fuzz.py --target runs --seed 3 --only 17  case 17 alone, its outcome in full

Every case runs in a process of its own. A case fails if it ends in a traceback or by a signal, or takes
longer than ``--limit`` seconds. Each distinct failure is kept in ``--keep`` with its input. The exit status
is 1 if anything failed. The same seed gives the same cases.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

TARGETS = ("recipes", "cli", "text", "images", "runs")
# What the cases use, so that no child has to import it.
_PRELOADED = (
    "datasets",
    "pyarrow.parquet",
    "sentencepiece",
    "yaml",
    "tomllib",
    "PIL.Image",
    "rich.table",
    "torch.optim",
    "torch.utils.data",
    "seqgan_kit.core.training.trainer",
    "seqgan_kit.data.text.text_stream",
    "seqgan_kit.data.images.image_stream",
    "seqgan_kit.evaluation.text_export",
    "seqgan_kit.evaluation.evaluate_run",
    "seqgan_kit.cli.evaluate.evaluation_inputs",
    "seqgan_kit.report.run_page",
    "seqgan_kit.report.runs_table",
    "seqgan_kit.report.comparison.comparison_page",
    "seqgan_kit.cli.bleu.bleu_command",
    "seqgan_kit.data.text.subwords",
    "image_gans.evaluation.image_export",
    "image_gans.evaluation.evaluate_images",
    "image_gans.latent.exploring",
)
Case = Callable[[Path, Random], Callable[[], object]]


@dataclass
class Tally:
    """What became of the cases of one target."""

    kinds: Counter[str] = field(default_factory=Counter)
    distinct: Counter[tuple[str, str]] = field(default_factory=Counter)
    first: dict[tuple[str, str], int] = field(default_factory=dict)
    """The number of the first case with each failure."""


def fuzz(target: str, case: Case, options: argparse.Namespace, seconds: float) -> Tally:
    """Run cases of one target for so many seconds, or ``--cases`` of them."""
    from fuzzing.sandbox import outcome_of

    tally, numbers = Tally(), _numbers(options, seconds)
    for number in numbers:
        work = Path(tempfile.mkdtemp(prefix="fuzz-"))
        inside = work / "input"
        inside.mkdir()
        try:
            rng = Random(f"{options.seed}/{target}/{number}")
            outcome = outcome_of(case(inside, rng), inside, options.limit)
            tally.kinds[outcome.kind] += 1
            if options.only is not None:
                print(f"{outcome.kind} {outcome.where}\n{outcome.text}")
            if outcome.failed:
                failure = (outcome.kind, outcome.where)
                tally.distinct[failure] += 1
                if failure not in tally.first:
                    tally.first[failure] = number
                    (work / "failure.txt").write_text(
                        f"{target} {number}: {outcome}\n\n{outcome.text}"
                    )
                    shutil.copytree(
                        work, options.keep / f"{target}-{options.seed}-{number}", dirs_exist_ok=True
                    )
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return tally


def _numbers(options: argparse.Namespace, seconds: float) -> Iterator[int]:
    if options.only is not None:
        yield options.only
        return
    end, number = time.monotonic() + seconds, 0
    while time.monotonic() < end and (options.cases is None or number < options.cases):
        yield number
        number += 1


@contextlib.contextmanager
def cases(names: list[str]) -> Iterator[dict[str, Case]]:
    """What makes the cases of each target."""
    from fuzzing import pictures, recipes, runs, texts

    for module in _PRELOADED:
        importlib.import_module(module)
    with tempfile.TemporaryDirectory(prefix="fuzz-runs-") as folder:
        trained = runs.Runs(Path(folder))
        made: dict[str, Case] = {
            "recipes": recipes.recipe_case,
            "cli": recipes.cli_case,
            "text": texts.text_case,
            "images": pictures.image_case,
            "runs": lambda inside, rng: runs.run_case(inside, rng, trained),
        }
        for name in recipes.recipe_names() if "recipes" in names else ("mle", "cgan", "seqgan"):
            recipes.presets_of(name)
        yield {name: made[name] for name in names}


def table(tallies: dict[str, Tally]) -> str:
    """Counts by target, then each distinct failure."""
    kinds = ("traceback", "hang", "signal", "refused", "done")
    lines = [
        f"{'target':<9}{'runs':>7}" + "".join(f"{kind:>11}" for kind in kinds) + f"{'distinct':>10}"
    ]
    for name, tally in tallies.items():
        counts = "".join(f"{tally.kinds[kind]:>11}" for kind in kinds)
        lines.append(f"{name:<9}{tally.kinds.total():>7}{counts}{len(tally.distinct):>10}")
    for name, tally in tallies.items():
        for (kind, where), count in tally.distinct.most_common():
            lines.append(
                f"{name}: {count} x {kind} {where} (first: case {tally.first[kind, where]})"
            )
    return "\n".join(lines)


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=5.0, help="for all targets together")
    parser.add_argument(
        "--target", choices=TARGETS, action="append", help="one of them; may be repeated"
    )
    parser.add_argument("--seed", type=int, default=0, help="of all cases (0)")
    parser.add_argument("--cases", type=int, help="so many of each target at most")
    parser.add_argument("--only", type=int, metavar="N", help="case N alone")
    parser.add_argument(
        "--limit", type=float, default=30.0, help="seconds of a case; longer is a hang (30)"
    )
    parser.add_argument(
        "--keep", type=Path, default=Path("runs/fuzz"), help="where failures go (runs/fuzz)"
    )
    options = parser.parse_args(words)
    names = list(options.target or TARGETS)
    # Threads that a fork leaves behind are gone in the child, and what waits for them waits for ever.
    os.environ |= {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"}
    with tempfile.TemporaryDirectory(prefix="fuzz-cache-") as cache, cases(names) as made:
        os.environ["SEQGAN_KIT_CACHE"] = cache
        seconds = 60 * options.minutes / len(names)
        tallies = {name: fuzz(name, made[name], options, seconds) for name in names}
    print(table(tallies))
    return 1 if any(tally.distinct for tally in tallies.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
