"""Copies are found, other samples are not, and the scores equal plain counts."""

import numpy as np
import pytest

from image_gans.metrics.copying import check_copies
from seqgan_kit.errors import UsageError


def test_by_hand_on_a_line():
    train = np.array([[0.0], [10.0], [20.0]])
    held_out = np.array([[1.0], [12.0], [23.0], [26.0]])  # 1, 2, 3 and 6 away
    samples = np.array([[10.5], [22.0], [4.0]])  # 0.5, 2 and 4 away
    found = check_copies(samples, train, held_out, quantile=0.5)
    assert found.threshold == 2.5
    assert found.distances == pytest.approx([0.5, 2, 4])
    assert found.neighbours.tolist() == [1, 2, 0]
    assert found.nearest_first.tolist() == [0, 1, 2]
    assert found.near_copies.value == pytest.approx(2 / 3)
    assert found.expected == 0.5
    # Of 12 pairs the sample is nearer in 4 + 2.5 + 1.
    assert found.closer.value == pytest.approx(7.5 / 12)


def test_honest_samples_and_the_stated_errors():
    rng = np.random.default_rng(0)
    found = [
        check_copies(*(rng.normal(size=(n, 3)) for n in (300, 400, 250)), quantile=0.1)
        for _ in range(80)
    ]
    for values, expected in (
        ([f.near_copies for f in found], 0.1),
        ([f.closer for f in found], 0.5),
    ):
        spread = np.std([e.value for e in values], ddof=1)
        assert abs(np.mean([e.value for e in values]) - expected) < 4 * spread / np.sqrt(80) + 0.005
        assert np.mean([e.standard_error for e in values]) == pytest.approx(spread, rel=0.3)


def test_copies_among_honest_samples_and_samples_far_away():
    rng = np.random.default_rng(1)
    train, held_out, honest = (rng.normal(size=(400, 5)) for _ in range(3))
    some = np.concatenate([train[:100] + 1e-3, honest[:100]])
    found = check_copies(some, train, held_out)
    assert found.near_copies.value == pytest.approx(0.525, abs=0.03)
    assert found.neighbours[:100].tolist() == list(range(100))
    assert set(found.nearest_first[:100]) == set(range(100))
    far = check_copies(honest + 50, train, held_out)
    assert (far.near_copies.value, far.closer.value) == (0, 0)


def test_the_quantile_is_a_share():
    x = np.zeros((3, 2))
    with pytest.raises(UsageError, match="quantile must be between 0 and 1"):
        check_copies(x, x, x, quantile=1.0)
