"""Courses of the temperature against the formulas of RelGAN's code."""

import math

import pytest

from seqgan_kit.core.game import Move
from seqgan_kit.sequences.estimators.gumbel import GumbelSoftmax
from seqgan_kit.sequences.estimators.temperatures import temperature_at

BETA, N = 100.0, 5000
POLICIES = {
    "constant": lambda i: BETA,
    "inverse_linear": lambda i: 1 + i / (N - 1) * (BETA - 1),
    "geometric": lambda i: BETA ** (i / (N - 1)),
    "inverse_log": lambda i: 1 + (BETA - 1) / math.log(N) * math.log(i + 1),
    "inverse_sigmoid": lambda i: (BETA - 1) / (1 + math.exp((0.5 - i / (N - 1)) * 20)) + 1,
    "inverse_quadratic": lambda i: (BETA - 1) / (N - 1) ** 2 * i**2 + 1,
    "inverse_root": lambda i: (BETA - 1) / math.sqrt(N - 1) * math.sqrt(i) + 1,
}


@pytest.mark.parametrize("course", POLICIES)
def test_the_inverse_temperature_is_relgans(course):
    """weilinie/RelGAN, get_fixed_temperature, in round i of N (its exp and sigmoid divide by N)."""
    estimator = GumbelSoftmax(1.0, 1 / BETA, course, feed="argmax")
    for i in (0, 1, 50, 2000, 2500, N - 1):
        beta = 1 / estimator.temperature(Move("adversarial", i, N, None))
        assert beta == pytest.approx(POLICIES[course](i))


def test_the_logarithm_reads_the_rounds_of_annealing():
    """Half of them is ln(1 + (N-1)/2) / ln N of the rise, whatever the number of rounds that are run."""
    estimator = GumbelSoftmax(1.0, 0.1, "inverse_log", rounds=10)
    beta = 1 / estimator.temperature(Move("adversarial", 5, 400, None))
    assert beta == pytest.approx(1 + 9 * math.log(5.5) / math.log(10))
    assert estimator.temperature(Move("adversarial", 0, 1, None)) == 1.0


def test_a_constant_and_a_sigmoid_do_not_begin_at_the_start():
    assert temperature_at(0.0, 1.0, 0.01, "constant") == 0.01
    low, middle, high = (
        1 / temperature_at(p, 1.0, 0.01, "inverse_sigmoid") for p in (0.0, 0.5, 1.0)
    )
    assert middle == pytest.approx(50.5)
    assert 1 < low < 1.005 < 99.995 < high < 100
