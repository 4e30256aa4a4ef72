"""Student's paired t: printed tables, numerical integration of the density, and few pairs."""

from __future__ import annotations

import math

import numpy as np
import pytest

from seqgan_kit.metrics.statistics.paired_t import difference_over_seeds, t_inside, t_quantile


# Fisher and Yates' table of t, 95 % and 99 % two-sided.
@pytest.mark.parametrize(
    ("degrees", "at_95", "at_99"),
    [
        (1, 12.706, 63.657),
        (2, 4.303, 9.925),
        (3, 3.182, 5.841),
        (4, 2.776, 4.604),
        (9, 2.262, 3.250),
        (30, 2.042, 2.750),
    ],
)
def test_quantiles_are_those_of_the_printed_table(degrees: int, at_95: float, at_99: float) -> None:
    assert t_quantile(0.95, degrees) == pytest.approx(at_95, abs=6e-4)
    assert t_quantile(0.99, degrees) == pytest.approx(at_99, abs=6e-4)


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 7, 8, 29])
@pytest.mark.parametrize("t", [0.1, 1.0, 2.5, 6.0])
def test_probabilities_are_integrals_of_the_density(degrees: int, t: float) -> None:
    x, step = np.linspace(0, t, 20_001, retstep=True)
    scale = math.exp(math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2))
    density = scale / math.sqrt(degrees * math.pi) * (1 + x**2 / degrees) ** (-(degrees + 1) / 2)
    inside = 2 * float(step) * float(density.sum() - (density[0] + density[-1]) / 2)
    assert t_inside(t, degrees) == pytest.approx(inside, abs=1e-8)


def test_students_own_example() -> None:
    """Extra hours of sleep, drug 2 over drug 1, ten patients (Student 1908): t = 4.06, p = 0.0028."""
    extra = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4]
    found = difference_over_seeds(extra)
    assert found is not None
    assert (found.mean, found.pairs) == (pytest.approx(1.58), 10)
    assert found.p == pytest.approx(0.002833, abs=1e-6)
    assert (found.low, found.high) == (
        pytest.approx(0.7001, abs=1e-4),
        pytest.approx(2.4599, abs=1e-4),
    )


def test_nothing_is_claimed_from_fewer_than_three_pairs() -> None:
    assert difference_over_seeds([]) is None
    found = difference_over_seeds([0.5, 0.7])
    assert found is not None
    assert (found.mean, found.pairs, found.low, found.high, found.p) == (0.6, 2, None, None, None)


def test_differences_without_spread() -> None:
    same, none = difference_over_seeds([0.5] * 3), difference_over_seeds([0.0] * 3)
    assert same is not None
    assert none is not None
    assert (same.p, same.low, same.high) == (0.0, 0.5, 0.5)
    assert none.p == 1.0
