"""Scores and figures of methods that find anomalous images, beside a search, a VAE and simple detectors."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from image_gans.evaluation.anomalies.detectors import (
    AnomalyScores,
    DetectingGame,
    Detector,
    detected,
    further_detectors,
)
from image_gans.evaluation.image_parts import check_image_parts, save_image_parts
from image_gans.evaluation.image_table import score_row
from image_gans.grids import enlargement, save_grid
from image_gans.metrics.diversity import diversity
from seqgan_kit.core.bounds import Positive, Several, bounded
from seqgan_kit.core.discriminator import device_of
from seqgan_kit.core.game import Game
from seqgan_kit.core.runs.run import Run
from seqgan_kit.data.images.anomaly_sets import AnomalySets
from seqgan_kit.data.images.pixels import to_float
from seqgan_kit.metrics.statistics.divergences import Estimate
from seqgan_kit.metrics.statistics.rank_statistics import area_under_curve

VERBS = ("detect", "rebuild", "sample")
NORMAL = "normal"
_COLUMNS, _SAMPLES = 8, 64


@dataclass(frozen=True)
@bounded
class DetectionSettings:
    """Number of images that are scored, and the length of AnoGAN's search."""

    searched_images: Several = 64
    """Images of each kind in the row of AnoGAN's search, which takes many updates for each image."""
    search_moves: Positive = 200
    """Updates of AnoGAN's search (500 in its paper)."""
    evaluation_images: Several = 100
    """Images of each kind for each evaluation during training."""


