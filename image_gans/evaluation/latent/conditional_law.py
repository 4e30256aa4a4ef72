"""Scores of images drawn for each class of a label: as told, diversity, and the law of the other labels."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from image_gans.evaluation.image_table import score_row
from image_gans.metrics.attributes import (
    ODD_EYES,
    conditional_marginals,
    is_catworld,
    label_shares,
    recognisable,
    score_attributes,
)
from image_gans.metrics.diversity import diversity
from image_gans.metrics.pair_quality import mean_of
from image_gans.metrics.recogniser import Recogniser
from image_gans.metrics.trained_recogniser import RecognitionTraining, recognise, recogniser_of
from seqgan_kit.data.catworld.scenes.scene import SceneLaw
from seqgan_kit.data.images.image_corpus import ImageCorpus
from seqgan_kit.data.images.pixels import to_float, to_uint8
from seqgan_kit.metrics.statistics.divergences import Estimate

_FACTS: Mapping[str, tuple[str, str | None, int, str]] = {
    "told": ("as told", "higher", 3, "accuracy|by:recogniser"),
    "tv": ("TV", "lower", 3, "total-variation|mean-of-labels|to:conditional-law|by:recogniser"),
    "diversity": ("diversity", None, 3, "mean-pairwise-rms|range:-1..1"),
    "milliseconds": ("ms an image", "lower", 1, "wall-clock"),
}


def with_seen_labels(corpus: ImageCorpus) -> ImageCorpus:
    """Return the corpus with the labels that a recogniser learns: in the cat world without colours of shut
    eyes."""
    if not corpus.label_names:
        return corpus
    train, names = recognisable(corpus.train_labels, corpus.label_names)
    test, _ = recognisable(corpus.test_labels, corpus.label_names) if len(corpus.test) else ({}, {})
    return replace(corpus, train_labels=train, test_labels=test, label_names=names)


@dataclass(frozen=True)
class ConditionalLaw:
    """A scorer of images of each class of a label.

    Attributes:
        corpus: the training images, whose labels the recogniser learns.
        label: the label whose classes are the conditions.
        steps: updates of the recogniser.
    """

    corpus: ImageCorpus
    label: str
    steps: int

    @cached_property
    def recogniser(self) -> Recogniser:
        """Return the recogniser that scores; it has other weights than the game's."""
        corpus, training = self.corpus, RecognitionTraining(steps=self.steps)
        labels, names = recognisable(corpus.train_labels, corpus.label_names)
        return recogniser_of(corpus.train, labels, names, training)

    def columns(self, rows: list[dict[str, Any]], images: int) -> list[dict[str, Any]]:
        """Return the columns of these rows, of so many images of each class."""
        keys = {key for row in rows for key in row["values"]}
        size = f"label:{self.label}|images:{images}"
        return [
            {"key": key, "label": label, "better": better, "digits": digits,
             "signature": f"{fact}|{size}"}
            for key, (label, better, digits, fact) in _FACTS.items() if key in keys
        ]  # fmt: skip

    def law(self, number: int) -> Mapping[str, Any]:
        """Return the probabilities of the other labels' classes, given the class: exact in the cat world."""
        corpus = self.corpus
        if is_catworld(corpus.label_names) and self.label != "cats":
            law = conditional_marginals(SceneLaw(), self.label, number)
        else:
            rows = corpus.train_labels[self.label] == number
            labels = {name: values[rows] for name, values in corpus.train_labels.items()}
            law = label_shares(labels, corpus.label_names)
        return {name: p for name, p in law.items() if name not in (self.label, ODD_EYES)}

    def row(
        self, name: str, drawn: Mapping[int, Tensor], milliseconds: float | None = None
    ) -> dict[str, Any]:
        """Return the means over conditions of the scores of images [N,C,H,W] of each class."""
        told, distances, diversities = list[Tensor](), list[Estimate](), list[float]()
        for number, images in drawn.items():
            if len(images) < 2:
                continue
            images = to_float(to_uint8(images))
            seen = recognise(self.recogniser, images)
            told.append((seen[self.label].argmax(1) == number).double())
            diversities.append(diversity(images))
            if law := self.law(number):
                rng, whole = np.random.default_rng(0), torch.zeros(len(images))
                distances.append(score_attributes(seen, law, whole, rng).mean_distance)
        scores: dict[str, Estimate] = {}
        if told:
            scores["told"] = mean_of(torch.cat(told))
            scores["diversity"] = Estimate(float(np.mean(diversities)), math.nan)
        if distances:
            error = math.hypot(*(d.standard_error for d in distances)) / len(distances)
            scores["tv"] = Estimate(float(np.mean([d.value for d in distances])), error)
        if milliseconds is not None:
            scores["milliseconds"] = Estimate(milliseconds, math.nan)
        return score_row(name, scores)
