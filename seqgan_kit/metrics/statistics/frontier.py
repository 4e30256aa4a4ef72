r"""Compare a generator with the quality-diversity curve of a baseline.

A generator's temperature trades quality for diversity, so neither number is meaningful alone (Caccia et al.
2020, "Language GANs falling short"). The question is whether a generator lies beyond the curve of a well
tuned baseline. **Lower is better on both axes**, for example the LM score of the samples and the reverse LM
score of real text.

The baseline attains every point of the polyline through its Pareto front, and every point that is worse. The
border of that region is the polyline with two rays: from the point of best quality towards worse diversity,
and from the point of best diversity towards worse quality:

        diversity
        |    |
        |    o            behind: distance > 0
        |     \
        |      o---.__
        | beyond      `o---------
        |  < 0
        +------------------------ quality

The distance is Euclidean, so both axes should have the same unit (nats per token).

Intervals come from the bootstrap. A point holds joint draws of its two scores; draws of different points are
independent.
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
    """[B,2] bootstrap draws of (quality, diversity); if empty, the point has no uncertainty."""

    def interval(
        self, level: float = 0.95
    ) -> tuple[tuple[float, float], tuple[float, float]] | None:
        """Return percentile intervals of quality and diversity; None without draws."""
        if not len(self.draws):
            return None
        low, high = np.quantile(self.draws, [(1 - level) / 2, (1 + level) / 2], axis=0)
        return (float(low[0]), float(high[0])), (float(low[1]), float(high[1]))


@dataclass(frozen=True)
class Verdict:
    """Position of a point relative to a baseline's curve."""

    distance: float
    """Signed distance to the border of what the baseline attains; positive if the point is behind."""
    interval: tuple[float, float] | None
    """Percentile interval of the distance; None without draws."""
    share_behind: float | None
    """Share of draws in which the point is behind the baseline; None without draws."""
    at_equal_quality: float | None
    """Diversity minus the baseline's at the same quality; None outside the baseline's range of quality."""
    at_equal_diversity: float | None
    """Quality minus the baseline's at the same diversity; None outside its range of diversity."""


def bootstrapped_point(
    label: str,
    quality: ArrayLike,
    diversity: ArrayLike,
    rng: np.random.Generator,
    resamples: int = 1000,
) -> FrontierPoint:
    """Return a point whose two scores are means over independent samples, with bootstrap draws.

    Args:
        label: label of the point.
        quality: [N] score of each generated sample.
        diversity: [M] score of each held-out real sample.
        rng: random generator of the resamples.
        resamples: number of draws.
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
    """Return whether a is at least as good in both scores and better in one."""
    as_good = a.quality <= b.quality and a.diversity <= b.diversity
    return as_good and (a.quality < b.quality or a.diversity < b.diversity)


def share_dominating(a: FrontierPoint, b: FrontierPoint) -> float:
    """Return the share of draws in which a dominates b; 0 or 1 without draws."""
    ours, theirs = _paired_draws([a, b])
    as_good = (ours <= theirs).all(1)
    return float((as_good & (ours < theirs).any(1)).mean())


def pareto_front(points: Sequence[FrontierPoint]) -> list[FrontierPoint]:
    """Return the undominated points, from the best quality to the best diversity."""
    best = [p for p in points if not any(dominates(other, p) for other in points)]
    return sorted(best, key=lambda point: (point.quality, point.diversity))


def judge(point: FrontierPoint, baseline: Sequence[FrontierPoint], level: float = 0.95) -> Verdict:
    """Return on which side of the baseline's curve a point lies, with its uncertainty.

    Args:
        point: the generator in question.
        baseline: the baseline at several temperatures.
        level: confidence level of the interval.
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
    """Return the mean difference in diversity, curve minus baseline, over the shared range of quality.

    A positive value means that the curve is behind. Both curves are Pareto fronts with linear interpolation.
    The result is None if they share no range of quality.
    """
    ours, theirs = _front(_places(curve)), _front(_places(baseline))
    low, high = max(ours[0, 0], theirs[0, 0]), min(ours[-1, 0], theirs[-1, 0])
    if not low < high:
        return None
    # The difference is linear between the corners of both curves, so the trapezoidal rule is exact.
    corners = np.unique(np.concatenate([[low, high], ours[:, 0], theirs[:, 0]]).clip(low, high))
    gap = np.interp(corners, *ours.T) - np.interp(corners, *theirs.T)
    return float(np.diff(corners) @ (gap[1:] + gap[:-1]) / 2 / (high - low))


def hypervolume(points: Sequence[FrontierPoint], reference: tuple[float, float]) -> float:
    """Return the area that the points dominate, up to the reference (quality, diversity).

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
    """Return the undominated points [P,2] in ascending quality, so diversity falls."""
    ordered = places[np.lexsort((places[:, 1], places[:, 0]))]
    before = np.concatenate([[np.inf], np.minimum.accumulate(ordered[:, 1])[:-1]])
    return np.asarray(ordered[ordered[:, 1] < before])


def _gap(value: float, at: float, front: Floats) -> float | None:
    """Return ``value`` minus the front's second column where its first is ``at``; None outside its range."""
    if not front[0, 0] <= at <= front[-1, 0]:
        return None
    return float(value - np.interp(at, front[:, 0], front[:, 1]))


def _distance(place: Floats, front: Floats) -> float:
    """Return the signed distance to the front with its two rays."""
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
    """Return equally many draws of each point; a point without draws is repeated."""
    counts = {len(p.draws) for p in points if len(p.draws)}
    count = min(counts, default=1)
    return [
        p.draws[:count] if len(p.draws) else np.tile([p.quality, p.diversity], (count, 1))
        for p in points
    ]
