"""Resampling against enumeration and closed forms."""

import itertools
import math

import numpy as np
import pytest

from seqgan_kit.errors import DataError, UsageError
from seqgan_kit.metrics.statistics import bootstrap
from seqgan_kit.metrics.statistics.bootstrap import (
    PairedDifference,
    bootstrap_interval,
    paired_difference,
    resampled_sums,
    swapped_sums,
)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def shares(values: np.ndarray) -> dict[float, float]:
    found, counts = np.unique(values, return_counts=True)
    return dict(zip(found.tolist(), (counts / len(values)).tolist(), strict=True))


def test_resampled_sums_have_the_law_of_all_draws() -> None:
    """All 27 ways to draw 3 of the items 0, 1, 5 with replacement are equally likely."""
    drawn = shares(resampled_sums(np.array([[0.0], [1.0], [5.0]]), rng(), 40_000)[:, 0])
    ways = np.array([sum(way) for way in itertools.product((0.0, 1.0, 5.0), repeat=3)])
    expected = shares(ways)
    assert drawn.keys() == expected.keys()
    for total, share in expected.items():
        assert abs(drawn[total] - share) < 4.5 * math.sqrt(share * (1 - share) / 40_000)


def test_columns_are_resampled_together() -> None:
    values = rng().normal(size=(50, 1)) @ np.array([[1.0, -2.0]])
    sums = resampled_sums(values, rng(), 30)
    assert sums.shape == (30, 2)
    np.testing.assert_allclose(sums[:, 1], -2 * sums[:, 0])


def test_the_interval_of_a_mean_is_nearly_the_normal_one() -> None:
    """For many items the middle 95 % are mean ± 1.96 s / sqrt(N)."""
    values = rng(1).gamma(2.0, size=2000)
    half = 1.96 * values.std() / math.sqrt(len(values))
    found = bootstrap_interval(values, rng(), resamples=4000)
    assert found.value == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - half, abs=0.1 * half)
    assert found.high == pytest.approx(values.mean() + half, abs=0.1 * half)


def test_a_higher_level_is_a_wider_interval() -> None:
    values = rng().normal(size=100)
    narrow, wide = (bootstrap_interval(values, rng(), level=level) for level in (0.5, 0.99))
    assert wide.low < narrow.low < narrow.value < narrow.high < wide.high


def test_an_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    """95 % intervals of 60 normal values hold 0 in about 190 of 200 cases."""
    hits = 0
    for seed in range(200):
        found = bootstrap_interval(rng(seed).normal(size=60), rng(seed), resamples=400)
        hits += found.low <= 0 <= found.high
    assert 176 <= hits <= 199


def test_a_statistic_of_several_sums() -> None:
    """A ratio of sums, such as nats a token: items with 3 nats in 2 tokens have no spread at all."""
    counts = np.outer(rng().integers(1, 9, 40), [3.0, 2.0])
    found = bootstrap_interval(counts, rng(), statistic=lambda sums: sums[:, 0] / sums[:, 1])
    assert (found.value, found.low, found.high) == pytest.approx((1.5, 1.5, 1.5))


def test_the_same_seed_gives_the_same_interval() -> None:
    values = rng().normal(size=30)
    assert bootstrap_interval(values, rng(4)) == bootstrap_interval(values, rng(4))
    assert bootstrap_interval(values, rng(4)) != bootstrap_interval(values, rng(5))


def test_small_chunks_draw_the_same_law(monkeypatch: pytest.MonkeyPatch) -> None:
    values = rng().normal(size=40)
    whole = bootstrap_interval(values, rng(), resamples=5000)
    monkeypatch.setattr(bootstrap, "_CHUNK_ELEMENTS", 100)
    assert resampled_sums(values[:, None], rng(), 5).shape == (5, 1)
    parts = bootstrap_interval(values, rng(), resamples=5000)
    assert (parts.low, parts.high) == pytest.approx((whole.low, whole.high), abs=0.03)


