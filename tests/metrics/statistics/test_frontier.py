"""The quality-diversity frontier, against cases drawn by hand. Lower is better on both axes."""

import math

import numpy as np
import pytest

from seqgan_kit.errors import DataError, UsageError
from seqgan_kit.metrics.statistics.frontier import (
    FrontierPoint,
    area_between,
    bootstrapped_point,
    dominates,
    hypervolume,
    judge,
    pareto_front,
    share_dominating,
)


def point(quality, diversity, draws=None):
    label = f"{quality},{diversity}"
    return FrontierPoint(label, quality, diversity, *(() if draws is None else (np.array(draws),)))


CURVE = [point(1, 5), point(4, 1)]  # a line of slope -4/3, 5 long


def test_dominance_wants_better_in_one_and_worse_in_none():
    assert dominates(point(1, 1), point(1, 2))
    assert dominates(point(1, 1), point(2, 2))
    assert not dominates(point(1, 1), point(1, 1))
    assert not dominates(point(1, 3), point(2, 2))


def test_the_pareto_front_runs_from_the_best_quality_to_the_best_diversity():
    points = [point(3, 3), point(4, 1), point(2, 4), point(3, 4), point(1, 5), point(5, 1)]
    assert [p.label for p in pareto_front(points)] == ["1,5", "2,4", "3,3", "4,1"]


@pytest.mark.parametrize(
    ("place", "distance"),
    [
        ((4, 5), 12 / 5),  # the right angle of a 3-4-5 triangle, behind
        ((1, 1), -12 / 5),  # the other one, beyond
        ((2.5, 3), 0.0),  # on the line
        ((0, 5), -1.0),  # better quality than the curve has: beside the ray upwards
        ((0, 9), -1.0),
        ((0.5, 7), -0.5),
        ((1.5, 50), 0.5),
        ((6, 0), -1.0),  # better diversity than the curve has: below the ray to the right
        ((60, 1.5), 0.5),
        ((1, 5), 0.0),
    ],
)
def test_signed_distances_by_hand(place, distance):
    assert judge(point(*place), CURVE).distance == pytest.approx(distance, abs=1e-12)


def test_gaps_at_equal_quality_and_diversity():
    verdict = judge(point(2.5, 5), CURVE)  # there the line is at diversity 3, and at quality 1
    assert verdict.at_equal_quality == pytest.approx(2)
    assert verdict.at_equal_diversity == pytest.approx(1.5)
    outside = judge(point(0, 9), CURVE)
    assert (outside.at_equal_quality, outside.at_equal_diversity) == (None, None)
    assert (outside.interval, outside.share_behind) == (None, None)


def test_the_baselines_dominated_points_do_not_bend_its_curve():
    assert judge(point(1, 1), [*CURVE, point(2, 6), point(4, 4)]).distance == pytest.approx(-2.4)
    single = judge(point(2, 3), [point(1, 1)])
    assert single.distance == pytest.approx(1.0)  # to the ray at quality 1


def test_draws_give_the_interval_and_the_share_behind():
    """The point moves along the normal of the line, a fifth of the draws beyond it."""
    steps = np.linspace(-1, 4, 501)[:-1] + 0.005
    normal = np.array([4, 3]) / 5
    draws = np.array([2.5, 3]) + steps[:, None] * normal
    verdict = judge(point(2.5, 3, draws), CURVE)
    assert verdict.share_behind == pytest.approx(0.8)
    assert verdict.interval == pytest.approx(np.quantile(steps, [0.025, 0.975]))


def test_draws_of_the_baseline_count_too():
    draws = [[1, 5], [3, 7]]  # its quality end, then out of the way
    curve = [point(1, 5, draws), point(4, 1, [[4, 1], [6, 3]])]
    verdict = judge(point(3.5, 4), curve)
    assert verdict.share_behind == 0.5
    assert judge(point(3.5, 4), CURVE).distance > 0


def test_share_dominating_pairs_draws():
    a = point(1, 1, [[1, 1], [3, 3], [1, 3], [1, 1]])
    b = point(2, 2)
    assert share_dominating(a, b) == 0.5
    assert share_dominating(b, a) == 0.25
    assert share_dominating(point(1, 1), b) == 1.0


def test_area_between_two_parallel_curves_and_two_that_cross():
    lower = [point(q, d - 1) for q, d in ((1, 5), (4, 1))]
    assert area_between(CURVE, lower) == pytest.approx(1)
    assert area_between(lower, CURVE) == pytest.approx(-1)
    # From (1, 5) to (4, 1) against (1, 4) to (4, 2): the gap falls from 1 to -1.
    assert area_between(CURVE, [point(1, 4), point(4, 2)]) == pytest.approx(0)
    # Over the common range 2..4 of a curve that starts at (2, 3): the line's gap goes 2/3 .. 0.
    assert area_between(CURVE, [point(2, 3), point(6, 0)]) == pytest.approx(
        ((5 - 4 / 3 - 3) + (1 - 1.5)) / 2
    )
    assert area_between(CURVE, [point(5, 1), point(6, 0)]) is None


def test_hypervolume_of_a_staircase():
    """Against (6, 6): (1,5) covers 5x1, (4,1) covers 2x5, of which 2x1 twice; the others add nothing."""
    points = [*CURVE, point(5, 5), point(0.5, 7)]
    assert hypervolume(points, (6, 6)) == pytest.approx(5 + 10 - 2)
    assert hypervolume(points, (0.1, 0.1)) == 0


def test_bootstrapped_points_are_means_with_their_spread():
    rng = np.random.default_rng(0)
    quality, diversity = rng.normal(3, 1, 400), rng.normal(5, 2, 100)
    made = bootstrapped_point("MLE", quality, diversity, rng, resamples=2000)
    assert (made.quality, made.diversity) == pytest.approx((quality.mean(), diversity.mean()))
    assert made.draws.shape == (2000, 2)
    np.testing.assert_allclose(made.draws.std(0), [1 / 20, 2 / 10], rtol=0.15)
    assert abs(np.corrcoef(made.draws.T)[0, 1]) < 0.1
    (low, high), _ = made.interval()
    assert low < 3 < high
    assert high - low == pytest.approx(2 * 1.96 / math.sqrt(400), rel=0.2)
    assert point(1, 2).interval() is None


def test_mistakes():
    with pytest.raises(UsageError, match="baseline of at least one point"):
        judge(point(1, 1), [])
    with pytest.raises(DataError, match="finite quality and diversity"):
        judge(point(math.nan, 1), CURVE)
    with pytest.raises(DataError, match="quality of 'x' must be a list of finite numbers"):
        bootstrapped_point("x", [], [1.0], np.random.default_rng(0))
