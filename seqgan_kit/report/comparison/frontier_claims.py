"""Test whether an arm lies beyond what tuned MLE reaches at its temperatures (Caccia et al. 2020).

The points of each seed are compared with MLE's curve of the same seed. The verdict over seeds is their mean
distance with Student's t. With fewer than three seeds the interval covers sampling alone: every number is
drawn from a normal distribution around it with its standard error.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from seqgan_kit.metrics.statistics.frontier import FrontierPoint, Verdict, judge, pareto_front
from seqgan_kit.metrics.statistics.paired_t import FEWEST_FOR_A_CLAIM, difference_over_seeds
from seqgan_kit.report.comparison.arm_runs import BASELINE

_DRAWS = 400


@dataclass(frozen=True)
class Axes:
    """The scores that stand for quality and for diversity; a higher-is-better score is negated."""

    quality: str
    diversity: str
    exact: bool = False
    """Whether both scores are divergences from a known distribution."""


AXES = (
    Axes("skewed_kl", "forward_kl", exact=True),
    Axes("nll_oracle", "nll_test_token", exact=True),
    Axes("lm_token", "reverse_lm_token"),
    Axes("bleu5", "self_bleu5"),
)
"""Pairs of axes in order of preference; the first pair that all tables have is used."""


def frontier(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[Mapping[str, Any]]
) -> dict[str, Any] | None:
    """Return the axes, the place of every row by seed, and a verdict for each arm; None without axes."""
    known = {column["key"]: column for column in columns}
    axes = next((a for a in AXES if a.quality in known and a.diversity in known), None)
    base = [row for row in rows if row["arm"] == BASELINE]
    if axes is None or not any(_places(row, axes, known) for row in base):
        return None
    arms = list(dict.fromkeys(row["arm"] for row in rows if row["arm"] != BASELINE))
    verdicts = [
        verdict
        for arm in arms
        if (verdict := _verdict([r for r in rows if r["arm"] == arm], base, axes, known))
    ]
    return {
        "quality": _axis(known[axes.quality]),
        "diversity": _axis(known[axes.diversity]),
        "exact": axes.exact,
        "points": [point for row in rows if (point := _point(row, axes, known))],
        "verdicts": verdicts,
    }


def _axis(column: Mapping[str, Any]) -> dict[str, str]:
    negative = column.get("better") == "higher"
    label = f"-{column['label']}" if negative else str(column["label"])
    return {"key": column["key"], "label": label, "signature": column.get("signature", "")}


def _places(
    row: Mapping[str, Any], axes: Axes, columns: Mapping[str, Mapping[str, Any]]
) -> dict[int, tuple[float, float]]:
    """Return (quality, diversity) by seed; lower is better in both."""
    quality, diversity = (row["scores"].get(key, {}).get("by_seed", {}) for key in _keys(axes))
    signs = [_sign(columns[key]) for key in _keys(axes)]
    return {s: (signs[0] * quality[s], signs[1] * diversity[s]) for s in quality if s in diversity}


def _point(
    row: Mapping[str, Any], axes: Axes, columns: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any] | None:
    """Return a row's mean place and the half-lengths of its whiskers: the standard deviation over seeds, or
    with one seed the standard error of sampling.
    """
    places = _places(row, axes, columns)
    if not places:
        return None
    quality, diversity = zip(*places.values(), strict=True)
    reach = []
    for values, key in zip((quality, diversity), _keys(axes), strict=True):
        error = row["scores"][key]["error"]
        reach.append(statistics.stdev(values) if len(values) > 1 else error)
    return {
        "arm": row["arm"],
        "role": row["role"],
        "at": row["at"],
        "quality": statistics.fmean(quality),
        "diversity": statistics.fmean(diversity),
        "quality_reach": reach[0],
        "diversity_reach": reach[1],
    }


def _verdict(
    own: Sequence[Mapping[str, Any]],
    base: Sequence[Mapping[str, Any]],
    axes: Axes,
    columns: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any] | None:
    """Return the verdict on an arm at temperature 1: by seed, then over all seeds."""
    row = next((r for r in own if not r["at"]), None)
    if row is None:
        return None
    seeds = [
        seed
        for seed in _places(row, axes, columns)
        if any(seed in _places(other, axes, columns) for other in base)
    ]
    if not seeds:
        return None
    draws = 0 if len(seeds) >= FEWEST_FOR_A_CLAIM else _DRAWS
    judged = {seed: _judged(row, base, seed, axes, columns, draws) for seed in seeds}
    together = difference_over_seeds([verdict.distance for verdict in judged.values()])
    assert together is not None
    low, high = together.low, together.high
    if together.pairs < FEWEST_FOR_A_CLAIM:
        low, high = _sampling_interval(judged.values())
    return {
        "arm": row["arm"],
        "role": row["role"],
        "distance": together.mean,
        "by_seed": {seed: verdict.distance for seed, verdict in judged.items()},
        "low": low,
        "high": high,
        "p": together.p,
        "interval_over": "seeds" if together.pairs >= FEWEST_FOR_A_CLAIM else "sampling",
        "gap": _mean([_gap(row, base, seed, axes, columns) for seed in seeds]),
        "side": _side(low, high),
    }


def _judged(
    row: Mapping[str, Any],
    base: Sequence[Mapping[str, Any]],
    seed: int,
    axes: Axes,
    columns: Mapping[str, Mapping[str, Any]],
    draws: int,
) -> Verdict:
    rng = np.random.default_rng(seed)
    curve = [
        _drawn(other, seed, axes, columns, draws, rng)
        for other in base
        if seed in _places(other, axes, columns)
    ]
    verdict = judge(own := _drawn(row, seed, axes, columns, draws, rng), curve)
    # A place without draws would count as exact, and the interval would be too short.
    drawn = all(len(point.draws) for point in (own, *curve))
    return verdict if drawn else replace(verdict, interval=None)


def _drawn(
    row: Mapping[str, Any],
    seed: int,
    axes: Axes,
    columns: Mapping[str, Mapping[str, Any]],
    count: int,
    rng: np.random.Generator,
) -> FrontierPoint:
    """Return a row's place for one seed, with random draws from its two standard errors if both are known."""
    place = _places(row, axes, columns)[seed]
    errors = [row["scores"][key]["errors_by_seed"].get(seed) for key in _keys(axes)]
    draws = np.empty((0, 2)) if None in errors else rng.normal(place, errors, (count, 2))
    return FrontierPoint(str(row["name"]), *place, draws)


