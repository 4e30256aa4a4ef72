"""Scores and figures of methods that name far objects by features like those of near ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from image_gans.evaluation.image_parts import check_image_parts, save_image_parts
from image_gans.evaluation.image_table import score_row
from image_gans.far_near import FarNear
from image_gans.grids import enlargement, save_grid
from image_gans.metrics.recogniser import Recogniser
from image_gans.metrics.trained_recogniser import accuracies
from image_gans.networks.far_classifier import (
    FarClassifier,
    FarClassifierConfig,
    enlarged,
    far_features,
    lifted,
)
from seqgan_kit.core.bounds import Several, bounded
from seqgan_kit.core.discriminator import device_of, evaluating
from seqgan_kit.core.game import Game
from seqgan_kit.core.runs.run import Run
from seqgan_kit.data.images.pixels import to_float
from seqgan_kit.metrics.statistics.divergences import Estimate

PLAIN, WITHOUT_D, TUNED = "plain upsampling", "G without D", "classifier tuned on far"
NEAR, CONSTANT = "near images", "most frequent class"
"""Names of rows."""
_VERBS = ("recognise",)
_CHUNK, _SHOWN = 128, 16
Named = dict[str, Tensor]
"""Logits [N,K] by label."""


@dataclass(frozen=True)
@bounded
class FarScoreSettings:
    """Number of test images."""

    score_images: Several = 500
    """Test images for the final table."""
    evaluation_images: Several = 200
    """Test images for each evaluation during the run."""


@dataclass(frozen=True)
class FarScorer:
    """A scorer of games with a ``generator`` of residual features.

    Attributes:
        told: far and near images with labels.
        recogniser: the classifier of near images.
        config: the shape of the residual's network.
        settings: how many images.
    """

    told: FarNear
    recogniser: Recogniser
    config: FarClassifierConfig
    settings: FarScoreSettings = FarScoreSettings()

    def check(self, game: Game) -> None:
        """Raise UsageError, before training, for a model that could not be saved."""
        check_image_parts(self._parts(game), _VERBS)

    def export(self, game: Game, folder: Path, about: Mapping[str, Any]) -> None:
        """Write the classifier of far images into a run's ``model`` folder."""
        save_image_parts(folder, self._parts(game), _VERBS, about)

    def __call__(self, game: Game, rng: torch.Generator) -> dict[str, float]:
        """Return the accuracy of each label on far images, and the error of features: the evaluation hook."""
        count, residual = self.settings.evaluation_images, game.players["generator"]
        with evaluating(game):
            found = self._accuracies(self._by_residual(residual), self._far(count))
            return {
                **{f"{name}_accuracy": estimate.value for name, estimate in found.items()},
                "feature_error": self._feature_error(residual, count).value,
            }

    def draw_grid(self, game: Game, rng: torch.Generator, path: Path) -> None:
        """Draw far test images as the classifier reads them, each above its near twin: the sampling hook."""
        self._draw(path.with_suffix(".png"))

    def draw_figures(self, run: Run, game: Game) -> None:
        """Write figures/far.png, and far.txt with the names of its images."""
        self._draw(run.log.figure_path("far.png"))
        far, lines = self._far(_SHOWN), list[str]()
        with evaluating(game):
            named = {
                "plain": self._plain(far),
                "G": self._by_residual(game.players["generator"])(far),
            }
        for row in range(len(far)):
            lines += [f"image {row + 1}: {self._truth(row)}"]
            lines += [f"    {way}: {self._words(logits, row)}" for way, logits in named.items()]
        run.log.figure_path("far.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def record(self, title: str, games: Mapping[str, Game], seed: int) -> dict[str, Any]:
        """Return the table: plain upsampling, the baselines, each game; near images as a reference."""
        count = self.settings.score_images
        far, near = self._far(count), self._near(count)
        errors: dict[str, Estimate] = {PLAIN: self._feature_error(None, count)}
        found = {PLAIN: self._accuracies(self._plain, far)}
        for name, game in games.items():
            players = game.players
            with evaluating(game):
                found[TUNED] = self._accuracies(self._by_tuned(players["tuned"]), far)
                for row, player in ((WITHOUT_D, "baseline"), (name, "generator")):
                    found[row] = self._accuracies(self._by_residual(players[player]), far)
                    errors[row] = self._feature_error(players[player], count)
        found[NEAR] = self._accuracies(self.recogniser, near)
        errors[NEAR] = Estimate(0.0, 0.0)
        found[CONSTANT] = self._most_frequent(len(far))
        rows = [
            self._row(name, values, errors.get(name), reference=name in (NEAR, CONSTANT))
            for name, values in found.items()
        ]
        return {"title": title, "columns": self._columns(len(far)), "rows": rows, "notes": [NOTE]}

    def _row(
        self, name: str, found: Mapping[str, Estimate], error: Estimate | None, *, reference: bool
    ) -> dict[str, Any]:
        cells = {**found, **({"feature_error": error} if error else {})}
        return score_row(name, cells) | ({"reference": True} if reference else {})

    def _columns(self, count: int) -> list[dict[str, Any]]:
        size = f"px:{self.config.size}|reduction:{self.config.reduction}|test:{count}"
        columns = [
            {"key": name, "label": name, "better": "higher", "digits": 3,
             "signature": f"accuracy|label:{name}|{size}"}
            for name in self.told.label_names
        ]  # fmt: skip
        error = {
            "key": "feature_error", "label": "feature error", "better": "lower", "digits": 3,
            "signature": f"squared-error/squared-length|features:near-classifier|{size}",
        }  # fmt: skip
        return [*columns, error]

    def _accuracies(self, name: Callable[[Tensor], Named], images: Tensor) -> dict[str, Estimate]:
        with torch.no_grad():
            pieces = [name(part) for part in images.split(_CHUNK)]
        logits = {label: torch.cat([piece[label] for piece in pieces]).cpu() for label in pieces[0]}
        return accuracies(logits, {n: v[: len(images)] for n, v in self.told.test_labels.items()})

    def _most_frequent(self, count: int) -> dict[str, Estimate]:
        """Return the accuracies of the most frequent class of the training images."""
        constant = {
            name: nn.functional.one_hot(
                values[values >= 0].mode().values, len(self.told.label_names[name])
            )
            for name, values in self.told.labels.items()
        }
        logits = {name: row.float().expand(count, -1) for name, row in constant.items()}
        return accuracies(logits, {n: v[:count] for n, v in self.told.test_labels.items()})

    def _feature_error(self, residual: nn.Module | None, count: int) -> Estimate:
        """Return the mean over images of |F' - F|^2 / |F|^2, with F the features of the near twin."""
        found = list[Tensor]()
        with torch.no_grad():
            for far, near in zip(
                self._far(count).split(_CHUNK), self._near(count).split(_CHUNK), strict=True
            ):
                low, high = far_features(self.recogniser, self.config, far)
                made = high if residual is None else lifted(residual, low, high)
                wanted = self.recogniser.places(near).flatten(1)
                away = (made.flatten(1) - wanted).square().sum(1)
                found.append((away / wanted.square().sum(1)).cpu().double())
        errors = torch.cat(found)
        return Estimate(float(errors.mean()), float(errors.std()) / len(errors) ** 0.5)

    def _plain(self, far: Tensor) -> Named:
        with torch.no_grad():
            return self.recogniser(enlarged(far, self.config.reduction))

    def _by_tuned(self, tuned: nn.Module) -> Callable[[Tensor], Named]:
        return lambda far: cast(Named, tuned(enlarged(far, self.config.reduction)))

    def _by_residual(self, residual: nn.Module) -> Callable[[Tensor], Named]:
        def named(far: Tensor) -> Named:
            with torch.no_grad():
                features = lifted(residual, *far_features(self.recogniser, self.config, far))
                return self.recogniser.named(features)

        return named

    def _far(self, count: int) -> Tensor:
        return to_float(self.told.far_test[:count]).to(device_of(self.recogniser))

    def _near(self, count: int) -> Tensor:
        return to_float(self.told.near_test[:count]).to(device_of(self.recogniser))

    def _draw(self, path: Path) -> None:
        far, near = enlarged(self._far(_SHOWN), self.config.reduction), self._near(_SHOWN)
        scale = enlargement(far)
        halves = [x for a, b in zip(far.split(8), near.split(8), strict=True) for x in (a, b)]
        save_grid(torch.cat(halves), path, columns=min(8, len(far)), scale=scale)

    def _truth(self, row: int) -> str:
        names = self.told.label_names
        return _listed({n: int(v[row]) for n, v in self.told.test_labels.items()}, names)

    def _words(self, logits: Named, row: int) -> str:
        return _listed({n: int(v[row].argmax()) for n, v in logits.items()}, self.told.label_names)

    def _parts(self, game: Game) -> dict[str, nn.Module]:
        residual = game.players["generator"]
        return {"classifier": FarClassifier(self.config, self.recogniser, residual)}


NOTE = (
    "Accuracy of labels on far test images, and of the classifier on the same images near. Feature error: "
    "squared distance between the features of a far image and those of its near twin, as a share of their "
    "squared length. The tuned classifier has other features. No row but the last two sees a near test image."
)


def _listed(numbers: Mapping[str, int], names: Mapping[str, tuple[str, ...]]) -> str:
    """Return the classes in words; one that is unknown as ``?``."""
    return ", ".join(
        f"{name} {names[name][number] if number >= 0 else '?'}" for name, number in numbers.items()
    )
