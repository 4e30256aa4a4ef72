"""AUC against plain counts, and its error against repetitions and the binomial case."""

import numpy as np
import pytest

from seqgan_kit.errors import DataError
from seqgan_kit.metrics.statistics.rank_statistics import area_under_curve, probability_below


def test_by_counting_pairs_with_ties():
    anomalous, normal = [3.0, 1.0, 2.0], [1.0, 0.0, 2.0, 2.0]
    wins = sum((a > n) + 0.5 * (a == n) for a in anomalous for n in normal) / 12
    assert area_under_curve(anomalous, normal).value == pytest.approx(wins)
    assert probability_below(anomalous, normal).value == pytest.approx(1 - wins)


def test_the_error_is_that_of_repetitions():
    rng = np.random.default_rng(0)
    found = [area_under_curve(rng.normal(1, 2, size=60), rng.normal(size=150)) for _ in range(300)]
    spread = np.std([e.value for e in found], ddof=1)
    assert np.mean([e.standard_error for e in found]) == pytest.approx(spread, rel=0.15)


def test_of_two_valued_scores_the_error_is_in_closed_form():
    """With scores 0 and 1, AUC = 1/2 + (p - q)/2, so its variance is (Var p + Var q)/4."""
    anomalous, normal = [1.0] * 6 + [0.0] * 4, [1.0] * 5 + [0.0] * 15
    found = area_under_curve(anomalous, normal)
    assert found.value == pytest.approx(0.5 + (0.6 - 0.25) / 2)
    assert found.standard_error**2 == pytest.approx((0.24 / 9 + 0.1875 / 19) / 4)


def test_both_sides_have_values():
    with pytest.raises(DataError, match="of 0 and 1 values: each needs one or more"):
        area_under_curve([1.0], [])
