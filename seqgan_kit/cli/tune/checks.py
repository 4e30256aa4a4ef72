"""Check a search before its first trial, by the recipe's own parser."""

from __future__ import annotations

from collections.abc import Sequence

from seqgan_kit.cli.recipe_commands import find_recipe, load_recipe
from seqgan_kit.cli.tune.space import Setting, words_of
from seqgan_kit.core.runs.launch import parse
from seqgan_kit.errors import SeqganKitError, UsageError, unknown

_OURS = ("--out", "--seed", "--resume", "--overwrite")


def check_space(recipe: str, preset: str, flags: Sequence[str], space: Sequence[Setting]) -> None:
    """Raise UsageError for a preset, flag, setting or value that the recipe does not take."""
    presets = getattr(load_recipe(find_recipe(recipe)), "PRESETS", None)
    if presets is None:
        raise UsageError(f"{recipe} is not a recipe, because it has no PRESETS.")
    if preset not in presets:
        raise unknown(f"preset of {recipe}", preset, presets)
    for word in flags:
        if word.split("=")[0] in _OURS:
            raise UsageError(f"--flags: tune sets {word.split('=')[0]} itself: leave it out.")
    for setting in space:
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
