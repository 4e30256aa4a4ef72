"""Scores and figures of models that encode an image and its labels: reconstructions, the same code under
other classes, and a classifier of few labels trained with and without samples.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import torch
from torch import Tensor

from image_gans.conditions import with_odd_eyes
from image_gans.evaluation.condition_scores import ConditionScorer, visible, with_odd_class
from image_gans.evaluation.image_table import REAL
from image_gans.few_labels import balanced_rows
from image_gans.grids import enlargement, save_grid
from image_gans.metrics.pair_quality import pair_quality
from image_gans.metrics.trained_recogniser import (
    RecognitionTraining,
    accuracies,
    recognise,
    train_recogniser,
)
from image_gans.networks.conditional import ConditionalGenerator
from seqgan_kit.core.bounds import Count, Positive, bounded
from seqgan_kit.core.discriminator import device_of
from seqgan_kit.core.game import Game
from seqgan_kit.core.runs.run import Run
from seqgan_kit.data.images.image_corpus import ImageCorpus
from seqgan_kit.data.images.pixels import to_float, to_uint8
from seqgan_kit.metrics.statistics.divergences import Estimate

ALONE = "CVAE alone"
_CHUNK, _SHOWN = 128, 8
_COLUMNS: Mapping[str, tuple[str, int]] = {
    "rebuilt_psnr": ("rebuilt PSNR", 2),
    "swap_told": ("swapped as told", 3),
    "swap_kept": ("others kept", 3),
    "few_label_accuracy": ("few labels and samples", 3),
}


@dataclass(frozen=True)
@bounded
class AugmentationSettings:
    """Settings of the classifier that learns from few labels and from samples."""

    few_labels: Count = 100
    """Labelled training images of that classifier; 0: it is not trained."""
    added_samples: Positive = 1000
    """Samples of the model beside them, with the labels that the model was told."""
    classifier_steps: Positive = 300
    """Its updates."""


@dataclass(frozen=True)
class SwapScorer(ConditionScorer):
    """A scorer of games with an encoder; the first label is the one that is swapped and augmented."""

    augmentation: AugmentationSettings = AugmentationSettings()

    def __call__(self, game: Game, rng: torch.Generator) -> dict[str, float]:
        """Return also the PSNR of reconstructed test images: the evaluation hook."""
        found = self._rebuilt_quality(game, self.settings.evaluation_samples)
        return {**super().__call__(game, rng), "rebuilt_psnr": found.value}

    def draw_figures(self, run: Run, game: Game[ConditionalGenerator]) -> None:
        """Draw also swap.png: test images, their reconstruction, and their code under each class."""
        super().draw_figures(run, game)
        real, labels = self._test(_SHOWN)
        shown = [real, self.decoded(game, real, labels, labels)]
        for number in range(len(self.conditions.classes[0])):
            told = labels.clone()
            told[:, 0] = number
            shown.append(self.decoded(game, real, labels, told))
        scale = enlargement(real)
        images = torch.stack(shown, 1).flatten(0, 1)
        save_grid(images, run.log.figure_path("swap.png"), columns=len(shown), scale=scale)

    def record(self, title: str, games: Mapping[str, Game], seed: int) -> dict[str, Any]:
        """Return the table with rows of the conditional VAE alone, and columns of codes and samples."""
        shown: dict[str, Game] = {}
        for name, game in games.items():
            parts = {"encoder": "baseline_encoder", "generator": "baseline"}
            shown |= {ALONE: Game({part: game.players[of] for part, of in parts.items()}).eval()}
            shown |= {name: game}
        table = super().record(title, shown, seed)
        for row in table["rows"]:
            found = self._found(shown.get(row["name"]), row["name"], seed)
            for key, estimate in found.items():
                row["values"][key] = estimate.value
                row.setdefault("errors", {})[key] = estimate.standard_error
        keys = {key for row in table["rows"] for key in row["values"]}
        signature = f"label:{self.conditions.names[0]}|test-images:{len(self._test(None)[0])}"
        table["columns"] += [
            {"key": key, "label": label, "better": "higher", "digits": digits, "signature": signature}
            for key, (label, digits) in _COLUMNS.items() if key in keys
        ]  # fmt: skip
        table["notes"] += self._notes(keys)
        return table

    @torch.no_grad()
    def decoded(self, game: Game, images: Tensor, labels: Tensor, told: Tensor) -> Tensor:
        """Return images [N,C,H,W] of images' mean codes, given their labels [N,K], under labels ``told``."""
        encoder, generator = game.players["encoder"], cast(ConditionalGenerator, game.generator)
        device, made = device_of(generator), []
        for rows in torch.arange(len(images)).split(_CHUNK):
            code, _ = encoder(images[rows].to(device), labels[rows].to(device))
            made.append(generator(generator.join(code, told[rows].to(device))).float().cpu())
        return torch.cat(made)

    @cached_property
    def real(self) -> ImageCorpus:
        """The corpus with the labels that the model is told."""
        return with_odd_eyes(self.corpus)

    @cached_property
    def _few(self) -> tuple[tuple[str, ...], Tensor, Tensor]:
        """Return the first label's classes, and places and classes of few training images."""
        name = self.conditions.names[0]
        classes, of_all = self.conditions.classes[0], self.real.train_labels[name]
        rows = balanced_rows(of_all, len(classes), self.augmentation.few_labels, name, seed=0)
        return classes, rows, of_all[rows]

    def _test(self, most: int | None) -> tuple[Tensor, Tensor]:
        """Return test images [N,C,H,W] in [-1,1] and their labels [N,K]."""
        labels = self.conditions.rows(self.real.test_labels)[:most]
        return to_float(self.real.test[:most]), labels

    def _notes(self, keys: set[str]) -> list[str]:
        first = self.conditions.names[0]
        notes = [
            f"{ALONE}: an encoder and a generator of the same initial weights, trained without D and C."
        ]
        if "swap_told" in keys:
            notes.append(
                f"Swapped as told: share of test images that, decoded from their code under another {first}, "
                "show it. Others kept: share of their other labels still recognised."
            )
        if "few_label_accuracy" in keys:
            notes.append(
                f"Few labels and samples: test accuracy on {first} of a classifier of "
                f"{self.augmentation.few_labels} labelled images (row {REAL!r}), and of these and "
                f"{self.augmentation.added_samples:,} samples. The model was told the labels of all training "
                "images."
            )
        return notes

    def _found(self, game: Game | None, name: str, seed: int) -> dict[str, Estimate]:
        """Return the scores of a row: of a game, or of real data."""
        found: dict[str, Estimate] = {}
        if game is not None:
            found["rebuilt_psnr"] = self._rebuilt_quality(game, self.settings.score_samples)
            found |= self._swapped(game, seed)
        if self.augmentation.few_labels and (game is not None or name == REAL):
            found["few_label_accuracy"] = self._with_samples(game, seed)
        return found

    def _rebuilt_quality(self, game: Game, most: int) -> Estimate:
        real, labels = self._test(most)
        return pair_quality(self.decoded(game, real, labels, labels), real)["psnr"]

    def _swapped(self, game: Game, seed: int) -> dict[str, Estimate]:
        """Return how often a swapped image shows the class that it was told, and its other labels."""
        recogniser = self.comparison.recogniser
        if recogniser is None:
            return {}
        real, labels = self._test(self.settings.score_samples)
        rng, told = torch.Generator().manual_seed(seed), labels.clone()
        count = len(self.conditions.classes[0])
        told[:, 0] = (told[:, 0] + torch.randint(1, count, (len(told),), generator=rng)) % count
        images = to_float(to_uint8(self.decoded(game, real, labels, told)))
        seen = with_odd_class(recognise(recogniser, images), self.conditions)
        named = dict(zip(self.conditions.names, told.unbind(1), strict=True))
        shares = accuracies(seen, visible(named, self.conditions))
        first, *others = (shares[name] for name in self.conditions.names if name in shares)
        found = {"swap_told": first}
        if others:
            mean = sum(share.value for share in others) / len(others)
            error = sum(share.standard_error**2 for share in others) ** 0.5 / len(others)
            found["swap_kept"] = Estimate(mean, error)
        return found

    def _with_samples(self, game: Game | None, seed: int) -> Estimate:
        """Return the test accuracy of a classifier of few labels, and of a game's samples if one is given."""
        settings, name = self.augmentation, self.conditions.names[0]
        classes, rows, right = self._few
        images, count = self.real.train[rows], settings.added_samples
        if game is not None:
            generator = cast(ConditionalGenerator, game.generator)
            rng = torch.Generator(device_of(generator)).manual_seed(seed)
            labels = generator.labels(count, rng)
            with torch.no_grad():
                drawn = [generator.draw(p, rng).float().cpu() for p in labels.split(_CHUNK)]
            times = max(1, count // len(images))
            images = torch.cat([images.repeat(times, 1, 1, 1), to_uint8(torch.cat(drawn))])
            right = torch.cat([right.repeat(times), labels[:, 0].cpu()])
        training = RecognitionTraining(steps=settings.classifier_steps, seed=seed)
        found = train_recogniser(images, {name: right}, {name: classes}, training)
        tested = recognise(found, to_float(self.real.test))
        return accuracies(tested, {name: self.real.test_labels[name]})[name]
