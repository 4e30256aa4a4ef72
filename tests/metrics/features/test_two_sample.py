"""Two-sample tests: calibrated where nothing differs, near the best accuracy where something does."""

import math

import numpy as np
import pytest

from seqgan_kit.errors import UsageError
from seqgan_kit.metrics.features.two_sample import (
    classifier_test,
    fit_logistic,
    nearest_neighbour_test,
)


def test_logistic_regression_is_stationary():
    """At the minimum, ridge w equals the sum over rows of +-x times the chance of being wrong."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 3))
    positive = x[:, 0] + rng.normal(size=80) > 0.3
    weights = fit_logistic(x, positive, ridge=0.5)
    chance = 1 / (1 + np.exp(-(x @ weights[:-1] + weights[-1])))
    np.testing.assert_allclose(0.5 * weights[:-1], x.T @ (positive - chance), atol=1e-6)
    assert chance.mean() == pytest.approx(positive.mean(), abs=1e-6)


def test_classes_that_can_be_separated_have_finite_weights():
    x = np.array([[-1.0], [-2.0], [1.0], [2.0]])
    weights = fit_logistic(x, [False, False, True, True], ridge=1e-3)
    assert np.isfinite(weights).all()
    assert 2 < weights[0] < 20


def test_two_gaussians_are_told_apart_as_well_as_can_be():
    """N(0,1) against N(2,1): the best rule is right with probability Phi(1)."""
    rng = np.random.default_rng(1)
    found = classifier_test(rng.normal(2, 1, (2000, 1)), rng.normal(size=(2000, 1)), rng)
    best = 0.5 * (1 + math.erf(1 / math.sqrt(2)))
    assert found.judged == 2000
    assert abs(found.accuracy.value - best) < 4 * found.accuracy.standard_error
    assert found.accuracy.standard_error == pytest.approx(
        math.sqrt(best * (1 - best) / 2000), rel=0.05
    )
    assert found.z == pytest.approx((found.accuracy.value - 0.5) / math.sqrt(0.25 / 2000))
    both = (found.accuracy_on_generated + found.accuracy_on_real) / 2
    assert both == pytest.approx(found.accuracy.value)


@pytest.mark.parametrize("test", [classifier_test, nearest_neighbour_test])
def test_z_is_standard_normal_where_nothing_differs(test):
    rng = np.random.default_rng(2)
    options = {} if test is classifier_test else {"permutations": 100}
    zs = [
        test(rng.normal(size=(40, 3)), rng.normal(size=(55, 3)), rng, **options).z
        for _ in range(150)
    ]
    assert abs(np.mean(zs)) < 4 / math.sqrt(150)
    assert 0.75 < np.std(zs) < 1.3


def test_nearest_neighbours_see_what_a_line_cannot():
    """Of a ring around a blob a line can cut off half at most (accuracy 3/4); neighbours see it all."""
    rng = np.random.default_rng(3)
    angles = rng.uniform(0, 2 * np.pi, 300)
    ring, blob = 4 * np.stack([np.cos(angles), np.sin(angles)], 1), rng.normal(0, 0.5, (300, 2))
    assert classifier_test(ring, blob, rng).accuracy.value < 0.75
    found = nearest_neighbour_test(ring, blob, rng, permutations=100)
    assert found.accuracy.value > 0.99
    assert found.z > 10


def test_copies_bring_the_nearest_neighbour_below_a_half():
    rng = np.random.default_rng(4)
    real = rng.normal(size=(200, 4))
    copies = real + rng.normal(0, 1e-3, real.shape)
    found = nearest_neighbour_test(copies, real, rng, permutations=100)
    assert found.accuracy.value < 0.01
    assert found.z < -10


def test_nearest_neighbours_by_hand():
    """On a line, real 0 1 2 and generated 10 11 1.1: all are right but real 1, generated 1.1 and real 2."""
    real, generated = np.array([[0.0], [1.0], [2.0]]), np.array([[10.0], [11.0], [1.1]])
    found = nearest_neighbour_test(generated, real, np.random.default_rng(0), permutations=10)
    assert found.accuracy.value == pytest.approx(3 / 6)
    assert found.accuracy_on_generated == pytest.approx(2 / 3)
    assert found.accuracy_on_real == pytest.approx(1 / 3)
    assert found.z > 0  # of the five others two are of one's own kind: chance gives 2/5


def test_identical_rows_are_not_told_apart():
    x = np.zeros((60, 3))
    assert classifier_test(x, x, np.random.default_rng(0)).accuracy.value == 0.5
    found = nearest_neighbour_test(x, x, np.random.default_rng(0))
    assert 0.2 < found.accuracy.value < 0.8


def test_seeded():
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(30, 2)), rng.normal(0.5, 1, size=(50, 2))
    for test in (classifier_test, nearest_neighbour_test):
        assert test(x, y, np.random.default_rng(1)) == test(x, y, np.random.default_rng(1))
    assert classifier_test(x, y, rng).judged == 30


def test_mistakes():
    x, rng = np.zeros((4, 2)), np.random.default_rng(0)
    with pytest.raises(UsageError, match="test_share must be between 0 and 1, got 1"):
        classifier_test(x, x, rng, test_share=1)
    with pytest.raises(UsageError, match="permutations must be 2 or more, got 1"):
        nearest_neighbour_test(x, x, rng, permutations=1)
