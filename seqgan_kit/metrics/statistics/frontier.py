r"""Quality against diversity: on which side of a baseline's curve does a generator lie?

Caccia et al. 2020, "Language GANs falling short": a generator swept over its temperature trades quality
for diversity, so one number of either says nothing. What counts is the curve of a well tuned baseline, and
whether a point lies beyond it. **Both axes: lower is better** (a language model's score of the samples, say,
and the score of real text under a model of the samples).

The baseline attains every point of the polyline through its Pareto front, and all that is worse than one.
The border of that region is the polyline, with a ray from its point of best quality on towards worse
diversity and one from its point of best diversity on towards worse quality:

        diversity
        |    |
        |    o            behind: distance > 0
        |     \
        |      o---.__
        | beyond      `o---------
        |  < 0
        +------------------------ quality

The distance is Euclidean, so both axes should be of one unit (nats a token).

Intervals come from the bootstrap: a point carries joint draws of its two numbers; those of different points
are independent of each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seqgan_kit.errors import DataError, UsageError

Floats = NDArray[np.float64]


def _no_draws() -> Floats:
    return np.empty((0, 2))


@dataclass(frozen=True, eq=False)
class FrontierPoint:
    """A generator at one temperature; lower is better in both scores."""

    label: str
    """Label of the point."""
    quality: float
    diversity: float
    draws: Floats = field(default_factory=_no_draws)
    """[B,2] bootstrap draws of (quality, diversity); empty: the point is taken for certain."""

    def interval(
        self, level: float = 0.95
    ) -> tuple[tuple[float, float], tuple[float, float]] | None:
        """Percentile intervals of quality and diversity; None without draws."""
        if not len(self.draws):
            return None
        low, high = np.quantile(self.draws, [(1 - level) / 2, (1 + level) / 2], axis=0)
        return (float(low[0]), float(high[0])), (float(low[1]), float(high[1]))


@dataclass(frozen=True)
class Verdict:
    """Position of a point relative to a baseline's curve."""

    distance: float
    """Signed distance to the border of what the baseline attains: above 0 the point is behind it."""
    interval: tuple[float, float] | None
    """Percentile interval of the distance; None without draws."""
    share_behind: float | None
    """Share of draws in which the point is behind: the baseline dominates it; None without draws."""
    at_equal_quality: float | None
    """Diversity less the baseline's at the same quality; None where the baseline has no such quality."""
    at_equal_diversity: float | None
    """Quality less the baseline's at the same diversity; None where the baseline has no such diversity."""


def bootstrapped_point(
    label: str,
    quality: ArrayLike,
    diversity: ArrayLike,
    rng: np.random.Generator,
    resamples: int = 1000,
) -> FrontierPoint:
    """A point whose two numbers are means over independent sets of scores.

    Args:
        label: what it is called.
        quality: [N] score of each generated sample.
        diversity: [M] score of each held-out real sample.
        rng: resamples.
        resamples: how many draws.
    """
    means = [np.asarray(values, np.float64) for values in (quality, diversity)]
    for name, values in zip(("quality", "diversity"), means, strict=True):
        if values.ndim != 1 or not len(values) or not np.isfinite(values).all():
            raise DataError(f"{name} of {label!r} must be a list of finite numbers, at least one.")
    draws = [
        [values[rng.integers(len(values), size=len(values))].mean() for _ in range(resamples)]
        for values in means
    ]
    return FrontierPoint(
        label, float(means[0].mean()), float(means[1].mean()), np.array(draws).reshape(2, -1).T
    )


def dominates(a: FrontierPoint, b: FrontierPoint) -> bool:
    """Whether a is as good in both and better in one."""
    as_good = a.quality <= b.quality and a.diversity <= b.diversity
    return as_good and (a.quality < b.quality or a.diversity < b.diversity)


def share_dominating(a: FrontierPoint, b: FrontierPoint) -> float:
    """Share of draws in which a dominates b; without draws 0 or 1."""
    ours, theirs = _paired_draws([a, b])
    as_good = (ours <= theirs).all(1)
    return float((as_good & (ours < theirs).any(1)).mean())


def pareto_front(points: Sequence[FrontierPoint]) -> list[FrontierPoint]:
    """The points that no other dominates, from the best quality to the best diversity."""
    best = [p for p in points if not any(dominates(other, p) for other in points)]
    return sorted(best, key=lambda point: (point.quality, point.diversity))


