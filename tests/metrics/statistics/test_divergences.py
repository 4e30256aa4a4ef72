"""Exact divergences against enumeration of small worlds, errors against repeated sampling."""

import math
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest

from seqgan_kit.errors import DataError, UsageError
from seqgan_kit.metrics.statistics.divergences import (
    Estimate,
    expected_head_coverage,
    forward_kl,
    head_counts,
    head_coverage,
    jensen_shannon,
    reverse_kl,
    skewed_reverse_kl,
    validity,
)

# A world of six items of which it excludes the last two, and a generator that does not.
P = np.array([0.4, 0.3, 0.2, 0.1, 0.0, 0.0])
G = np.array([0.5, 0.1, 0.1, 0.1, 0.15, 0.05])
VALID = P > 0
V = G[VALID].sum()
H = (P + G) / 2


def logs(probabilities: np.ndarray) -> Any:
    with np.errstate(divide="ignore"):
        return np.log(probabilities)


LOG_P, LOG_G = logs(P), logs(G)


def kl(a: np.ndarray, b: np.ndarray) -> float:
    """sum a log(a/b) over the support of a."""
    on = a > 0
    return float((a[on] * np.log(a[on] / b[on])).sum())


def as_samples(probabilities: np.ndarray, copies: int = 100) -> np.ndarray:
    """Items in exactly the shares of a distribution, so that means are expectations."""
    return np.repeat(np.arange(len(probabilities)), np.rint(probabilities * copies).astype(int))


OF_G, OF_P = as_samples(G), as_samples(P)


def test_validity_is_the_generators_mass_where_the_world_has_any() -> None:
    assert validity(LOG_P[OF_G]).value == pytest.approx(V)


def test_reverse_kl_is_that_of_the_renormalised_generator() -> None:
    """KL(G_v || P) by enumeration, with G_v = G / v on the support of P."""
    estimate = reverse_kl(LOG_G[OF_G], LOG_P[OF_G])
    assert estimate is not None
    assert estimate.value == pytest.approx(kl(np.where(VALID, G / V, 0.0), P))


def test_reverse_kl_is_zero_where_the_valid_part_is_right() -> None:
    """G = 0.5 P + 0.5 elsewhere: without the mass term it would be log 0.5."""
    g = np.array([0.2, 0.15, 0.1, 0.05, 0.5, 0.0])
    at = as_samples(g)
    estimate = reverse_kl(logs(g)[at], LOG_P[at])
    assert estimate is not None
    assert estimate.value == pytest.approx(0.0, abs=1e-12)
    assert validity(LOG_P[at]).value == 0.5


def test_reverse_kl_is_absent_where_nothing_is_valid() -> None:
    assert reverse_kl([-1.0, -2.0], [-math.inf, -math.inf]) is None
    assert validity([-math.inf, -math.inf]) == Estimate(0.0, 0.0)


def test_reverse_kl_of_the_world_itself_is_exactly_zero() -> None:
    assert reverse_kl(LOG_P[OF_P], LOG_P[OF_P]) == Estimate(0.0, 0.0)


@pytest.mark.parametrize("share", [0.01, 0.5, 0.9])
def test_skewed_reverse_kl(share: float) -> None:
    value = skewed_reverse_kl(LOG_G[OF_G], LOG_P[OF_G], share).value
    assert value == pytest.approx(kl(G, (1 - share) * P + share * G))
    assert 0 < value <= -math.log(share)


def test_skewed_reverse_kl_charges_the_bound_for_an_invalid_sample() -> None:
    value = skewed_reverse_kl([-3.0, -5.0], [-math.inf, -math.inf], 0.01).value
    assert value == pytest.approx(-math.log(0.01))


def test_forward_kl() -> None:
    assert forward_kl(LOG_P[OF_P], LOG_G[OF_P]).value == pytest.approx(kl(P, G))


def test_forward_kl_is_infinite_where_the_generator_excludes_real_data() -> None:
    assert forward_kl([-1.0, -1.0], [-1.0, -math.inf]) == Estimate(math.inf, 0.0)


def test_jensen_shannon() -> None:
    estimate = jensen_shannon(LOG_G[OF_G], LOG_P[OF_G], LOG_P[OF_P], LOG_G[OF_P])
    assert estimate.value == pytest.approx((kl(P, H) + kl(G, H)) / 2)


def test_jensen_shannon_of_disjoint_distributions_is_log_two() -> None:
    estimate = jensen_shannon([-1.0, -2.0], [-math.inf] * 2, [-1.0, -3.0], [-math.inf] * 2)
    assert estimate.value == pytest.approx(math.log(2))


def test_jensen_shannon_survives_tiny_probabilities() -> None:
    estimate = jensen_shannon([-2000.0] * 2, [-2001.0] * 2, [-1999.0] * 2, [-2002.0] * 2)
    expected_g = -math.log((1 + math.exp(-1)) / 2)
    expected_p = -math.log((1 + math.exp(-3)) / 2)
    assert estimate.value == pytest.approx((expected_g + expected_p) / 2)