def test_the_p_value_is_the_share_of_sign_flips_as_large() -> None:
    """All 2^9 ways of swapping 9 pairs, ties with the observed difference included."""
    differences = np.array([1.0, 2.0, -1.0, 3.0, 0.5, -0.25, 2.0, 1.0, -2.0])
    signs = np.array(list(itertools.product((-1, 1), repeat=9)))
    exact = (abs(signs @ differences) >= abs(differences.sum()) - 1e-9).mean()
    first = rng().normal(size=9)
    found = paired_difference(first, first + differences, rng(), resamples=20_000)
    assert 0.05 < exact < 0.4
    assert found.p_value == pytest.approx(exact, abs=4 * math.sqrt(exact / 20_000))
    assert found.value == pytest.approx(differences.mean())


def test_each_item_is_swapped_in_half_of_the_trials() -> None:
    swapped = swapped_sums(np.eye(4), rng(), 10_000)
    assert set(np.unique(swapped)) == {0.0, 1.0}
    np.testing.assert_allclose(swapped.mean(axis=0), 0.5, atol=0.02)
    np.testing.assert_allclose(np.cov(swapped.T), np.eye(4) / 4, atol=0.02)


def test_between_alike_systems_small_p_values_are_rare() -> None:
    """Under the null p <= 0.1 in a tenth of the cases: of 300, fewer than 50 and more than 12."""
    small = 0
    for seed in range(300):
        a, b = rng(seed).normal(size=(2, 25))
        small += paired_difference(a, b, rng(seed), resamples=199).p_value <= 0.1
    assert 12 < small < 50


def test_a_system_is_no_different_from_itself() -> None:
    values = rng().normal(size=20)
    assert paired_difference(values, values, rng()) == PairedDifference(0.0, 0.0, 0.0, 1.0)


def test_a_constant_gain_is_certain_and_its_sign_is_the_seconds() -> None:
    values = rng().normal(size=30)
    found = paired_difference(values, values + 0.5, rng(), resamples=999)
    assert (found.value, found.low, found.high) == pytest.approx((0.5, 0.5, 0.5))
    assert found.p_value == pytest.approx(1 / 1000)


def test_the_difference_of_a_statistic_of_sums() -> None:
    """All 2^8 ways of exchanging whole items, numerators with their denominators, of two ratios."""
    a, b = rng(5).uniform(0.5, 2.0, (2, 8, 2))
    b[:, 0] += 0.4
    swaps = np.array(list(itertools.product((0, 1), repeat=8)))[:, :, None]
    sums = np.where(swaps, b, a).sum(axis=1), np.where(swaps, a, b).sum(axis=1)
    by_chance = sums[1][:, 0] / sums[1][:, 1] - sums[0][:, 0] / sums[0][:, 1]
    found = paired_difference(
        a, b, rng(), statistic=lambda sums: sums[:, 0] / sums[:, 1], resamples=20_000
    )
    assert found.value == pytest.approx(by_chance[0])
    exact = (abs(by_chance) >= abs(by_chance[0]) - 1e-9).mean()
    assert 0.02 < exact < 0.5
    assert found.p_value == pytest.approx(exact, abs=4 * math.sqrt(exact / 20_000))


def test_what_cannot_be_resampled_says_why() -> None:
    with pytest.raises(DataError, match=r"\[N\] or \[N, K\] with N of 1 or more, got \(0, 1\)"):
        bootstrap_interval([], rng())
    with pytest.raises(DataError, match=r"got \(1, 1, 1\)"):
        bootstrap_interval([[[1.0]]], rng())
    with pytest.raises(DataError, match="values must be finite"):
        bootstrap_interval([1.0, math.nan], rng())
    with pytest.raises(UsageError, match="resamples must be 1 or more, got 0"):
        bootstrap_interval([1.0], rng(), resamples=0)
    with pytest.raises(UsageError, match="between 0 and 1, got 95"):
        bootstrap_interval([1.0], rng(), level=95)
    with pytest.raises(UsageError, match="2 values per item: give a statistic"):
        bootstrap_interval([[1.0, 2.0]], rng())
    with pytest.raises(DataError, match="needs equally many items, got 2 and 3"):
        paired_difference([1.0, 2.0], [1.0, 2.0, 3.0], rng())
