"""Check a search before its first trial, by the recipe's own parser."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import Any

from seqgan_kit.cli.recipe_commands import find_recipe, load_recipe
from seqgan_kit.cli.tune.space import Setting, words_of
from seqgan_kit.core.runs.launch import parse
from seqgan_kit.core.runs.recipe_help import options_of
from seqgan_kit.errors import SeqganKitError, UsageError, unknown

_OURS = ("--out", "--seed", "--resume", "--overwrite")


def check_space(
    command: str, recipe: str, preset: str, flags: Sequence[str], space: Sequence[Setting]
) -> None:
    """Raise UsageError for a preset, flag, setting or value that the recipe does not take."""
    presets = getattr(load_recipe(find_recipe(recipe)), "PRESETS", None)
    if presets is None:
        raise UsageError(f"{recipe} is not a recipe, because it has no PRESETS.")
    if preset not in presets:
        raise unknown(f"preset of {recipe}", preset, presets)
    for word in flags:
        if word.split("=")[0] in _OURS:
            raise UsageError(f"--flags: {command} sets {word.split('=')[0]} itself: leave it out.")
    known = _known(presets[preset])
    for setting in space:
        _check_name(setting.name, recipe, known)
        for value in setting.ends():
            words = [preset, *flags, *words_of({setting.name: value})]
            try:
                parse(presets, words, "")
            except SystemExit:  # The parser has printed the reason.
                raise UsageError(
                    f"the space's setting {setting.name} is refused by {recipe}; see the message above."
                ) from None
            except SeqganKitError as error:
                raise UsageError(f"the space's setting {setting.name}: {error}") from None


def _known(config: Any) -> set[str]:
    """Return the names of a recipe's settings, as its flags are written."""
    flags = {option.flag.removeprefix("--") for option in options_of(config)}
    return flags | {re.sub(r"(^|\.)no-", r"\1", flag) for flag in flags}


def _check_name(name: str, recipe: str, known: set[str]) -> None:
    if name.replace("_", "-") in known:
        return
    near = difflib.get_close_matches(name.replace("_", "-"), sorted(known), n=3, cutoff=0.5)
    hint = f" Did you mean {', '.join(n.replace('-', '_') for n in near)}?" if near else ""
    raise UsageError(
        f"the space's setting {name} is not a setting of {recipe}.{hint} 'seqgan-kit run {recipe} --help' "
        "lists all, without the dashes in front."
    )
