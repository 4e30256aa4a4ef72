"""MAUVE and its k-means: the authors' package, limits, another integration, clusters found."""

from dataclasses import replace

import numpy as np
import pytest

from seqgan_kit.errors import DataError, UsageError
from seqgan_kit.metrics.features.kmeans import cluster_means, kmeans
from seqgan_kit.metrics.features.mauve import (
    MauveSettings,
    area_under,
    default_clusters,
    divergence_frontier,
    mauve,
    mauve_signature,
)

FEW = MauveSettings(clusters=8, unit_length=False, resamples=20, restarts=2)


def area(q, p, c=5.0):
    """On a frontier of many points, whose trapezoids are near the integral."""
    return area_under(divergence_frontier(q, p, c, mixtures=40_001))


def stretched():
    """600 and 700 feature rows of 64 numbers; the lengths of the first are all over the place."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(1300, 64)) * np.linspace(3, 0.1, 64) @ rng.normal(size=(64, 64)) / 8 + 1
    rows[600:] += 0.1
    return rows[:600] * rng.uniform(0.2, 5, (600, 1)), rows[600:]


def test_the_authors_package_gives_the_same_on_the_same_features():
    """mauve-text 0.4.0, faiss-cpu 1.15.1, on ``x, y = stretched()``, seeds 0 to 19: 0.9667 +- 0.0081 by

        compute_mauve(p_features=y.astype("f4"), q_features=x.astype("f4"), seed=seed).mauve

    (ours, seeds 0 to 19: 0.9674 +- 0.0104). Without lengths of 1 it is 0.11 to 0.15.
    """
    x, y = stretched()
    scores = [
        mauve(x, y, np.random.default_rng(seed), MauveSettings(resamples=2)) for seed in range(3)
    ]
    assert {score.clusters for score in scores} == {60}
    error = np.hypot(0.0081 / 20**0.5, 0.0104 / 3**0.5)
    assert abs(np.mean([s.area.value for s in scores]) - 0.9667) < 4 * error


def test_the_area_is_that_of_the_authors_package():
    """From the same histograms its area, smoothed or not, differed by 7e-15 at most (20 pairs of 60 bins).

    It is the mean of two sums of trapezoids, along x and along y, over 25 mixtures and both ends.
    """
    rng = np.random.default_rng(9)
    q, p = rng.dirichlet(np.ones(20) / 2, 2)
    q[3] = p[5] = 0
    q, p = q / q.sum(), p / p.sum()

    def kl(a, r):
        return sum(s * np.log(s / t) for s, t in zip(a, r, strict=True) if s > 0)

    weights = np.linspace(1e-6, 1 - 1e-6, 25)
    mixed = [w * p + (1 - w) * q for w in weights]
    x = np.array([0, *(np.exp(-5 * kl(p, r)) for r in mixed), 1])
    y = np.array([1, *(np.exp(-5 * kl(q, r)) for r in mixed), 0])
    areas = np.diff(x) @ (y[1:] + y[:-1]) / 2, -np.diff(y) @ (x[1:] + x[:-1]) / 2
    assert area_under(divergence_frontier(q, p)) == pytest.approx(np.mean(areas), abs=1e-12)


def test_as_many_clusters_as_the_package_takes():
    assert [default_clusters(rows) for rows in (2, 14, 16, 5000)] == [2, 2, 2, 500]
    assert default_clusters(26) == 3


def test_the_signature_says_all_that_the_number_depends_on():
    assert (
        mauve_signature(MauveSettings(), 500)
        == "mauve|c:5|mixtures:25|norm:l2|pca:0.9|clusters:500|kmeans:5x500|smooth:none"
    )
    other = MauveSettings(
        unit_length=False, explained_variance=None, restarts=2, most_iterations=9, pseudo_count=0.5
    )
    assert mauve_signature(other, 8).endswith(
        "|norm:none|pca:none|clusters:8|kmeans:2x9|smooth:0.5"
    )


def two_bin_area(q, p, c):
    """The frontier as a function: at each height y solve exp(-c KL(P || R)) = y for R between P and Q by
    bisection, and sum exp(-c KL(Q || R)) over heights."""

    def kl(a, r):
        return (
            sum(s * np.log(s / t) for s, t in ((a, r), (1 - a, 1 - r)) if s > 0)
            if 0 < r < 1
            else np.inf * (a != r)
        )

    heights = (np.arange(4000) + 0.5) / 4000
    total = 0.0
    for height in heights:
        near, far = p, q  # KL(P || R) grows from 0 at R = P on
        if np.exp(-c * kl(p, far)) >= height:
            total += 1.0  # below the curve's lower end the area is a whole row
            continue
        for _ in range(50):
            middle = (near + far) / 2
            if np.exp(-c * kl(p, middle)) >= height:
                near = middle
            else:
                far = middle
        total += np.exp(-c * kl(q, near))
    return total / len(heights)


def test_equal_histograms_and_disjoint_ones():
    p = np.array([0.2, 0.3, 0.5])
    assert area(p, p) == pytest.approx(1)
    assert (
        area([1, 0, 0, 0], [0, 0.5, 0.5, 0]) < 0.01
    )  # both exponents add up: about 1 / binomial(10, 5)


def test_disjoint_histograms_have_their_closed_form():
    """KL(Q || R) = -log(1-l), KL(P || R) = -log l: the curve ((1-l)^c, l^c), of area c Beta(c, c+1)."""
    beta = 24 * 120 / 3628800  # Beta(5, 6) = 4! 5! / 10!
    assert area([1, 0], [0, 1]) == pytest.approx(5 * beta, rel=0.01)


@pytest.mark.parametrize(
    ("q", "p", "c"), [(0.5, 0.7, 5), (0.1, 0.6, 5), (0.5, 0.95, 2), (0.0, 0.3, 5)]
)
def test_two_bins_against_another_integration(q, p, c):
    assert area([q, 1 - q], [p, 1 - p], c) == pytest.approx(two_bin_area(q, p, c), abs=1e-3)


def test_symmetric_falling_in_c_and_blind_to_the_order_and_number_of_empty_bins():
    rng = np.random.default_rng(0)
    q, p = rng.dirichlet(np.ones(6), 2)
    value = area(q, p)
    assert area(p, q) == pytest.approx(value)
    assert 1 > area(q, p, 1) > area(q, p, 2) > value > area(q, p, 10) > 0
    order = rng.permutation(6)
    assert area(np.append(q[order], 0), np.append(p[order], 0)) == pytest.approx(value)


def test_the_frontier_falls_from_one_axis_to_the_other():
    frontier = divergence_frontier(np.array([0.9, 0.1]), np.array([0.2, 0.8]))
    assert len(frontier) == 25
    assert (np.diff(frontier[:, 0]) <= 1e-12).all()
    assert (np.diff(frontier[:, 1]) >= -1e-12).all()
    assert frontier[0, 0] == pytest.approx(1, abs=1e-5)
    assert frontier[-1, 1] == pytest.approx(1, abs=1e-5)


def test_of_features_it_falls_with_the_distance_and_with_collapse():
    rng = np.random.default_rng(1)
    real = rng.normal(size=(400, 5))
    scores = {
        name: mauve(x, real, np.random.default_rng(0), FEW).area.value
        for name, x in {
            "itself": real,
            "same law": rng.normal(size=(400, 5)),
            "shifted": rng.normal(0.8, 1, size=(400, 5)),
            "collapsed": rng.normal(0, 0.05, size=(400, 5)),
        }.items()
    }
    assert scores["itself"] == pytest.approx(1)
    assert 1 > scores["same law"] > 0.9 > scores["shifted"] > scores["collapsed"]


def test_turned_and_moved_features_have_the_same_score():
    rng = np.random.default_rng(2)
    x, y = rng.normal(0.7, 1, (200, 4)), rng.normal(size=(200, 4))
    turn, _ = np.linalg.qr(rng.normal(size=(4, 4)))
    plain = mauve(x, y, np.random.default_rng(0), FEW)
    turned = mauve(x @ turn + 9, y @ turn + 9, np.random.default_rng(0), FEW)
    assert turned.area.value == pytest.approx(plain.area.value)
    assert (plain.clusters, plain.dimensions) == (8, 4)


def test_the_principal_components_that_explain_enough_are_kept():
    rng = np.random.default_rng(3)
    x, y = (rng.normal(size=(300, 3)) * [3, 1, 0.1] for _ in range(2))
    shares = (0.5, 0.95, 1.0, None)
    kept = [
        mauve(x, y, rng, MauveSettings(4, False, share, resamples=2, restarts=1)).dimensions
        for share in shares
    ]
    assert kept == [1, 2, 3, 3]


def test_rows_of_other_lengths_have_the_same_score():
    rng = np.random.default_rng(4)
    y = rng.normal(size=(200, 3))
    x = y * rng.uniform(0.1, 10, (200, 1))
    settings = MauveSettings(8, resamples=2)
    assert mauve(x, y, np.random.default_rng(0), settings).area.value == pytest.approx(1)
    apart = replace(settings, unit_length=False)
    assert mauve(x, y, np.random.default_rng(0), apart).area.value < 0.9


def test_smoothing_draws_histograms_together():
    rng = np.random.default_rng(5)
    x, y = rng.normal(2, 1, (100, 2)), rng.normal(size=(100, 2))
    values = [
        mauve(
            x, y, np.random.default_rng(0), MauveSettings(10, False, pseudo_count=count)
        ).area.value
        for count in (0.0, 0.5, 1000.0)
    ]
    assert values == sorted(values)
    assert values[-1] == pytest.approx(1, abs=0.01)


def test_the_error_is_about_the_spread_over_repetitions():
    rng = np.random.default_rng(6)
    found = [
        mauve(rng.normal(1, 1, (150, 2)), rng.normal(size=(150, 2)), rng, FEW) for _ in range(40)
    ]
    spread = np.std([f.area.value for f in found], ddof=1)
    assert np.mean([f.area.standard_error for f in found]) == pytest.approx(spread, rel=0.5)


def test_kmeans_finds_separated_clusters_and_a_stationary_point():
    rng = np.random.default_rng(7)
    middles = np.array([[0, 0], [9, 0], [0, 9], [9, 9], [50, 50.0]])
    rows = (middles[:, None] + rng.normal(0, 0.3, (5, 30, 2))).reshape(-1, 2)
    found = kmeans(rows, 5, rng)
    assert sorted(np.bincount(found.labels)) == [30] * 5
    for cluster in range(5):
        np.testing.assert_allclose(found.centres[cluster], rows[found.labels == cluster].mean(0))
    distances = ((rows[:, None] - found.centres) ** 2).sum(-1)
    assert (distances.argmin(1) == found.labels).all()
    assert found.inertia == pytest.approx(distances.min(1).sum())


def test_kmeans_with_as_many_clusters_as_rows_with_duplicates_and_by_seed():
    rows = np.arange(6.0)[:, None]
    assert kmeans(rows, 6, np.random.default_rng(0)).inertia == 0
    assert kmeans(np.ones((5, 2)), 3, np.random.default_rng(0)).inertia == 0
    blob = np.random.default_rng(0).normal(size=(50, 2))
    twice = [kmeans(blob, 7, np.random.default_rng(1), restarts=1) for _ in range(2)]
    assert (twice[0].labels == twice[1].labels).all()
    assert kmeans(blob, 7, np.random.default_rng(1), restarts=8).inertia <= twice[0].inertia


def test_random_starts_are_different_rows():
    """As many clusters as rows: every row is a start, so nothing is left to move."""
    rows = np.arange(6.0)[:, None]
    assert kmeans(rows, 6, np.random.default_rng(0), restarts=1, starts="random").inertia == 0


def test_an_empty_cluster_takes_the_row_that_is_worst_served():
    rows, distances = np.array([[0.0], [2.0], [50.0]]), np.array([0.0, 4.0, 2500.0])
    means = cluster_means(rows, np.array([0, 0, 0]), distances, np.array([[0.0], [-9.0]]))
    np.testing.assert_allclose(means, [[52 / 3], [50]])


def test_mistakes():
    x, rng = np.zeros((4, 2)), np.random.default_rng(0)
    with pytest.raises(UsageError, match="9 clusters of 8 rows: must be from 1 to 8"):
        mauve(x, x, rng, MauveSettings(clusters=9))
    with pytest.raises(UsageError, match="must be 1 or more, got 0 and 100"):
        kmeans(x, 2, rng, restarts=0)
    with pytest.raises(UsageError, match=r"above 0 and at most 1, got 1\.5"):
        MauveSettings(explained_variance=1.5)
    with pytest.raises(UsageError, match="pseudo_count must be 0 or more, got -1"):
        MauveSettings(pseudo_count=-1)
    with pytest.raises(DataError, match="generated histogram must be shares"):
        divergence_frontier(np.array([0.5, 0.6]), np.array([0.5, 0.5]))
    with pytest.raises(UsageError, match="got 1 and 2 bins"):
        divergence_frontier(np.array([1.0]), np.array([0.5, 0.5]))
