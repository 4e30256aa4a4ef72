"""``sk.run``: train by a recipe from Python, with any preset and any setting by the name of its flag."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqgan_kit.cli.command import PROGRAM
from seqgan_kit.cli.recipe_commands import find_recipe, load_recipe
from seqgan_kit.core.runs.log import read_config, read_metrics, read_scores
from seqgan_kit.errors import (
    SeqganKitError,
    StorageError,
    TrainingError,
    UsageError,
    system_problem,
)
from seqgan_kit.face.scorecard import Scorecard

if TYPE_CHECKING:
    from seqgan_kit.face.image_model import TrainedImageModel
    from seqgan_kit.face.text_model import TrainedTextModel


def run(
    recipe: str | Path,
    preset: str = "default",
    *,
    out: str | Path | None = None,
    **settings: Any,
) -> RecipeRun:
    """Train by a recipe, as ``seqgan-kit run RECIPE PRESET --SETTING VALUE`` does.

    Args:
        recipe: a name that ``seqgan-kit ls`` prints, or the path of a recipe file of your own.
        preset: one of the recipe's presets: ``smoke`` takes seconds, ``default`` minutes.
        out: folder of the run (default: ``runs/RECIPE`` or ``runs/RECIPE-PRESET``).
        settings: any setting by the name of its flag, with underscores: ``mle_epochs=3``. The settings of
            a network are a dict: ``textcnn={"dropout": 0.1}``. ``overwrite=True`` replaces an earlier run in
            the folder, ``resume="runs/mine"`` continues one, ``quiet=True`` prints alarms only.

    Returns:
        The finished run.

    Raises:
        seqgan_kit.errors.SeqganKitError: a wrong name, setting, file or folder, or a run that had to stop.
            The message is the one that the command line prints.
    """
    from seqgan_kit.core.runs.launch import chosen_settings
    from seqgan_kit.core.runs.run import default_folder
    from seqgan_kit.core.runs.settings import merged
    from seqgan_kit.face.command_words import command_words, plain

    file = find_recipe(str(recipe))
    module = load_recipe(file)
    presets, main = getattr(module, "PRESETS", None), getattr(module, "main", None)
    if not isinstance(presets, Mapping) or not callable(main):
        raise UsageError(
            f"{file} is no recipe: it must define PRESETS, a dict of configurations, and main(cfg). Copy one "
            "with 'seqgan-kit cp' to start from."
        )
    resume = settings.pop("resume", None)
    base = chosen_settings(presets, preset, None if resume is None else Path(resume))
    if resume is None:
        settings["out"] = default_folder(file.stem, preset) if out is None else out
    config = merged(base, plain(settings))
    called = str(file) if Path(recipe).suffix == ".py" else f"{PROGRAM} run {recipe}"
    words = [] if preset == "default" else [preset]
    words += [] if resume is None else ["--resume", str(resume)]
    with _as_command([called, *words, *command_words(base, config)]):
        _train(main, config)
    return RecipeRun(config.run.resume or config.run.out)


def _train(main: Callable[[Any], object], config: Any) -> None:
    try:
        main(config)
    except SeqganKitError:
        raise
    except MemoryError as error:
        raise TrainingError(
            "out of memory. Use smaller networks or a smaller batch size."
        ) from error
    except (OSError, UnicodeEncodeError) as error:
        raise StorageError(system_problem(error)) from error


@contextmanager
def _as_command(words: list[str]) -> Iterator[None]:
    """Make the run record the command line that would have started it."""
    before, sys.argv = sys.argv, words
    try:
        yield
    finally:
        sys.argv = before


@dataclass(frozen=True)
class RecipeRun:
    """A run of a recipe: its folder, scores, report and model.

    ``RecipeRun(folder)`` opens a run that the command line made. A notebook displays it as the table of
    scores and the curves.
    """

    folder: Path
    """Where everything is saved."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "folder", Path(self.folder))
        read_config(self.folder)

    @property
    def report(self) -> Path:
        """Path of report.html."""
        return self.folder / "report.html"

    @property
    def scores(self) -> Scorecard:
        """The final table: ``run.scores["SeqGAN"]["bleu4"]``."""
        record = read_scores(self.folder)
        if record is None:
            raise UsageError(
                f"{self.folder} has no scores yet: the run has not finished. Continue it with "
                f"resume={str(self.folder)!r}."
            )
        return Scorecard(record)

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """The rows of metrics.jsonl: what was logged and evaluated during training."""
        return read_metrics(self.folder)

    @cached_property
    def model(self) -> TrainedTextModel | TrainedImageModel:
        """The trained model, as ``sk.load(run)`` returns it."""
        from seqgan_kit.face.loading import load

        return load(self.folder)

    def _repr_html_(self) -> str:
        from seqgan_kit.report.notebook_view import notebook_view

        return notebook_view(self.folder)

    def __str__(self) -> str:
        record = read_scores(self.folder)
        table = "not finished yet" if record is None else str(Scorecard(record))
        return f"run in {self.folder}\n{table}"
