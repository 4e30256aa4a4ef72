"""Learning curves of a comparison: the evaluations of every arm over its generator updates."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from seqgan_kit.report.charts.curves import Figure, label
from seqgan_kit.report.charts.plane import Line
from seqgan_kit.report.charts.svg import chart
from seqgan_kit.report.comparison.arm_runs import START, ArmRuns, ComparedRun

Course = dict[float, list[float]]
"""Values of a number over the seeds, by number of updates."""


def learning_curves(
    arms: Sequence[ArmRuns], colours: Mapping[str, int], names: Mapping[str, str]
) -> list[Figure]:
    """Return a chart for each evaluated number: means over seeds, with standard deviations as whiskers.

    All curves begin where the start ended. Without a start, MLE's curve from scratch would dwarf the
    others, so its end is drawn as a line.
    """
    starts = next((arm.by_seed() for arm in arms if arm.role == "start"), {})
    moving = [arm for arm in arms if arm.name in names and arm.role != "start"]
    ends = [] if starts else [arm for arm in moving if arm.role == "baseline"]
    moving = [arm for arm in moving if arm not in ends]
    measured = [name for arm in moving for run in arm.runs for name in _measured(run)]
    figures = []
    for name in dict.fromkeys(measured):
        courses = {arm.name: _course(arm, name, starts) for arm in moving}
        levels = [(names[arm.name], at) for arm in ends if (at := _end(arm, name)) is not None]
        if any(courses.values()):
            figures.append(_figure(name, courses, levels, colours, names))
    return figures


def _measured(run: ComparedRun) -> list[str]:
    return [name for row in run.evaluations for name in row["values"] if "error" not in name]


def _course(arm: ArmRuns, name: str, starts: Mapping[int, ComparedRun]) -> Course:
    course: Course = {}
    for seed, run in arm.by_seed().items():
        begin = _ended_at(starts[seed], name) if seed in starts else None
        points = [(0.0, begin)] if begin is not None else []
        if run.arm != START:
            points += [
                (float(updates), row["values"][name])
                for row in run.evaluations
                if row["values"].get(name) is not None
                and (updates := run.updates_at(row)) is not None
            ]
        for at, value in points:
            course.setdefault(at, []).append(float(value))
    return course


def _ended_at(start: ComparedRun, name: str) -> float | None:
    """Return the number at the start's best evaluation by held-out likelihood."""
    rows = [row for row in start.evaluations if row["values"].get(name) is not None]
    judged = [row for row in rows if row["values"].get("nll_valid") is not None]
    best = min(judged, key=lambda row: row["values"]["nll_valid"], default=None)
    found = best or (rows[-1] if rows else None)
    return float(found["values"][name]) if found is not None else None


def _figure(
    name: str,
    courses: Mapping[str, Course],
    references: Sequence[tuple[str, float]],
    colours: Mapping[str, int],
    names: Mapping[str, str],
) -> Figure:
    lines = [
        Line(
            names[arm],
            [(at, statistics.fmean(values)) for at, values in sorted(course.items())],
            colours[arm],
            marked=True,
            errors=[_deviation(values) for _, values in sorted(course.items())],
        )
        for arm, course in courses.items()
        if course
    ]
    title = label(name)
    drawn = chart(lines, title=title, references=references, x_label="updates of the generator")
    return Figure(title, drawn)


def _end(arm: ArmRuns, name: str) -> float | None:
    """Return the mean over seeds of the number at the end of an arm's runs."""
    ends = [at for run in arm.runs if (at := _ended_at(run, name)) is not None]
    return statistics.fmean(ends) if ends else None


def _deviation(values: Sequence[Any]) -> float | None:
    return statistics.stdev(values) if len(values) > 1 else None
