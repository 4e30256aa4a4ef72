"""Shared parts of image recipes: hooks for training, and files, figures and scores after it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch

from image_gans.evaluation.image_scores import ImageScorer
from image_gans.evaluation.recognition.far_scores import FarScorer
from image_gans.evaluation.robustness.robust_scores import RobustnessScorer
from image_gans.far_near import FarNear
from image_gans.metrics.perception.feature_maps import Perception
from image_gans.metrics.perception.perceptual_choice import PerceptualChoice, chosen_perception
from image_gans.metrics.recogniser import Recogniser
from image_gans.metrics.trained_recogniser import RecognitionTraining, recogniser_of
from seqgan_kit.core.game import Game
from seqgan_kit.core.runs.long_work import long_work
from seqgan_kit.core.runs.run import Run
from seqgan_kit.core.training.alarms import Alarm, LostDiversity, PinnedDiscriminator
from seqgan_kit.core.training.trainer import Hooks
from seqgan_kit.data.pairs.image_pairs import ImagePairs
from seqgan_kit.errors import DataError
from seqgan_kit.report.closing import close_run
from seqgan_kit.report.run_page import write_report


def image_hooks(scorer: ImageScorer) -> Hooks:
    """Evaluation, grids, the report, and alarms for a D that has won and a G that has collapsed."""
    alarms = (PinnedDiscriminator(rounds=200), LostDiversity(scorer.real_diversity()))
    return Hooks(scorer, scorer.draw_grid, write_report, alarms)


def classifier_hooks(scorer: RobustnessScorer) -> Hooks:
    """Evaluation, attacked images and the report."""
    return Hooks(scorer, scorer.draw_grid, write_report, ())


def recognition_hooks(scorer: FarScorer) -> Hooks:
    """Return the hooks of a method that names far objects, with an alarm for a D that has won."""
    return Hooks(scorer, scorer.draw_grid, write_report, (PinnedDiscriminator(rounds=200),))


class LatentScorer(Protocol):
    """Interface of a scorer of a generator and what learns after it."""

    def __call__(self, game: Game, rng: torch.Generator, /) -> dict[str, float]:
        """Return what an evaluation logs."""

    def draw_grid(self, game: Game, rng: torch.Generator, path: Path) -> None:
        """Draw samples."""

    def real_diversity(self) -> float:
        """Return the diversity of real images."""


def latent_hooks(scorer: LatentScorer) -> Hooks:
    """Return the hooks of a method with an encoder; no alarm for D, which rests while E learns."""
    return Hooks(scorer, scorer.draw_grid, write_report, (LostDiversity(scorer.real_diversity()),))


class Scorer(Protocol):
    """Interface of a scorer that ends a run: the model, figures and a table of scores."""

    def export(self, game: Game, folder: Path, about: Mapping[str, Any]) -> None:
        """Write the model."""

    def draw_figures(self, run: Run, game: Game) -> None:
        """Write the run's figures/."""

    def record(self, title: str, games: Mapping[str, Game], seed: int) -> dict[str, Any]:
        """Return the table of scores.json."""


class TranslationScorer(Scorer, Protocol):
    """Interface of a scorer that evaluates, exports and ends a run of an image-to-image model."""

    @property
    def verb(self) -> str:
        """What the model does with an image: translate or rebuild."""

    def __call__(self, game: Game, rng: torch.Generator, /) -> dict[str, float]:
        """Return what an evaluation logs."""

    def draw_grid(self, game: Game, rng: torch.Generator, path: Path) -> None:
        """Draw a sample of outputs."""


def translation_hooks(scorer: TranslationScorer, *alarms: Alarm) -> Hooks:
    """Return the hooks: evaluation, grids, report, and alarms, one of them for a D that has won."""
    return Hooks(scorer, scorer.draw_grid, write_report, (PinnedDiscriminator(rounds=200), *alarms))


def perception_of(run: Run, pairs: ImagePairs, choice: PerceptualChoice) -> Perception:
    """Return the network of a perceptual distance to the targets; it may be trained for a minute."""
    train, names = pairs.train, dict(pairs.label_names)
    with long_work("features of the perceptual distance", quiet=run.settings.quiet):
        found = chosen_perception(choice, train.targets, dict(train.labels), names)
    run.say(f"perceptual distance over the features of {found.label}")
    return found


def near_recogniser(run: Run, told: FarNear, training: RecognitionTraining) -> Recogniser:
    """Return the classifier of near images on the run's device; it may be trained for a minute."""
    with long_work("classifier of near images", quiet=run.settings.quiet):
        names = dict(told.label_names)
        found = recogniser_of(told.near, dict(told.labels), names, training)
    if missing := [name for name in names if name not in found.config.label_names]:
        raise DataError(
            f"the label {missing[0]!r} has fewer than five images per class, or one class: name another "
            "(--labels)."
        )
    return found.to(run.runtime.device)


def close_translation_run(
    run: Run, scorer: TranslationScorer, trained: Game, name: str, own_data: str = "--pairs DIR"
) -> None:
    """Write model, figures, scores and report, on rank 0 only."""
    use = f"{scorer.verb} {shlex.quote(str(run.folder))} --images DIR --out DIR"
    _close_scored_run(run, scorer, trained, name, "on test pairs", own_data, use)


def close_classifier_run(run: Run, scorer: Scorer, trained: Game, name: str) -> None:
    """Write model, figures, scores and report of classifiers, on rank 0 only."""
    use = f"attack {shlex.quote(str(run.folder))} --images DIR --out DIR"
    _close_scored_run(
        run, scorer, trained, name, "under attack", "--images DIR", use, work="attacks"
    )


def close_recognition_run(run: Run, scorer: Scorer, trained: Game, name: str) -> None:
    """Write model, figures, scores and report of a method that names far objects, on rank 0 only."""
    use = f"recognise {shlex.quote(str(run.folder))} --images DIR"
    _close_scored_run(run, scorer, trained, name, "on far images", "--pairs damage:low4", use)


def close_image_run(
    run: Run,
    scorer: Scorer,
    trained: Game,
    name: str,
    own_data: str = "--images DIR",
    use: str = "",
) -> None:
    """Write model, figures, scores and report, on rank 0 only."""
    _close_scored_run(run, scorer, trained, name, "and real data", own_data, use)


def _close_scored_run(
    run: Run,
    scorer: Scorer,
    trained: Game,
    name: str,
    beside: str,
    own_data: str,
    use: str,
    *,
    work: str = "scoring",
) -> None:
    """Do so; the title of the table is ``name beside``, and ``work`` is shown meanwhile."""
    if not run.runtime.leads:
        return
    scorer.export(trained, run.log.model_folder, {})
    with long_work(work, quiet=run.settings.quiet):
        scorer.draw_figures(run, trained)
        scores = scorer.record(f"{name} {beside}", {name: trained}, run.settings.seed)
    close_run(run, scores, own_data=own_data, use=use)
