"""Scores and figures of edits in latent space: of the asked class, of what is to stay, and against twins."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from image_gans.conditions import Conditions
from image_gans.evaluation.condition_scores import class_sweep
from image_gans.evaluation.image_parts import check_image_parts, save_image_parts
from image_gans.evaluation.image_table import score_row
from image_gans.evaluation.latent.edit_tasks import EditTasks, edit_tasks
from image_gans.evaluation.translation.pair_columns import kept_attributes
from image_gans.grids import enlargement, save_grid
from image_gans.latent.attribute_editor import AttributeEditor, Way
from image_gans.latent.editing import transferred
from image_gans.metrics.diversity import diversity
from image_gans.metrics.pair_quality import mean_of, pair_quality, psnr
from image_gans.metrics.recogniser import Recogniser
from image_gans.metrics.trained_recogniser import (
    RecognitionTraining,
    accuracies,
    recognise,
    recogniser_of,
)
from seqgan_kit.core.bounds import Positive, Several, bounded
from seqgan_kit.core.discriminator import device_of, evaluating
from seqgan_kit.core.game import Game
from seqgan_kit.core.runs.run import Run
from seqgan_kit.data.images.age_sets import AgeSets
from seqgan_kit.data.images.pixels import to_float, to_uint8
from seqgan_kit.metrics.statistics.divergences import Estimate

VERBS = ("edit", "rebuild", "sample")
PARTS = ("encoder", "generator", "recogniser")
_COLUMNS, _SAMPLES, _SHOWN = 8, 64, 8
_WAYS: Mapping[str, Way] = {"encoder alone": "encoder", "pixelwise search": "pixels"}
_FACTS: Mapping[str, tuple[str, str, int, str]] = {
    "told": ("as asked", "higher", 3, "accuracy|by:recogniser"),
    "kept": ("others kept", "higher", 3, "accuracy|mean-of-labels|by:recogniser"),
    "identified": ("identified", "higher", 3, "nearest-twin|features:recogniser"),
    "psnr": ("PSNR", "higher", 2, "mean-of-images|uint8|dB"),
    "psnr_inside": ("PSNR inside", "higher", 2, "mean-of-images|uint8|dB|where:may-change"),
    "psnr_outside": ("PSNR outside", "higher", 2, "mean-of-images|uint8|dB|where:may-not-change"),
    "milliseconds": ("ms an image", "lower", 1, "wall-clock"),
}


@dataclass(frozen=True)
@bounded
class EditSettings:
    """Number of images that are edited, and the length of the search."""

    edited_images: Several = 150
    """Test images to edit, each to all other classes."""
    search_moves: Positive = 50
    """Steps of L-BFGS for each image."""
    evaluation_images: Several = 64
    """Samples, and reconstructions of test images, for each evaluation during training."""
    recogniser_steps: Positive = 600
    """Updates of the recogniser that scores, which is trained once and kept."""


@dataclass(frozen=True)
class EditScorer:
    """Scores, figures and export of a game with a conditional generator, an encoder and a recogniser."""

    sets: AgeSets
    conditions: Conditions
    settings: EditSettings = EditSettings()

    def check(self, game: Game) -> None:
        """Refuse, before training, a model that could not be saved."""
        check_image_parts(parts_of(game), VERBS)

    def export(self, game: Game, folder: Path, about: Mapping[str, Any]) -> None:
        """Write encoder, generator and recogniser into a run's ``model`` folder."""
        save_image_parts(folder, parts_of(game), VERBS, about)

    def __call__(self, game: Game, rng: torch.Generator) -> dict[str, float]:
        """Return the diversity of samples, and the PSNR of test images that E and G rebuild."""
        count, editor = self.settings.evaluation_images, editor_of(game)
        x, told = self.tasks.sources[:count], self.tasks.classes[:count, None]
        with torch.no_grad():
            drawn = game.sample(count, rng=rng).float().cpu()
        rebuilt = self._rebuilt(editor, x, told)
        return {"diversity": diversity(drawn), "rebuilt_psnr": float(psnr(rebuilt, x).mean())}

    def draw_grid(self, game: Game, rng: torch.Generator, path: Path) -> None:
        """Draw samples: a row for each class, and the same noise in a column."""
        generator = cast(Any, game).generator
        with torch.no_grad():
            rows = class_sweep(generator, _COLUMNS, rng)
            images = torch.cat([generator(row) for row in rows])
        save_grid(images, path.with_suffix(".png"), columns=_COLUMNS, scale=enlargement(images))

    def real_diversity(self) -> float:
        """Return the diversity of test images."""
        return diversity(self.tasks.sources)

    def draw_figures(self, run: Run, game: Game) -> None:
        """Write figures/: grid.png with samples, and edits.png: a row for each test image, with the image,
        its edits to every class, the same carried over to the image, and its twins."""
        rng = torch.Generator(run.runtime.device).manual_seed(run.settings.seed)
        self.draw_grid(game, rng, run.log.figure_path("grid.png"))
        x, told, editor = (
            self.tasks.sources[:_SHOWN],
            self.tasks.classes[:_SHOWN, None],
            editor_of(game),
        )
        device = device_of(game)
        with evaluating(*parts_of(game).values()):
            codes = editor.codes(
                x.to(device), told.to(device), "identity", self.settings.search_moves
            )
            before = editor.drawn(codes, told.to(device))
            edits = [
                editor.drawn(codes, torch.full_like(told, number).to(device)).cpu()
                for number in range(len(self.conditions.classes[0]))
            ]
        carried = [transferred(x, before.cpu(), edit) for edit in edits]
        twins = [] if self.tasks.twins is None else [*self.tasks.twins[:_SHOWN].unbind(1)]
        shown = torch.stack([x, *edits, *carried, *twins], 1)
        path = run.log.figure_path("edits.png")
        save_grid(shown.flatten(0, 1), path, columns=shown.shape[1], scale=enlargement(x))

    def record(self, title: str, games: Mapping[str, Game], seed: int) -> dict[str, Any]:
        """Return the table: a row for each way to edit, between the source and the twin."""
        tasks, rows = self.tasks, []
        if tasks.twins is not None:
            rows.append(self._row("twin", tasks.truth()))
        rows.append(self._row("source, untouched", tasks.sources[tasks.images]))
        if tasks.twins is not None:
            rows.append(self._row("another cat's twin", tasks.truth(shift=1)))
        for name, game in games.items():
            with evaluating(*parts_of(game).values()):
                rows += self._rows_of(name, editor_of(game), device_of(game))
        keys = {key for row in rows for key in row["values"]}
        size = f"images:{len(tasks.sources)}|edits:{len(tasks.asked)}"
        columns = [
            {"key": key, "label": label, "better": better, "digits": digits,
             "signature": f"{fact}|{size}"}
            for key, (label, better, digits, fact) in _FACTS.items() if key in keys
        ]  # fmt: skip
        return {"title": title, "columns": columns, "rows": rows, "notes": self._notes(keys)}

    @cached_property
    def tasks(self) -> EditTasks:
        """Return the test images and what is asked for."""
        return edit_tasks(self.sets, self.conditions, self.settings.edited_images)

    @cached_property
    def recogniser(self) -> Recogniser:
        """Return the recogniser that scores; it has other weights than the game's."""
        corpus, steps = self.sets.corpus, self.settings.recogniser_steps
        training = RecognitionTraining(steps=steps)
        return recogniser_of(corpus.train, corpus.train_labels, corpus.label_names, training)

    def _rows_of(
        self, name: str, editor: AttributeEditor, device: torch.device
    ) -> list[dict[str, Any]]:
        tasks, rows = self.tasks, []
        x, told = tasks.sources.to(device), tasks.classes[:, None].to(device)
        asked, images = tasks.asked[:, None].to(device), tasks.images.to(device)
        ways: dict[str, Way] = {**_WAYS, name: "identity"}
        for title, way in ways.items():
            begun = time.perf_counter()
            codes = editor.codes(x, told, way, self.settings.search_moves)
            edited = editor.drawn(codes[images], asked)
            seconds = (time.perf_counter() - begun) / len(x)
            rows.append(self._row(title, edited.cpu(), 1000 * seconds))
        before = editor.drawn(codes, told)[images]
        carried = transferred(x[images], before, edited).cpu()
        return [*rows, self._row(f"{name}, carried over", carried, 1000 * seconds)]

    def _row(self, name: str, edited: Tensor, milliseconds: float | None = None) -> dict[str, Any]:
        """Return the scores of edited images [T,C,H,W]."""
        tasks, edited = self.tasks, to_float(to_uint8(edited))
        label = self.conditions.names[0]
        seen = recognise(self.recogniser, edited)
        scores: dict[str, Estimate] = {}
        if label in seen:
            scores["told"] = accuracies(seen, {label: tasks.asked})[label]
        if kept := accuracies(seen, _varied(tasks.others)):
            scores["kept"] = kept_attributes(kept)["kept"]
        if tasks.twins is not None:
            scores["identified"] = self._identified(edited)
            quality = pair_quality(edited, tasks.truth(), tasks.mask)
            scores |= {key: quality[key] for key in _FACTS if key in quality}
        if milliseconds is not None:
            scores["milliseconds"] = Estimate(milliseconds, math.nan)
        return score_row(name, scores)

    def _identified(self, edited: Tensor) -> Estimate:
        """Return the share of edits whose nearest twin of the asked class is of their own source."""
        tasks, hits = self.tasks, torch.zeros(len(edited), dtype=torch.double)
        assert tasks.twins is not None
        features = _features(self.recogniser, edited)
        for number in tasks.asked.unique().tolist():
            rows = tasks.asked == number
            gallery = _features(self.recogniser, tasks.twins[:, number])
            nearest = torch.cdist(features[rows], gallery).argmin(1)
            hits[rows] = (nearest == tasks.images[rows]).double()
        return mean_of(hits)

    def _rebuilt(self, editor: AttributeEditor, x: Tensor, told: Tensor) -> Tensor:
        device = device_of(editor.generator)
        with evaluating(editor.generator, editor.encoder):
            codes = editor.codes(x.to(device), told.to(device), "encoder")
            return editor.drawn(codes, told.to(device)).float().cpu()

    def _notes(self, keys: set[str]) -> list[str]:
        label, count = self.conditions.names[0], len(self.tasks.sources)
        notes = [
            f"As asked: share of edits whose {label} a recogniser names as asked. Others kept: share of the "
            "source's other labels that it names in the edit. It has other weights than the model's own.",
            f"The searches take up to {self.settings.search_moves} steps of L-BFGS for each image, from the "
            "encoder's vector. Carried over: the source plus the difference of the model's two images.",
        ]
        if "identified" in keys:
            notes.append(
                f"Identified: share of edits that are nearest, in the recogniser's features, to the twin of "
                f"their own source among {count} twins of the asked {label} (chance: {1 / count:.3f}). A "
                "twin is the exact image of the same scene, with the label changed; inside and outside are "
                "pixels that differ between classes, and those that do not."
            )
        return notes


def editor_of(game: Game) -> AttributeEditor:
    """Return the editor of a game's players."""
    players: Any = parts_of(game)
    return AttributeEditor(players["generator"], players["encoder"], players["recogniser"])


def parts_of(game: Game) -> dict[str, nn.Module]:
    """Return the parts of the exported model."""
    return {name: game.players[name] for name in PARTS}


def _varied(labels: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the labels with more than one class."""
    return {n: values for n, values in labels.items() if len(values[values >= 0].unique()) > 1}


@torch.no_grad()
def _features(recogniser: Recogniser, x: Tensor) -> Tensor:
    return torch.cat([recogniser.features(part) for part in x.split(256)])