@dataclass(frozen=True)
class DetectionScorer:
    """Scores, figures and export of a game that finds anomalies."""

    sets: AnomalySets
    settings: DetectionSettings = field(default_factory=DetectionSettings)
    dimensions: int = 100
    """Principal components of a simple detector."""

    def check(self, game: Game) -> None:
        """Refuse, before training, a model that could not be saved."""
        check_image_parts(parts_of(game), VERBS)

    def export(self, game: Game, folder: Path, about: Mapping[str, Any]) -> None:
        """Write the encoder, the generator and D's trunk into a run's ``model`` folder."""
        kappa = float(cast(Any, game).method.kappa)
        save_image_parts(folder, parts_of(game), VERBS, {**about, "kappa": kappa})

    def __call__(self, game: Game, rng: torch.Generator) -> dict[str, float]:
        """Return the diversity of samples, and the AUC of each kind of anomaly."""
        count = self.settings.evaluation_images
        values = {"diversity": diversity(_drawn(game, count, rng))}
        scores = {kind: detected(game, x[:count]).scores for kind, x in self.images.items()}
        areas = {kind: _area(scores[kind], scores[NORMAL]).value for kind in self.kinds}
        return values | {f"auc_{kind.replace(' ', '_')}": area for kind, area in areas.items()}

    def draw_grid(self, game: Game, rng: torch.Generator, path: Path) -> None:
        """Draw samples of the same latent vectors every time."""
        images = _drawn(game, _SAMPLES, rng)
        save_grid(images, path.with_suffix(".png"), columns=_COLUMNS, scale=enlargement(images))

    def real_diversity(self) -> float:
        """Return the diversity of normal images."""
        return diversity(self.images[NORMAL])

    def draw_figures(self, run: Run, game: Game) -> None:
        """Write figures/: grid.png with samples, and found.png: for each kind a row of images, one of their
        reconstructions and one of residuals, black where nothing remains."""
        rng = torch.Generator(run.runtime.device).manual_seed(run.settings.seed)
        self.draw_grid(game, rng, run.log.figure_path("grid.png"))
        columns = min(_COLUMNS, *(len(x) for x in self.images.values()))
        rows = []
        for images in self.images.values():
            x = images[:columns]
            found = cast(DetectingGame, game).detect(x.to(rng.device))
            rows += [x, found.rebuilt.cpu(), (found.pixels.cpu() - 1).expand_as(x)]
        shown = torch.cat(rows)
        path = run.log.figure_path("found.png")
        save_grid(shown, path, columns=columns, scale=enlargement(shown))

    def record(self, title: str, games: Mapping[str, Game], seed: int) -> dict[str, Any]:
        """Return the table: a row for each detector; for each kind an AUC of images and one of pixels."""
        rows = []
        train, settings = to_float(self.sets.normal.train), self.settings
        for name, game in games.items():
            rng = torch.Generator(device_of(game)).manual_seed(seed)
            rows.append(self._row(name, lambda x, game=game: detected(game, x)))  # type: ignore[misc]
            further = further_detectors(
                name, game, train, self.dimensions, moves=settings.search_moves, rng=rng
            )
            (searching, search), *others = further.items()
            rows.append(self._row(searching, search, settings.searched_images))
            rows += [self._row(other, detector) for other, detector in others]
        masked = [kind for kind in self.kinds if self.sets.anomalous[kind].masks is not None]
        columns = [
            *(self._column(f"auc {kind}", f"AUC: {kind}", kind) for kind in self.kinds),
            *(self._column(f"pixels {kind}", f"pixel AUC: {kind}", kind) for kind in masked),
            {"key": "milliseconds", "label": "ms an image", "better": "lower", "digits": 2,
             "signature": "wall-clock"},
        ]  # fmt: skip
        return {"title": title, "columns": columns, "rows": rows, "notes": self._notes()}

    @cached_property
    def images(self) -> dict[str, Tensor]:
        """Return the test images [N,C,H,W] in [-1,1] by kind, normal ones first."""
        test = self.sets.normal.test
        normal = test if len(test) > 1 else self.sets.normal.train
        kinds = {k: to_float(x.images) for k, x in self.sets.anomalous.items() if len(x.images) > 1}
        return {NORMAL: to_float(normal), **kinds}

    @property
    def kinds(self) -> list[str]:
        """Return the kinds of anomalies."""
        return [kind for kind in self.images if kind != NORMAL]

    def _row(self, name: str, detector: Detector, most: int | None = None) -> dict[str, Any]:
        """Return the row of a detector, on the first images of each kind."""
        begun = time.perf_counter()
        found = {kind: detector(x[:most]) for kind, x in self.images.items()}
        seconds = time.perf_counter() - begun
        count = sum(len(x.scores) for x in found.values())
        scores: dict[str, Estimate] = {"milliseconds": Estimate(1000 * seconds / count, math.nan)}
        for kind in self.kinds:
            scores[f"auc {kind}"] = _area(found[kind].scores, found[NORMAL].scores)
            masks = self.sets.anomalous[kind].masks
            if masks is not None:
                scores[f"pixels {kind}"] = pixel_area(found[kind], masks[:most])
        return score_row(name, scores)

    def _column(self, key: str, label: str, kind: str) -> dict[str, Any]:
        counts = f"anomalous:{len(self.images[kind])}|normal:{len(self.images[NORMAL])}"
        how = "within-anomalous-images" if key.startswith("pixels") else counts
        return {"key": key, "label": label, "better": "higher", "digits": 3,
                "signature": f"roc-auc|{how}"}  # fmt: skip

    def _notes(self) -> list[str]:
        searched = min(self.settings.searched_images, *(len(x) for x in self.images.values()))
        return [
            "AUC: probability that an anomalous test image scores above a normal one (0.5: chance), with the "
            "standard error of DeLong et al. 1988. Pixel AUC: the same of anomalous pixels against all "
            "others of their image, a mean over anomalous images.",
            f"AnoGAN's search: {self.settings.search_moves} updates for each of {searched} images of a kind, "
            "from one random start; the other rows use all test images.",
        ]


def pixel_area(found: AnomalyScores, masks: Tensor) -> Estimate:
    """Return the mean over images of the AUC of masked pixels against the others of their image.

    Args:
        found: scores of pixels [N,1,H,W].
        masks: [N,1,H,W] bool; images with no or only masked pixels do not count.
    """
    pairs = zip(found.pixels, masks, strict=True)
    areas = np.array([_area(p[m], p[~m]).value for p, m in pairs if 0 < m.sum() < m.numel()])
    return Estimate(float(areas.mean()), float(areas.std(ddof=1) / math.sqrt(len(areas))))


def parts_of(game: Game) -> dict[str, nn.Module]:
    """Return the parts of the exported model."""
    return {
        "encoder": game.players["encoder"],
        "generator": game.players["generator"],
        "features": cast(Any, game).discriminator.trunk,
    }


def _area(anomalous: Tensor, normal: Tensor) -> Estimate:
    return area_under_curve(anomalous.numpy(), normal.numpy())


@torch.no_grad()
def _drawn(game: Game, n: int, rng: torch.Generator) -> Tensor:
    return game.sample(n, rng=rng).float().cpu()
