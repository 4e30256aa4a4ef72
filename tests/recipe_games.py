"""The game of a recipe's ``smoke`` preset, as the recipe builds it, before its first move."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from seqgan_kit.cli.recipe_commands import load_recipe
from seqgan_kit.core.training.trainer import Trainer

ROOT = Path(__file__).resolve().parents[1]
RECIPES = sorted(path.stem for path in (ROOT / "recipes").glob("*.py"))


class Built(Exception):
    """Ends a recipe where its training would begin."""

    def __init__(self, trainer: Trainer):
        self.trainer = trainer


def trainer_of_recipe(recipe: str, out: Path) -> Trainer:
    """The trainer that ``python recipes/RECIPE.py smoke`` makes."""

    def begin(trainer: Trainer) -> None:
        raise Built(trainer)

    module = load_recipe(ROOT / "recipes" / f"{recipe}.py")
    config = module.PRESETS["smoke"]
    run = replace(config.run, out=out, quiet=True, device="cpu", preset="smoke")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "fit", begin)
        try:
            module.main(replace(config, run=run))
        except Built as built:
            return built.trainer
    raise AssertionError(f"{recipe} trained nothing")
