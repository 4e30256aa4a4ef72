r"""Inception Score (Salimans et al. 2016, "Improved Techniques for Training GANs").

With p(y|x) the network's class probabilities of a sample x and p(y) their mean over the samples:

    IS = exp( mean_x KL( p(y|x) || p(y) ) )

Samples are divided into ten parts in their order; the score is the mean over the parts. It is 1 if the
network gives all samples the same probabilities, and at most the number of classes. It uses no real images.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from seqgan_kit.errors import DataError
from seqgan_kit.metrics.features.feature_arrays import Floats, feature_rows
from seqgan_kit.metrics.statistics.divergences import Estimate

SPLITS = 10
"""Number of parts in the paper, which has become standard."""


def inception_score(logits: ArrayLike, splits: int = SPLITS) -> Estimate:
    """The score with the standard error of a mean over parts. Papers print the parts' deviation instead.

    Args:
        logits: [N,classes], one row a sample.
        splits: into how many parts the samples are divided; at most N.
    """
    rows = feature_rows(logits, "class logits of")
    if not 1 <= splits <= len(rows):
        raise DataError(
            f"an Inception Score of {splits} parts needs {splits} samples or more; got {len(rows)}."
        )
    bounds = [len(rows) * part // splits for part in range(splits + 1)]
    scores = [_of_part(rows[a:b]) for a, b in pairwise(bounds)]
    error = math.nan if splits == 1 else float(np.std(scores, ddof=1)) / math.sqrt(splits)
    return Estimate(float(np.mean(scores)), error)


def _of_part(logits: Floats) -> float:
    shifted = logits - logits.max(1, keepdims=True)
    log_probs = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    probs = np.exp(log_probs)
    with np.errstate(divide="ignore"):  # a class without probability adds nothing
        log_mean = np.log(probs.mean(0))
    terms = np.where(probs > 0, probs * (log_probs - log_mean), 0.0)
    return math.exp(terms.sum(1).mean())
