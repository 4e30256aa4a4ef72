r"""Test for copies of training images: distances to the nearest one, of samples and of held-out images.

With d(x) the distance from x to the nearest training image and q the p-quantile of d over held-out real
images:

    share of near copies = share of samples with d(x) < q           p for a generator as good as the data
    closer               = P(d(sample) < d(held-out))               1/2 for such a generator

(the idea is Meehan et al.'s, 2020, "A non-parametric test to detect data-copying in generative models"). A
value far above means copying, of all data or parts of it. A value far below means that samples lie off the
data.

What is near depends on what is compared: between pixels a blurred image is near to many, so features of
a network are the better choice where there is one. Look at the pairs: the indices come with the numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seqgan_kit.errors import UsageError
from seqgan_kit.metrics.features.feature_arrays import Floats, feature_pair, nearest
from seqgan_kit.metrics.statistics.divergences import Estimate
from seqgan_kit.metrics.statistics.rank_statistics import probability_below


@dataclass(frozen=True, eq=False)
class CopyCheck:
    """Distances of samples to the training images."""

    near_copies: Estimate
    """Share of samples nearer than the quantile of held-out images; its error includes the quantile's."""
    expected: float
    """Share p for held-out images."""
    closer: Estimate
    """Probability that a sample is nearer to the training images than a held-out image is."""
    threshold: float
    """The quantile q."""
    distances: Floats
    """[N] from each sample to its nearest training image."""
    neighbours: NDArray[np.int64]
    """[N] index of that training image."""

    @property
    def nearest_first(self) -> NDArray[np.int64]:
        """Return the samples [N] from the nearest to the farthest."""
        return np.argsort(self.distances, kind="stable")


def check_copies(
    samples: ArrayLike, train: ArrayLike, held_out: ArrayLike, quantile: float = 0.05
) -> CopyCheck:
    """Compare samples' distances to the training set with those of held-out real images.

    Args:
        samples: [N,F] features or pixels of samples.
        train: [T,F] of all that the generator was trained on.
        held_out: [M,F] of real images that it was not trained on.
        quantile: p.
    """
    if not 0.0 < quantile < 1.0:
        raise UsageError(f"quantile must be between 0 and 1, both excluded, got {quantile}.")
    x, y = feature_pair(samples, train)
    z, _ = feature_pair(held_out, train)
    index, of_samples = nearest(x, y)
    _, of_held_out = nearest(z, y)
    threshold = float(np.quantile(of_held_out, quantile))
    share = float((of_samples < threshold).mean())
    # The threshold leaves a share of held-out images below it that is itself only known to sqrt(p(1-p)/M).
    variance = share * (1 - share) / len(x) + quantile * (1 - quantile) / len(z)
    return CopyCheck(
        near_copies=Estimate(share, math.sqrt(variance)),
        expected=quantile,
        closer=probability_below(of_samples, of_held_out),
        threshold=threshold,
        distances=of_samples,
        neighbours=index,
    )
