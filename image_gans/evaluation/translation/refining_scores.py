"""Scores of a refiner: a classifier trained on its images, with the simulation's labels, on real images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from image_gans.evaluation.translation.colour_matching import (
    ColourStatistics,
    with_matched_colours,
)
from image_gans.evaluation.translation.pair_columns import mean_estimate
from image_gans.evaluation.translation.pair_scores import PairScorer
from image_gans.metrics.attributes import recognisable
from image_gans.metrics.trained_recogniser import (
    RecognitionTraining,
    accuracies,
    learnable,
    recognise,
    recogniser_of,
)
from seqgan_kit.core.bounds import Count, bounded
from seqgan_kit.core.discriminator import device_of
from seqgan_kit.core.game import Game
from seqgan_kit.data.images.pixels import to_float, to_uint8
from seqgan_kit.metrics.statistics.divergences import Estimate

_MATCHED, _TRUTH, _CHUNK = "colours matched", "truth", 64


@dataclass(frozen=True)
@bounded
class ClassifierSettings:
    """The classifier that shows what refined images are good for."""

    classifier_steps: Count = 600
    """Batches of 64 that a classifier of the attributes is trained by, on the images of each row of the table
    (0: no such column)."""


@dataclass(frozen=True)
class RefiningScorer(PairScorer):
    """Scores and figures of a refiner; the pairs serve for scoring alone."""

    classifier: ClassifierSettings = field(kw_only=True)

    def further_rows(self, game: Game, count: int) -> dict[str, Tensor]:
        """Return the test sources with the real images' mean and covariance of colours."""
        return {_MATCHED: self._matched(self._sources(count))}

    def record(self, title: str, games: Mapping[str, Game], seed: int) -> dict[str, Any]:
        """Return the table with the accuracy of a classifier trained on the training images of each row."""
        table = super().record(title, games, seed)
        half = len(self.pairs.train) // 2
        simulated = to_float(self.pairs.train.sources[:half])
        images = {
            "source, untouched": simulated,
            _MATCHED: self._matched(simulated),
            **{name: self._refined(game, simulated) for name, game in games.items()},
            _TRUTH: to_float(self.pairs.train.targets[:half]),
        }
        found = {name: self.accuracy(shown, seed) for name, shown in images.items()}
        if any(estimate is None for estimate in found.values()):
            return table
        for row in table["rows"]:
            if (estimate := found[row["name"]]) is not None:
                row["values"]["trained"] = estimate.value
                row["errors"]["trained"] = estimate.standard_error
        steps = self.classifier.classifier_steps
        table["columns"].insert(0, {
            "key": "trained", "label": "classifier on real", "better": "higher", "digits": 3,
            "signature": f"accuracy|mean-of-labels|steps:{steps}|images:{half}",
        })  # fmt: skip
        table["notes"].append(
            "Classifier on real: accuracy on real test images of a classifier trained on images of the row "
            "with the simulation's labels; the truth's row is trained on labelled real images of the same "
            "scenes."
        )
        return table

    def accuracy(self, images: Tensor, seed: int) -> Estimate | None:
        """Return the accuracy on real test images of a classifier trained on images [N,C,H,W].

        None without labels, or if the settings ask for none.
        """
        train, names = self.pairs.train, dict(self.pairs.label_names)
        labels, names = recognisable({n: v[: len(images)] for n, v in train.labels.items()}, names)
        if not self.classifier.classifier_steps or not learnable(labels, names):
            return None
        training = RecognitionTraining(steps=self.classifier.classifier_steps, seed=seed)
        classifier = recogniser_of(to_uint8(images), labels, names, training)
        wanted, _ = recognisable(dict(self.pairs.test.labels), dict(self.pairs.label_names))
        seen = accuracies(recognise(classifier, to_float(self.pairs.test.targets)), wanted)
        return mean_estimate([*seen.values()])

    @cached_property
    def _statistics(self) -> tuple[ColourStatistics, ColourStatistics]:
        sources, targets = self.pairs.unpaired()
        return ColourStatistics.of(to_float(sources)), ColourStatistics.of(to_float(targets))

    def _matched(self, images: Tensor) -> Tensor:
        return with_matched_colours(images, *self._statistics)

    @torch.no_grad()
    def _refined(self, game: Game, images: Tensor) -> Tensor:
        refiner, device = game.generator, device_of(game)
        return torch.cat([refiner(x.to(device)).float().cpu() for x in images.split(_CHUNK)])
