"""Accuracy of linear probes by the number of labels, for features of a discriminator and baselines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from image_gans.evaluation.probing.linear_probe import fit_probe
from image_gans.few_labels import LabelSettings, few_labels
from image_gans.metrics.trained_recogniser import (
    RecognitionTraining,
    accuracies,
    recognise,
    train_recogniser,
)
from seqgan_kit.data.images.image_corpus import ImageCorpus
from seqgan_kit.data.images.pixels import to_float
from seqgan_kit.errors import DataError
from seqgan_kit.metrics.statistics.divergences import Estimate

COUNTS = (30, 100, 300, 1000)
"""Numbers of labels that are tried, where there are as many."""
_DRAWS = 2
_SUPERVISED = RecognitionTraining(width=16, steps=150, batch_size=32)

Features = Mapping[str, tuple[Tensor, Tensor]]
"""Features of the training and of the test images, by name."""


@dataclass(frozen=True)
class Curve:
    """Test accuracy by the number of labels."""

    name: str
    counts: tuple[int, ...]
    accuracies: tuple[Estimate, ...]


def probed(
    corpus: ImageCorpus, label: str, features: Features, count: int, seed: int
) -> dict[str, Estimate]:
    """Return the test accuracy of a probe of each kind of features, from ``count`` labels.

    It is the mean over draws of the labelled images. The error covers the test images alone.
    """
    shares: dict[str, list[float]] = {name: [] for name in features}
    draws = 1 if count > 500 else _DRAWS
    for draw in range(draws):
        told = few_labels(corpus, LabelSettings(labelled=count, label=label), seed + draw)
        tested = corpus.test_labels[label] >= 0
        for name, (train, test) in features.items():
            rng = torch.Generator().manual_seed(seed + draw)
            probe = fit_probe(train[told.rows], told.classes, len(told.names), rng)
            right = probe.right(test[tested], told.test_classes)
            shares[name].append(float(right.double().mean()))
    size = int((corpus.test_labels[label] >= 0).sum())
    return {name: _estimate(sum(found) / draws, size) for name, found in shares.items()}


def supervised(corpus: ImageCorpus, label: str, count: int, seed: int) -> Estimate:
    """Return the test accuracy of a convolutional network trained on ``count`` labels alone."""
    told = few_labels(corpus, LabelSettings(labelled=count, label=label), seed)
    names = {label: told.names}
    network = train_recogniser(told.pictures, {label: told.classes}, names, _SUPERVISED)
    found = recognise(network, to_float(told.test))
    return accuracies(found, {label: told.test_classes})[label]


def usable_counts(corpus: ImageCorpus, label: str) -> tuple[int, ...]:
    """Return the numbers of labels for which every class has enough training images."""
    classes = corpus.train_labels[label]
    names = corpus.label_names[label]
    fewest = int(torch.bincount(classes[classes >= 0], minlength=len(names)).min())
    most = fewest * len(names)
    counts = tuple(count for count in COUNTS if len(names) <= count <= most)
    if not counts:
        counts = (most,) if fewest else ()
    if not counts:
        raise DataError(
            f"a class of {label!r} has no training image, so no probe can learn it: give images of every "
            f"class ({', '.join(names)}), or choose another label with --label."
        )
    return counts


def curves(
    corpus: ImageCorpus, label: str, features: Features, seed: int, tell: Callable[[str], None]
) -> list[Curve]:
    """Return a curve for each kind of features, and one for a supervised network."""
    counts = usable_counts(corpus, label)
    found: dict[str, list[Estimate]] = {name: [] for name in (*features, SUPERVISED)}
    for count in counts:
        tell(f"probes from {count:,} labels")
        for name, estimate in probed(corpus, label, features, count, seed).items():
            found[name].append(estimate)
        found[SUPERVISED].append(supervised(corpus, label, count, seed))
    return [Curve(name, counts, tuple(estimates)) for name, estimates in found.items()]


SUPERVISED = "supervised network"


def _estimate(share: float, size: int) -> Estimate:
    return Estimate(share, (share * (1 - share) / size) ** 0.5)
