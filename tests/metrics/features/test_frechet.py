"""Frechet distance: closed forms, an independent computation, its error, few samples in many dimensions."""

import numpy as np
import pytest

from seqgan_kit.errors import DataError
from seqgan_kit.metrics.features.frechet import Moments, frechet_distance, frechet_estimate, moments


def random_moments(rng, f, rank=None):
    root = rng.normal(size=(f, rank or f))
    return Moments(rng.normal(size=f), root @ root.T, 100)


def by_general_eigenvalues(a: Moments, b: Moments) -> float:
    """tr (A^1/2 B A^1/2)^1/2 is the sum of the roots of the eigenvalues of A B."""
    roots = np.sqrt(np.linalg.eigvals(a.covariance @ b.covariance).astype(complex)).real
    difference = a.mean - b.mean
    return difference @ difference + np.trace(a.covariance + b.covariance) - 2 * roots.sum()


def test_one_dimension():
    """N(m, s^2) and N(n, t^2): (m-n)^2 + (s-t)^2."""
    a, b = (Moments(np.array([m]), np.array([[s * s]]), 9) for m, s in ((1.0, 2.0), (4.0, 0.5)))
    assert frechet_distance(a, b) == pytest.approx(9 + 2.25, rel=1e-14)


def test_commuting_covariances():
    """With common eigenvectors: |m-n|^2 + sum (sqrt a - sqrt b)^2."""
    rng = np.random.default_rng(0)
    turn, _ = np.linalg.qr(rng.normal(size=(5, 5)))
    a, b = rng.uniform(0, 3, (2, 5))
    b[2] = 0
    mean = np.zeros(5)
    left = Moments(mean, turn @ np.diag(a) @ turn.T, 9)
    right = Moments(mean + 1, turn @ np.diag(b) @ turn.T, 9)
    expected = 5 + ((np.sqrt(a) - np.sqrt(b)) ** 2).sum()
    assert frechet_distance(left, right) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("ranks", [(6, 6), (3, 6), (2, 3)])
def test_against_the_eigenvalues_of_the_product(ranks):
    rng = np.random.default_rng(1)
    a, b = (random_moments(rng, 6, rank) for rank in ranks)
    expected = by_general_eigenvalues(a, b)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-6)
    assert frechet_distance(b, a) == pytest.approx(frechet_distance(a, b), rel=1e-12)


def test_fewer_samples_than_dimensions_cost_no_digits():
    """30 samples in 200 dimensions, the second set shifted and doubled: A and 4A, d^2 = |m-n|^2 + tr A."""
    x = np.random.default_rng(2).normal(size=(30, 200))
    a, b = moments(x), moments(2 * x + 5)
    difference = x.mean(0) + 5
    expected = difference @ difference + np.trace(a.covariance)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-12)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-10 * np.trace(a.covariance))


def test_moments_are_numpys_and_a_turn_of_the_axes_changes_nothing():
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(50, 4)), rng.normal(1, 2, size=(40, 4))
    np.testing.assert_allclose(moments(x).covariance, np.cov(x.T))
    turn, _ = np.linalg.qr(rng.normal(size=(4, 4)))
    plain = frechet_distance(moments(x), moments(y))
    turned = frechet_distance(moments(x @ turn + 3), moments(y @ turn + 3))
    assert turned == pytest.approx(plain, rel=1e-12)


def draws(rng, n):
    x = rng.normal(size=(n, 3)) @ np.array([[1, 0.5, 0], [0, 1, 0.3], [0, 0, 0.7]]) + 0.4
    return x, rng.normal(size=(n, 3))


def test_the_stated_error_is_the_spread_over_repetitions():
    rng = np.random.default_rng(4)
    estimates = [frechet_estimate(*draws(rng, 500)) for _ in range(200)]
    spread = np.std([e.value for e in estimates], ddof=1)
    assert np.mean([e.standard_error for e in estimates]) == pytest.approx(spread, rel=0.15)


def test_against_stored_moments_the_reference_is_taken_for_certain():
    rng = np.random.default_rng(5)
    reference = Moments(np.zeros(3), np.eye(3), 10**9)
    estimates = [frechet_estimate(draws(rng, 500)[0], reference) for _ in range(200)]
    spread = np.std([e.value for e in estimates], ddof=1)
    assert np.mean([e.standard_error for e in estimates]) == pytest.approx(spread, rel=0.15)
    x, y = draws(rng, 500)
    assert frechet_estimate(x, moments(y)).value == frechet_estimate(x, y).value


def test_real_against_real_falls_as_one_over_n_and_its_error_has_the_right_size():
    rng = np.random.default_rng(6)
    floors = {}
    for n in (250, 1000):
        pairs = [
            frechet_estimate(rng.normal(size=(n, 4)), rng.normal(size=(n, 4))) for _ in range(60)
        ]
        floors[n] = np.mean([e.value for e in pairs])
        ratio = np.mean([e.standard_error for e in pairs]) / np.std(
            [e.value for e in pairs], ddof=1
        )
        assert 0.5 < ratio < 3
    assert floors[250] / floors[1000] == pytest.approx(4, rel=0.15)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (np.zeros((3, 2)), np.zeros((3, 4)), "2 dimensions, but real ones have 4"),
        (np.zeros((1, 2)), np.zeros((3, 2)), "generated features have 1 rows, but must have 2"),
        (np.zeros(3), np.zeros((3, 2)), r"must be an array \[N,F\]; got shape \[3\]"),
        (np.full((3, 2), np.nan), np.zeros((3, 2)), "must be finite, but 3 of 3 rows are not"),
    ],
)
def test_features_that_do_not_fit(x, y, message):
    with pytest.raises(DataError, match=message):
        frechet_estimate(x, y)


def test_moments_of_different_encoders():
    with pytest.raises(DataError, match="have 2 and 3 dimensions, but must have equally many"):
        frechet_distance(moments(np.eye(2)), moments(np.eye(3)))
