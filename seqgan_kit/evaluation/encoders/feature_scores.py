"""Scores of a table that compare two sets of features."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from seqgan_kit.metrics.features.frechet import frechet_estimate
from seqgan_kit.metrics.features.mauve import MauveSettings, mauve
from seqgan_kit.metrics.features.neighbours import density_coverage, precision_recall
from seqgan_kit.metrics.features.two_sample import classifier_test
from seqgan_kit.metrics.statistics.divergences import Estimate

MAUVE = MauveSettings()


def feature_scores(
    generated: ArrayLike, real: ArrayLike, rng: np.random.Generator
) -> dict[str, Estimate]:
    """Compute Fréchet distance, MAUVE, precision, recall, density, coverage and two-sample accuracy.

    Args:
        generated: features [N,F] of samples.
        real: features [M,F] of real sentences.
        rng: randomness of k-means, the bootstrap and the classifier's split.
    """
    near, covered = precision_recall(generated, real), density_coverage(generated, real)
    return {
        "fed": frechet_estimate(generated, real),
        "mauve": mauve(generated, real, rng, MAUVE).area,
        "precision": near.precision,
        "recall": near.recall,
        "density": covered.density,
        "coverage_knn": covered.coverage,
        "two_sample": classifier_test(generated, real, rng).accuracy,
    }
