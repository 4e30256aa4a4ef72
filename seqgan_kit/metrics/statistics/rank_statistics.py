r"""Comparison of two samples by ranks: the probability that one value lies below another, and AUC.

    P(a < b) + P(a = b) / 2     over all pairs                  (Mann and Whitney 1947)
    variance = Var_i(share of b above a_i) / A + Var_j(share of a below b_j) / B

The variance is that of DeLong et al. 1988: every value's share, equal values counted by half, is one
observation. It assumes nothing about the distributions. Where one sample lies above the other altogether, it
is 0: so many values know no better.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seqgan_kit.errors import DataError
from seqgan_kit.metrics.statistics.divergences import Estimate

Floats = NDArray[np.float64]


def probability_below(a: ArrayLike, b: ArrayLike) -> Estimate:
    """Return P(a < b) + P(a = b) / 2 of independent samples [A] and [B], with its standard error."""
    first, second = (np.asarray(values, np.float64) for values in (a, b))
    if not first.size or not second.size:
        raise DataError(
            f"two samples are compared by ranks, of {first.size} and {second.size} values: each needs one "
            "or more."
        )
    of_first, of_second = 1.0 - _shares_below(first, second), _shares_below(second, first)
    errors = [
        v.std(ddof=1) / math.sqrt(len(v)) if len(v) > 1 else math.inf for v in (of_first, of_second)
    ]
    return Estimate(float(of_first.mean()), math.hypot(*errors))


def area_under_curve(anomalous: ArrayLike, normal: ArrayLike) -> Estimate:
    """Return the area under the ROC curve of scores that should be higher for anomalous items.

    It is the probability that an anomalous item scores above a normal one: 1/2 by chance.

    Args:
        anomalous: scores [A].
        normal: scores [B].
    """
    return probability_below(normal, anomalous)


def _shares_below(values: Floats, among: Floats) -> Floats:
    """Return the share of ``among`` below each value, equal ones by half."""
    ordered = np.sort(among)
    below, up_to = ordered.searchsorted(values, "left"), ordered.searchsorted(values, "right")
    return np.asarray((below + up_to) / (2.0 * len(ordered)))
