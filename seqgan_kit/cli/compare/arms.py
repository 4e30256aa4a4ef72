"""Arms of a comparison, parsed from the command line."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from seqgan_kit.cli.recipe_commands import find_recipe
from seqgan_kit.cli.user_files import missing
from seqgan_kit.errors import UsageError
from seqgan_kit.report.comparison.arm_runs import BASELINE, START, Role

_NAME = re.compile(r"\s*([A-Za-z0-9][\w.+-]*)\s*=\s*(\S.*)", re.DOTALL)


@dataclass(frozen=True)
class Arm:
    """A recipe with flags, one side of a comparison."""

    name: str
    recipe: str
    flags: tuple[str, ...] = ()
    role: Role = "method"


def asked_arms(recipes: Iterable[str], described: Iterable[str]) -> list[Arm]:
    """Return the arms from recipe names and from ``NAME=RECIPE FLAGS``; MLE is added later."""
    arms = [Arm(Path(recipe).stem, recipe) for recipe in recipes if recipe != BASELINE]
    arms += [_described(text) for text in described]
    for arm in arms:
        find_recipe(arm.recipe)
        if arm.name in (START, BASELINE) or arm.recipe == BASELINE:
            raise UsageError(
                f"arm {arm.name!r}: every comparison contains MLE already (arms {START!r} and "
                f"{BASELINE!r}); name the methods to compare with it."
            )
    check_names([arm.name for arm in arms])
    return arms


def check_names(names: list[str]) -> None:
    """Refuse two arms with the same name."""
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(
            f"two arms are named {twice!r}: rename one, as in --arm '{twice}-2={twice} --FLAG "
            "VALUE'."
        )


def collected_folders(texts: Iterable[str]) -> dict[str, list[Path]]:
    """Return run directories by arm, from ``NAME=DIR`` followed by further directories of that arm."""
    found: dict[str, list[Path]] = {}
    name = ""
    for text in texts:
        named = _NAME.fullmatch(text)
        if named:
            name, text = named[1], named[2]
        if not name:
            raise UsageError(
                f"--runs {text}: the arm's name is missing; write --runs NAME=DIR DIR, as in "
                "--runs seqgan=DIR DIR."
            )
        if not Path(text).is_dir():
            raise missing(Path(text), "run directory")
        found.setdefault(name, []).append(Path(text))
    return found


def _described(text: str) -> Arm:
    found = _NAME.fullmatch(text)
    try:
        words = shlex.split(found[2]) if found else []
    except ValueError as error:
        raise UsageError(f"--arm {text!r} cannot be split into words: {error}.") from None
    if found is None or not words:
        raise UsageError(
            f"--arm {text!r}: must have the form NAME=RECIPE [FLAGS], for example "
            "--arm 'many=seqgan --rollouts 16 --baseline none'."
        )
    return Arm(found[1], words[0], tuple(words[1:]))
