"""Student's paired t test for two arms with the same seeds (Student 1908)."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

FEWEST_FOR_A_CLAIM = 3
"""Minimum number of pairs for an interval and a p value."""


@dataclass(frozen=True)
class SeedsDifference:
    """Result of a paired comparison."""

    mean: float
    """Mean difference."""
    pairs: int
    """Number n of pairs."""
    low: float | None = None
    """Lower end of the confidence interval; None if there are too few pairs."""
    high: float | None = None
    """Upper end of the confidence interval."""
    p: float | None = None
    """Two-sided p value of the hypothesis that the true difference is 0."""


def difference_over_seeds(
    differences: Sequence[float], confidence: float = 0.95
) -> SeedsDifference | None:
    """Return the mean of n differences with its interval and p value; None without differences.

    With d the mean and s the standard deviation (n - 1) of the differences,

        t = d / (s / sqrt(n)),    p = P(|T_{n-1}| >= |t|),    d ± t_{n-1}(confidence) s / sqrt(n)

    The test is exact for normal differences. If all differences are equal, p is 0, or 1 if they are 0.
    """
    if not differences:
        return None
    n, mean = len(differences), statistics.fmean(differences)
    if n < FEWEST_FOR_A_CLAIM:
        return SeedsDifference(mean, n)
    error = statistics.stdev(differences) / math.sqrt(n)
    if error == 0:
        return SeedsDifference(mean, n, mean, mean, 1.0 if mean == 0 else 0.0)
    reach = t_quantile(confidence, n - 1) * error
    p = 1 - t_inside(abs(mean) / error, n - 1)
    return SeedsDifference(mean, n, mean - reach, mean + reach, p)


def t_inside(t: float, degrees: int) -> float:
    """Return P(|T| <= t) for Student's t with a whole number of degrees of freedom v.

    With theta = arctan(t / sqrt(v)) (Abramowitz and Stegun 1964, 26.7.3 and 26.7.4):

        v = 1:    2 theta / pi
        odd v:    2/pi (theta + sin cos (1 + 2/3 cos^2 + ... + (2*4..(v-3)) / (3*5..(v-2)) cos^(v-3)))
        even v:   sin (1 + 1/2 cos^2 + 1*3/(2*4) cos^4 + ... + (1*3..(v-3)) / (2*4..(v-2)) cos^(v-2))
    """
    theta = math.atan2(t, math.sqrt(degrees))
    sine, cosine = math.sin(theta), math.cos(theta)
    odd = degrees % 2
    term = total = 1.0
    for k in range(2 + odd, degrees - 1, 2):
        term *= (k - 1) / k * cosine**2
        total += term
    if not odd:
        return sine * total
    return 2 / math.pi * (theta + (sine * cosine * total if degrees > 1 else 0.0))


def t_quantile(confidence: float, degrees: int) -> float:
    """Return the t with P(|T| <= t) = confidence, by bisection."""
    low, high = 0.0, 1.0
    while t_inside(high, degrees) < confidence:
        low, high = high, 2 * high
    for _ in range(100):
        middle = (low + high) / 2
        if t_inside(middle, degrees) < confidence:
            low = middle
        else:
            high = middle
    return (low + high) / 2