ESTIMATORS: dict[str, Callable[[np.ndarray, np.ndarray], Any]] = {
    "validity": lambda g, p: validity(LOG_P[g]),
    "reverse_kl": lambda g, p: reverse_kl(LOG_G[g], LOG_P[g]),
    "skewed_reverse_kl": lambda g, p: skewed_reverse_kl(LOG_G[g], LOG_P[g]),
    "forward_kl": lambda g, p: forward_kl(LOG_P[p], LOG_G[p]),
    "jensen_shannon": lambda g, p: jensen_shannon(LOG_G[g], LOG_P[g], LOG_P[p], LOG_G[p]),
}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_standard_errors_match_the_spread_over_repetitions(name: str) -> None:
    """2,000 repetitions with 300 samples: their spread is known to 1.6 %, so 8 % is five sigma."""
    rng = np.random.default_rng(0)
    estimates = [
        ESTIMATORS[name](rng.choice(6, 300, p=G), rng.choice(6, 300, p=P)) for _ in range(2000)
    ]
    spread = np.std([estimate.value for estimate in estimates])
    stated = np.mean([estimate.standard_error for estimate in estimates])
    assert stated == pytest.approx(spread, rel=0.08)


def test_one_sample_has_no_known_error() -> None:
    assert forward_kl([-1.0], [-3.0]) == Estimate(2.0, math.inf)


HEAD = ("a", "b", "c")
HEAD_P = np.array([0.5, 0.2, 0.1])  # the remaining 0.2 lies outside the head


def test_head_counts() -> None:
    assert head_counts(["b", "x", "a", "b"], HEAD).tolist() == [1, 2, 0]


def test_head_coverage_is_the_drawn_share_of_the_heads_mass() -> None:
    value = head_coverage(np.log(HEAD_P), [1, 2, 0], 4).value
    assert value == pytest.approx(0.7 / 0.8)


def test_head_coverage_error_is_the_jackknifes() -> None:
    """Leaving out each of n samples in turn: (n-1)/n times the sum of squared deviations."""
    samples, log_p = ["b", "x", "a", "b", "c", "x"], np.log(HEAD_P)
    n = len(samples)
    left = [samples[:at] + samples[at + 1 :] for at in range(n)]
    values = [head_coverage(log_p, head_counts(some, HEAD), n - 1).value for some in left]
    expected = math.sqrt((n - 1) * np.var(values))
    estimate = head_coverage(log_p, head_counts(samples, HEAD), n)
    assert estimate.standard_error == pytest.approx(expected)


def test_expected_head_coverage_by_enumeration() -> None:
    """All 4^3 ways to draw three items; the stated error is an upper bound, and not a loose one."""
    probabilities = [*HEAD_P, 0.2]
    weights, values = [], []
    for draw in product(range(4), repeat=3):
        weights.append(math.prod(probabilities[item] for item in draw))
        values.append(sum(HEAD_P[item] for item in set(draw) - {3}) / 0.8)
    mean = np.average(values, weights=weights)
    deviation = math.sqrt(np.average((np.array(values) - mean) ** 2, weights=weights))
    estimate = expected_head_coverage(np.log(HEAD_P), 3)
    assert estimate.value == pytest.approx(mean)
    assert deviation <= estimate.standard_error <= 1.5 * deviation


def test_expected_head_coverage_of_a_certain_item() -> None:
    assert expected_head_coverage([0.0], 1) == Estimate(1.0, 0.0)


def test_expected_head_coverage_needs_a_sample() -> None:
    with pytest.raises(UsageError, match="n_samples must be 1 or more, got 0"):
        expected_head_coverage(np.log(HEAD_P), 0)


def test_an_estimate_prints_with_its_error() -> None:
    assert str(Estimate(1.23456, 0.0123)) == "1.235 ± 0.012"


def test_swapped_arguments_are_noticed() -> None:
    with pytest.raises(DataError, match="check that the arguments are not swapped"):
        reverse_kl([-math.inf, -1.0], [-1.0, -1.0])
    with pytest.raises(DataError, match="of real samples are -inf under their own distribution"):
        forward_kl([-math.inf, -1.0], [-1.0, -1.0])


def test_lengths_must_agree() -> None:
    with pytest.raises(DataError, match="of the same samples, got 2 and 1"):
        reverse_kl([-1.0, -1.0], [-1.0])


@pytest.mark.parametrize("bad", [[], [[-1.0]], -1.0])
def test_a_list_is_needed(bad: Any) -> None:
    with pytest.raises(DataError, match="must be a list of numbers"):
        validity(bad)


@pytest.mark.parametrize("bad", [[-1.0, math.nan], [-1.0, 0.5]])
def test_probabilities_instead_of_logarithms_are_noticed(bad: list[float]) -> None:
    with pytest.raises(DataError, match=r"must be 0 or less, got (nan|0\.5)"):
        validity(bad)


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1])
def test_the_share_lies_between_0_and_1(share: float) -> None:
    with pytest.raises(UsageError, match="share_of_g must be between 0 and 1"):
        skewed_reverse_kl([-1.0], [-1.0], share)


def test_counts_must_fit_the_head() -> None:
    with pytest.raises(DataError, match="but the head has 3 items and there are 4 samples"):
        head_coverage(np.log(HEAD_P), [1, 2], 4)
    with pytest.raises(DataError, match="and sum 5, but"):
        head_coverage(np.log(HEAD_P), [1, 2, 2], 4)
