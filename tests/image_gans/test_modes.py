"""Modes: worlds, counts by hand, the perfect generator's expectation against simulation and enumeration."""

import itertools
import math

import pytest
import torch

from image_gans.metrics.modes import (
    high_quality_ceiling,
    mode_counts,
    mode_scores,
    perfect_modes,
    point_scores,
    spread_within,
)
from image_gans.metrics.worlds import PointData, PointWorld, load_points, point_world
from seqgan_kit.errors import UsageError


@pytest.mark.parametrize(("name", "modes", "apart"), [("ring", 8, 0.7654), ("grid", 25, 2.0)])
def test_worlds_have_distinct_modes(name, modes, apart):
    """Neighbours on a ring of 8 are 2 sin(pi/8) apart."""
    world = point_world(name)
    distances = torch.cdist(world.centres, world.centres) + 9 * torch.eye(modes)
    assert len(world.centres) == modes
    torch.testing.assert_close(distances.amin(1), torch.full((modes,), apart), atol=1e-4, rtol=0)
    assert (world.centres.norm(dim=1) - 1).abs().max() < 1e-6 or name == "grid"


def test_points_have_the_worlds_law(rng):
    world = point_world("grid")
    points = world.draw(50_000, rng)
    modes = torch.cdist(points, world.centres).argmin(1)
    offsets = points - world.centres[modes]
    assert offsets.std(0).tolist() == pytest.approx([0.05, 0.05], rel=0.02)
    assert modes.bincount().min() > 2000 - 5 * 44  # binomial, deviation 44


def test_another_seed_gives_other_points():
    data = PointData("ring", points=10)
    assert torch.equal(load_points(data, 1)[1], load_points(data, 1)[1])
    assert not torch.equal(load_points(data, 1)[1], load_points(data, 2)[1])


def test_scores_by_hand():
    """Two modes of deviation 0.1 at 0 and 10: two samples within 0.3 of one, one of the other, one lost."""
    world = PointWorld("two", torch.tensor([[0.0, 0], [10, 0]]), 0.1)
    points = torch.tensor([[0.2, 0.2], [0, -0.29], [10, 0.1], [0.3, 0.05]])
    assert mode_counts(points, world).tolist() == [2, 1]
    found = point_scores(points, world)
    wanted = 2 / 3 * math.log(4 / 3) + 1 / 3 * math.log(2 / 3)
    assert (found.modes, found.high_quality) == (2, 0.75)
    assert found.reverse_kl == pytest.approx(wanted)


def test_collapse_scores_log_of_the_modes():
    found = mode_scores(torch.tensor([0, 0, 7, 0]), 10)
    assert (found.modes, found.high_quality) == (1, 0.7)
    assert found.reverse_kl == pytest.approx(math.log(4))


def test_what_was_not_measured_is_absent():
    found = mode_scores(torch.zeros(8, dtype=torch.int64), 10)
    assert found.values() == {"modes": 0, "high_quality": 0}


def test_the_ceiling_of_quality():
    """1 - exp(-9/2) in the plane, 2 Phi(3) - 1 on a line."""
    assert high_quality_ceiling() == pytest.approx(1 - math.exp(-4.5))
    assert 100 * high_quality_ceiling() == pytest.approx(98.889, abs=1e-3)
    assert high_quality_ceiling(dimensions=1) == pytest.approx(math.erf(3 / math.sqrt(2)))


def test_the_perfect_generators_divergence_by_enumeration():
    """All 3^5 ways in which five samples can fall into three modes."""
    ways = list(itertools.product(range(3), repeat=5))
    scored = [mode_scores(torch.tensor(way).bincount(minlength=3), 5) for way in ways]
    expected = perfect_modes(3, 5)
    assert expected.reverse_kl == pytest.approx(sum(s.reverse_kl for s in scored) / len(ways))
    assert expected.modes == pytest.approx(sum(s.modes for s in scored) / len(ways))


@pytest.mark.parametrize("name", ["ring", "grid"])
def test_real_points_score_what_a_perfect_generator_is_expected_to(name, rng):
    world = point_world(name)
    found = [point_scores(world.draw(2500, rng), world) for _ in range(60)]
    expected = perfect_modes(len(world.centres), 2500, high_quality_ceiling())
    assert all(s.modes == len(world.centres) for s in found)
    quality = sum(s.high_quality for s in found) / 60
    assert quality == pytest.approx(expected.high_quality, abs=4 * 0.0021 / 60**0.5)
    divergence = sum(s.reverse_kl for s in found) / 60
    assert divergence == pytest.approx(expected.reverse_kl, rel=0.25)
    # A square of radii in units of its mean deviates by less than 1, so the root of 60 x 2,472 of them by
    # less than 1 / (2 sqrt(60 x 2472)) = 0.0013.
    assert sum(s.spread for s in found) / 60 == pytest.approx(1, abs=4 * 0.0013)


def test_the_spread_by_hand():
    """Squared distances from the means: twice 0.01 in one mode, 0.04 in another; one sample in a third."""
    world = PointWorld("three", torch.tensor([[0.0, 0], [10, 0], [20, 0]]), 0.1)
    points = torch.tensor([[0.15, 0.1], [-0.05, 0.1], [9.8, 0], [10.2, 0], [20, 0.1], [15, 0]])
    cut = 4.5
    expected = 0.02 * (1 - (1 + cut) * math.exp(-cut)) / (1 - math.exp(-cut))
    assert spread_within(points, world) == pytest.approx(math.sqrt(0.1 / 2 / expected))
    assert spread_within(torch.tensor([[0.0, 0]] * 9), world) == 0
    assert spread_within(points[4:], world) is None


def test_the_floor_of_stacked_mnist_is_the_published_one():
    """(M-1)/(2N) = 0.0192 for 1000 modes and 26,000 samples, to leading order."""
    expected = perfect_modes(1000, 26_000)
    assert expected.modes == pytest.approx(1000, abs=1e-6)
    assert expected.reverse_kl == pytest.approx(0.0195, abs=5e-4)


def test_what_cannot_be_is_refused():
    with pytest.raises(UsageError, match="Did you mean 'ring'"):
        point_world("rings")
    with pytest.raises(UsageError, match="7 samples in modes of 5"):
        mode_scores(torch.tensor([7]), 5)
    with pytest.raises(UsageError, match="0 modes"):
        perfect_modes(0, 5)
    with pytest.raises(UsageError, match="cannot draw 0 points"):
        point_world("ring").draw(0, torch.Generator())