def judge(point: FrontierPoint, baseline: Sequence[FrontierPoint], level: float = 0.95) -> Verdict:
    """Return on which side of the baseline's curve a point lies, with its uncertainty.

    Args:
        point: the generator in question.
        baseline: the other one, at several temperatures.
        level: of the interval.
    """
    if not baseline:
        raise UsageError("the comparison needs a baseline of at least one point: give one.")
    here, curve = _places([point])[0], _front(_places(baseline))
    interval = share = None
    if any(len(p.draws) for p in (point, *baseline)):
        at, *others = _paired_draws([point, *baseline])
        drawn = np.stack(others, axis=1)
        distances = [_distance(a, _front(places)) for a, places in zip(at, drawn, strict=True)]
        low, high = np.quantile(distances, [(1 - level) / 2, (1 + level) / 2])
        interval, share = (float(low), float(high)), float((np.array(distances) > 0).mean())
    return Verdict(
        distance=_distance(here, curve),
        interval=interval,
        share_behind=share,
        at_equal_quality=_gap(here[1], here[0], curve),
        at_equal_diversity=_gap(here[0], here[1], curve[::-1, ::-1]),
    )


def area_between(curve: Sequence[FrontierPoint], baseline: Sequence[FrontierPoint]) -> float | None:
    """Mean diversity of a curve less that of the baseline, over the qualities that both have.

    Above 0 the curve is behind. Both are their Pareto fronts, straight between neighbours; None where they
    share no range of quality.
    """
    ours, theirs = _front(_places(curve)), _front(_places(baseline))
    low, high = max(ours[0, 0], theirs[0, 0]), min(ours[-1, 0], theirs[-1, 0])
    if not low < high:
        return None
    # The difference is straight between all corners of both, so the trapezoids are exact.
    corners = np.unique(np.concatenate([[low, high], ours[:, 0], theirs[:, 0]]).clip(low, high))
    gap = np.interp(corners, *ours.T) - np.interp(corners, *theirs.T)
    return float(np.diff(corners) @ (gap[1:] + gap[:-1]) / 2 / (high - low))


def hypervolume(points: Sequence[FrontierPoint], reference: tuple[float, float]) -> float:
    """Area of what is dominated by some point and better than the reference (quality, diversity) in both.

    Larger is better; points that are worse than the reference add nothing.
    """
    area, floor = 0.0, reference[1]
    for quality, diversity in _front(_places(points)):
        if quality < reference[0] and diversity < floor:
            area += (reference[0] - quality) * (floor - diversity)
            floor = diversity
    return float(area)


def _places(points: Sequence[FrontierPoint]) -> Floats:
    places = np.array([[p.quality, p.diversity] for p in points], np.float64).reshape(-1, 2)
    if not len(places) or not np.isfinite(places).all():
        raise DataError("a frontier needs at least one point, all of finite quality and diversity.")
    return places


def _front(places: Floats) -> Floats:
    """[P,2] the undominated places by quality; along them diversity falls."""
    ordered = places[np.lexsort((places[:, 1], places[:, 0]))]
    before = np.concatenate([[np.inf], np.minimum.accumulate(ordered[:, 1])[:-1]])
    return np.asarray(ordered[ordered[:, 1] < before])


def _gap(value: float, at: float, front: Floats) -> float | None:
    """``value`` less that of the front where its first column is ``at``; None out of its range."""
    if not front[0, 0] <= at <= front[-1, 0]:
        return None
    return float(value - np.interp(at, front[:, 0], front[:, 1]))


def _distance(place: Floats, front: Floats) -> float:
    """Signed distance to the front with its two rays."""
    (first_quality, first_diversity), (last_quality, last_diversity) = front[0], front[-1]
    quality, diversity = place
    if quality < first_quality:
        behind = False
    elif quality > last_quality:
        behind = diversity > last_diversity
    else:
        behind = diversity > np.interp(quality, *front.T)
    nearest = [
        np.hypot(quality - first_quality, min(0.0, diversity - first_diversity)),
        np.hypot(min(0.0, quality - last_quality), diversity - last_diversity),
    ]
    starts, ways = front[:-1], np.diff(front, axis=0)
    if len(ways):
        along = ((place - starts) * ways).sum(1) / (ways * ways).sum(1)
        feet = starts + along.clip(0.0, 1.0)[:, None] * ways
        nearest.append(np.hypot(*(place - feet).T).min())
    return float(min(nearest)) if behind else 0.0 - float(min(nearest))


def _paired_draws(points: Sequence[FrontierPoint]) -> list[Floats]:
    """The draws of each point, as many of each; a point without any repeats itself."""
    counts = {len(p.draws) for p in points if len(p.draws)}
    count = min(counts, default=1)
    return [
        p.draws[:count] if len(p.draws) else np.tile([p.quality, p.diversity], (count, 1))
        for p in points
    ]
