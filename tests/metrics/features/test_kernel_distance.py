"""Kernel distance: the definition as a double loop, unbiasedness, its error."""

import itertools

import numpy as np
import pytest

from seqgan_kit.errors import DataError, UsageError
from seqgan_kit.metrics.features import feature_arrays
from seqgan_kit.metrics.features.kernel_distance import kernel_distance, kernel_distance_of_subsets


def by_loops(x, y):
    def k(a, b):
        return (a @ b / len(a) + 1) ** 3

    within = [
        np.mean([k(s[i], s[j]) for i, j in itertools.permutations(range(len(s)), 2)])
        for s in (x, y)
    ]
    return sum(within) - 2 * np.mean([k(a, b) for a in x for b in y])


def test_equals_the_double_loop_in_one_block_and_in_many(monkeypatch):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(7, 3)), rng.normal(0.5, 2, size=(5, 3))
    expected = by_loops(x, y)
    assert kernel_distance(x, y).value == pytest.approx(expected, rel=1e-12)
    monkeypatch.setattr(feature_arrays, "BLOCK_BYTES", 100)
    assert kernel_distance(x, y).value == pytest.approx(expected, rel=1e-12)


def test_degree_one_is_the_distance_of_means_without_its_bias():
    """With k = x·y/F + 1 the constant cancels: |m-n|^2/F less the noise of both means."""
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(50, 4)), rng.normal(1, 1, size=(40, 4))
    noise = np.cov(x.T).trace() / 50 + np.cov(y.T).trace() / 40
    expected = (((x.mean(0) - y.mean(0)) ** 2).sum() - noise) / 4
    assert kernel_distance(x, y, degree=1).value == pytest.approx(expected, rel=1e-12)


def test_exactly_unbiased_by_enumeration():
    """All draws of 2 and 2 from three points with known shares; truth: E k(x,x') + E k(y,y') - 2 E k(x,y)."""
    points = np.array([[0.0, 1.0], [2.0, -1.0], [1.0, 1.5]])
    p, q = np.array([0.5, 0.3, 0.2]), np.array([0.1, 0.6, 0.3])
    kernel = (points @ points.T / 2 + 1) ** 3
    truth = (p - q) @ kernel @ (p - q)
    mean = 0.0
    for a, b, c, d in itertools.product(range(3), repeat=4):
        weight = p[a] * p[b] * q[c] * q[d]
        mean += weight * kernel_distance(points[[a, b]], points[[c, d]]).value
    assert mean == pytest.approx(truth, rel=1e-12)


def test_the_stated_error_is_the_spread_over_repetitions():
    rng = np.random.default_rng(2)

    def repeated(shift):
        pairs = [(rng.normal(shift, 1, (150, 4)), rng.normal(size=(120, 4))) for _ in range(200)]
        estimates = [kernel_distance(x, y) for x, y in pairs]
        values = np.array([e.value for e in estimates])
        return values, np.mean([e.standard_error for e in estimates]) / values.std(ddof=1)

    _, ratio = repeated(0.7)
    assert ratio == pytest.approx(1, rel=0.15)
    null, ratio = repeated(0.0)
    assert 0.9 < ratio < 1.6
    assert abs(null.mean()) < 4 * null.std() / np.sqrt(200)  # 0 for real against real
    assert (null < 0).any()


def test_subsets_agree_with_all_pairs_and_follow_the_seed():
    rng = np.random.default_rng(3)
    x, y = rng.normal(0.3, 1, (300, 4)), rng.normal(size=(300, 4))
    of_subsets = [
        kernel_distance_of_subsets(x, y, np.random.default_rng(seed), subsets=40, subset_size=100)
        for seed in (0, 0, 1)
    ]
    assert of_subsets[0] == of_subsets[1] != of_subsets[2]
    whole = kernel_distance(x, y)
    assert abs(of_subsets[0].value - whole.value) < 4 * of_subsets[0].standard_error
    everything = kernel_distance_of_subsets(x, y, rng, subsets=2, subset_size=300)
    assert everything.value == pytest.approx(whole.value)


def test_mistakes():
    x = np.zeros((4, 2))
    with pytest.raises(UsageError, match="of 2 to 4 samples"):
        kernel_distance_of_subsets(x, x, np.random.default_rng(0), subset_size=5)
    with pytest.raises(UsageError, match="of 1 or more, got 0"):
        kernel_distance(x, x, degree=0)
    with pytest.raises(DataError, match="1 rows, but must have 2"):
        kernel_distance(x, x[:1])
