r"""Malformed images: images that resemble no real image, by a recogniser of real images.

An image is **malformed** if one of two things is true of it that is true of 1 in 200 held-out real images:

* the recogniser is less sure what it shows: the mean over labels of the log of the largest probability;
* its features x lie farther from those of the training images, with mean m and covariance S:

    (x - m)' (S + r 1)^-1 (x - m),      r a thousandth of the mean variance

The first detects ambiguous faces. But a network may be confident far from its training data, which the
second detects (Lee et al. 2018, "A simple unified framework for detecting out-of-
distribution samples and adversarial attacks"). Of real images about 1 in 100 is malformed: the floor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqgan_kit.metrics.features.frechet import Moments

Floats = NDArray[np.float64]
QUANTILE = 0.005
_RIDGE = 1e-3


@dataclass(frozen=True, eq=False)
class RealForm:
    """Statistics of real images and the thresholds of malformed ones."""

    moments: Moments
    """Moments of the training images' features."""
    sure_from: float
    """Minimum confidence of nearly all held-out real images."""
    far_from: float
    """Maximum squared distance of nearly all held-out real images."""

    def malformed(self, features: Floats, sureness: Tensor) -> Tensor:
        """[N] features [N,F] and confidences [N] -> which images are malformed."""
        far = torch.from_numpy(squared_mahalanobis(features, self.moments) > self.far_from)
        return far | (sureness < self.sure_from)


def real_form(moments: Moments, features: Floats, sureness: Tensor) -> RealForm:
    """Compute the thresholds from held-out real images.

    Args:
        moments: of the training images' features.
        features: [M,F] of held-out images.
        sureness: [M] the recogniser's confidence on them.
    """
    distances = squared_mahalanobis(features, moments)
    far = float(np.quantile(distances, 1.0 - QUANTILE))
    return RealForm(moments, float(torch.quantile(sureness.double(), QUANTILE)), far)


def squared_mahalanobis(features: Floats, moments: Moments) -> Floats:
    """[N] (x - m)' (S + r 1)^-1 (x - m)."""
    size = len(moments.mean)
    ridge = _RIDGE * np.trace(moments.covariance) / size
    deviations = features - moments.mean
    solved = np.linalg.solve(moments.covariance + ridge * np.eye(size), deviations.T)
    return np.asarray((deviations * solved.T).sum(1))


def confidence(
    probabilities: Mapping[str, Tensor], visible: Mapping[str, Tensor] | None = None
) -> Tensor:
    """[N] mean over labels of the log of the largest probability.

    Args:
        probabilities: [N,classes] by label.
        visible: [N] by label, whether it counts; labels that are missing do.
    """
    sure, counted = [], []
    for name, values in probabilities.items():
        shown = (visible or {}).get(name, torch.ones(len(values))).double()
        sure.append(shown * values.double().max(1).values.clamp_min(1e-12).log())
        counted.append(shown)
    return torch.stack(sure).sum(0) / torch.stack(counted).sum(0)