def _gap(
    row: Mapping[str, Any],
    base: Sequence[Mapping[str, Any]],
    seed: int,
    axes: Axes,
    columns: Mapping[str, Mapping[str, Any]],
) -> float | None:
    """Return quality minus the best quality on MLE's curve that is at least as diverse; None if no point
    is.
    """
    quality, diversity = _places(row, axes, columns)[seed]
    places = [_places(other, axes, columns) for other in base]
    front = pareto_front([FrontierPoint("", *at[seed]) for at in places if seed in at])
    if diversity < front[-1].diversity:
        return None
    qualities, diversities = [p.quality for p in front], [p.diversity for p in front]
    return quality - float(np.interp(diversity, diversities[::-1], qualities[::-1]))


def _sampling_interval(verdicts: Iterable[Verdict]) -> tuple[float | None, float | None]:
    """Return the interval of the mean distance over these seeds from sampling alone; None if errors are
    unknown.
    """
    judged = list(verdicts)
    known = [verdict.interval for verdict in judged if verdict.interval is not None]
    if not known or len(known) < len(judged):
        return None, None
    middle = statistics.fmean((low + high) / 2 for low, high in known)
    reach = math.hypot(*((high - low) / 2 for low, high in known)) / len(known)
    return middle - reach, middle + reach


def _side(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return "unknown"
    if high < 0:
        return "beyond"
    return "inside" if low > 0 else "on"


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if len(known) == len(values) else None


def _keys(axes: Axes) -> tuple[str, str]:
    return axes.quality, axes.diversity


def _sign(column: Mapping[str, Any]) -> float:
    return -1.0 if column.get("better") == "higher" else 1.0
