"""Precision, recall, density and coverage: plain loops, cases by hand, what real against real gives."""

import numpy as np
import pytest

from seqgan_kit.errors import UsageError
from seqgan_kit.metrics.features import feature_arrays
from seqgan_kit.metrics.features.neighbours import (
    density_coverage,
    expected_coverage,
    precision_recall,
)


def radius(points, i, k):
    return sorted(np.linalg.norm(points[i] - p) for j, p in enumerate(points) if j != i)[k - 1]


def by_loops(x, y, k):
    def inside(a, points):
        return [np.linalg.norm(a - p) <= radius(points, j, k) for j, p in enumerate(points)]

    precision = np.mean([any(inside(a, y)) for a in x])
    recall = np.mean([any(inside(b, x)) for b in y])
    density = np.mean([sum(inside(a, y)) / k for a in x])
    coverage = np.mean(
        [any(np.linalg.norm(a - b) <= radius(y, j, k) for a in x) for j, b in enumerate(y)]
    )
    return precision, recall, density, coverage


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("block_bytes", [200, 2**25])
def test_equal_to_plain_loops(k, block_bytes, monkeypatch):
    monkeypatch.setattr(feature_arrays, "BLOCK_BYTES", block_bytes)
    rng = np.random.default_rng(k)
    x, y = rng.normal(0.6, 0.7, (23, 3)), rng.normal(size=(19, 3))
    pr, dc = precision_recall(x, y, k), density_coverage(x, y, k)
    found = (pr.precision.value, pr.recall.value, dc.density.value, dc.coverage.value)
    assert found == pytest.approx(by_loops(x, y, k))
    assert min(found) > 0
    assert max(found[:2]) < 1


def test_by_hand_on_a_line():
    """Real 0, 1, 3 with k=1: balls of radius 1, 1, 2. Samples 1.5 (in two of them), 9 and 10 (in none);
    their own balls reach 7.5, 1 and 1 far, so the first holds all the real."""
    real, samples = np.array([[0.0], [1.0], [3.0]]), np.array([[1.5], [9.0], [10.0]])
    pr, dc = precision_recall(samples, real, 1), density_coverage(samples, real, 1)
    assert pr.precision.value == pytest.approx(1 / 3)
    assert pr.recall.value == 1.0
    assert dc.density.value == pytest.approx(2 / 3)
    assert dc.coverage.value == pytest.approx(2 / 3)
    assert pr.precision.standard_error == pytest.approx(np.std([1, 0, 0], ddof=1) / np.sqrt(3))


def test_a_set_against_itself_and_against_a_far_one():
    x = np.random.default_rng(0).normal(size=(60, 5))
    pr, dc = precision_recall(x, x), density_coverage(x, x)
    assert (pr.precision.value, pr.recall.value, dc.coverage.value) == (1, 1, 1)
    assert dc.density.value == pytest.approx(
        1 + 1 / 5
    )  # its k neighbours' balls on average, and its own
    far, empty = precision_recall(x + 100, x), density_coverage(x + 100, x)
    assert (far.precision.value, far.recall.value) == (0, 0)
    assert (empty.density.value, empty.coverage.value) == (0, 0)


def test_a_collapsed_generator_is_precise_and_covers_little():
    rng = np.random.default_rng(1)
    real = rng.normal(size=(200, 2))
    collapsed = rng.normal(0, 0.01, size=(200, 2))
    pr, dc = precision_recall(collapsed, real), density_coverage(collapsed, real)
    assert pr.precision.value > 0.9
    assert pr.recall.value < 0.05
    assert dc.coverage.value < 0.15


def test_duplicates_far_from_the_origin_are_at_distance_0():
    """Balls of radius 0 hold their own point, which rounding must not push out."""
    real = np.repeat(1e4 + np.random.default_rng(2).normal(size=(5, 8)), 4, axis=0)
    pr = precision_recall(real, real, k=3)
    assert (pr.precision.value, pr.recall.value) == (1, 1)


def test_real_against_real_is_as_the_closed_form_says():
    rng = np.random.default_rng(3)
    found = [
        density_coverage(rng.normal(size=(40, 2)), rng.normal(size=(60, 2)), 4) for _ in range(150)
    ]
    coverages = [f.coverage.value for f in found]
    expected = expected_coverage(40, 60, 4)
    assert abs(np.mean(coverages) - expected) < 4 * np.std(coverages) / np.sqrt(150)
    densities = [f.density.value for f in found]
    assert abs(np.mean(densities) - 1) < 4 * np.std(densities) / np.sqrt(150)


def test_expected_coverage_by_hand():
    """One real neighbour against one sample: as often nearer as not. k=1, M=3, N=2: 1 - 2/4."""
    assert expected_coverage(1, 2, 1) == pytest.approx(0.5)
    assert expected_coverage(2, 3, 1) == pytest.approx(0.5)
    assert expected_coverage(1000, 1000, 5) == pytest.approx(1 - 2**-5, abs=1e-3)


@pytest.mark.parametrize("k", [0, 3])
def test_k_must_fit_both_sets(k):
    x = np.zeros((5, 2))
    with pytest.raises(
        UsageError, match=f"k is {k}; it must be from 1 to 2, because the smaller set has 3"
    ):
        precision_recall(x, x[:3], k)
    with pytest.raises(UsageError, match=f"k is {k}"):
        density_coverage(x[:3], x, k)


def test_expected_coverage_needs_more_real_samples_than_k():
    with pytest.raises(UsageError, match="coverage with k=3 needs more than 3 real samples"):
        expected_coverage(9, 3, 3)
