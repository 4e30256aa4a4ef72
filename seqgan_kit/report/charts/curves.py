"""Charts of a run from metrics.jsonl: which numbers share a chart, its phases and reference lines."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from seqgan_kit.report.charts.plane import Line, Span
from seqgan_kit.report.charts.scales import Point, running_mean
from seqgan_kit.report.charts.svg import chart
from seqgan_kit.report.tables import is_reference

_CAPITALS = {"kl": "KL", "nll": "NLL", "bleu": "BLEU", "fid": "FID", "lm": "LM", "js": "JS"}
_ERROR = re.compile(r"_(standard_)?error$")
_APART = 8.0
"""Ratio of typical sizes above which each phase of a number gets its own chart."""
_SPREAD = 200.0
"""Ratio of largest to smallest value above which an axis is logarithmic."""
_SMOOTH_FROM = 60
"""Number of rounds from which a running mean is drawn over the raw values."""


@dataclass(frozen=True)
class Figure:
    """A titled chart."""

    title: str
    svg: str


@dataclass(frozen=True)
class Section:
    """A group of charts; a ``minor`` one starts folded."""

    title: str
    figures: list[Figure]
    minor: bool = False


def label(name: str) -> str:
    """Return the display name of a metric, such as Self-BLEU-4 for ``self_bleu_4``."""
    name = re.sub(r"bleu(?=\d)", "bleu_", name)
    words = " ".join(_CAPITALS.get(word, word) for word in re.split(r"[_/. ]+", name))
    return re.sub(r" (?=\d+$)", "-", words.replace("self BLEU", "Self-BLEU"))


def spans(rows: Iterable[Mapping[str, Any]]) -> list[Span]:
    """Return the phases along the axis of total rounds."""
    found: list[Span] = []
    for name, part in groupby(rows, key=lambda row: row["phase"]):
        start = found[-1].end if found else 0.0
        found.append(Span(name, start, max(start, max(float(row["total_round"]) for row in part))))
    return found


def sections(rows: Sequence[Mapping[str, Any]], scores: Mapping[str, Any] | None) -> list[Section]:
    """Return all charts of a run: evaluations, training losses, and other numbers in a folded section."""
    train = [row for row in rows if row["kind"] == "train"]
    evaluations = [row for row in rows if row["kind"] == "evaluation"]
    phases, names = spans(rows), _names(train)
    losses = [name for name in names if re.search("loss|nll|reward", name)]
    accuracies = [name for name in names if "accuracy" in name]
    rest = [name for name in names if name not in losses and name not in accuracies]
    made = [
        Section("Curves of the scores", score_figures(scores or {})),
        Section("Evaluation", _evaluation_figures(evaluations, phases, scores or {})),
        Section(
            "Training",
            [f for name in losses for f in _train_figures(train, name, phases)]
            + _accuracy_figures(train, accuracies, phases),
        ),
        Section(
            "Other training numbers",
            [f for name in rest for f in _train_figures(train, name, phases)],
            minor=True,
        ),
    ]
    return [section for section in made if section.figures]


def _names(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row["values"]))


def _points(rows: Iterable[Mapping[str, Any]], name: str) -> list[Point]:
    """Return the values of a number by round. A null (not finite) is a gap; a round without it is not."""
    return [(row["total_round"], row["values"][name]) for row in rows if name in row["values"]]


def _evaluation_figures(
    rows: Sequence[Mapping[str, Any]], phases: Sequence[Span], scores: Mapping[str, Any]
) -> list[Figure]:
    names = _names(rows)
    errors = {name for name in names if _ERROR.search(name) and _ERROR.sub("", name) in names}
    families: dict[str, list[str]] = {}
    for name in names:
        if name not in errors:
            families.setdefault(re.sub(r"_?\d+$", "", name), []).append(name)
    return [_evaluation_figure(family, rows, phases, scores) for family in families.values()]


def _evaluation_figure(
    family: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    phases: Sequence[Span],
    scores: Mapping[str, Any],
) -> Figure:
    alone = len(family) == 1
    title = label(family[0] if alone else re.sub(r"_?\d+$", "", family[0]))
    references = _references(scores, family[0]) if alone else []
    lines = [
        Line(
            "" if alone and not references else label(name),
            _points(rows, name),
            place,
            marked=True,
            errors=_whiskers(rows, name),
        )
        for place, name in enumerate(family)
    ]
    return _figure(title, lines, phases, references)


def score_figures(scores: Mapping[str, Any]) -> list[Figure]:
    """Return the charts that the scores hold: lines of points (x, y) over one axis."""
    return [
        Figure(
            told["title"],
            chart(
                [
                    Line(
                        line["name"],
                        [(x, y) for x, y in line["points"]],
                        place,
                        marked=True,
                        errors=line.get("errors", ()),
                    )
                    for place, line in enumerate(told["lines"])
                ],
                title=told["title"],
                x_label=told["x_label"],
            ),
        )
        for told in scores.get("charts", ())
    ]


def _whiskers(rows: Iterable[Mapping[str, Any]], name: str) -> list[float | None]:
    kept = [row["values"] for row in rows if name in row["values"]]
    return [values.get(f"{name}_error", values.get(f"{name}_standard_error")) for values in kept]


def _references(scores: Mapping[str, Any], key: str) -> list[tuple[str, float]]:
    """Return the score of real data under the same name, if the final table has it."""
    rows = [row for row in scores.get("rows", []) if is_reference(row)]
    return [(r["name"], r["values"][key]) for r in rows if r["values"].get(key) is not None]


def _train_figures(
    rows: Sequence[Mapping[str, Any]], name: str, phases: Sequence[Span]
) -> list[Figure]:
    """Return one chart, or one per phase if the sizes differ so much that a phase would be invisible."""
    parts: dict[str, list[Point]] = {}
    for phase, part in groupby(rows, key=lambda row: row["phase"]):
        parts.setdefault(phase, []).extend(_points(part, name))
    parts = {phase: points for phase, points in parts.items() if points}
    sizes = [_typical(points) for points in parts.values()]
    title = label(name)
    if len(parts) < 2 or not _far_apart(sizes):
        whole = [point for points in parts.values() for point in points]
        return [_figure(title, _smoothed("", whole, 0), phases)]
    return [
        _figure(f"{title}, {phase}", _smoothed("", points, 0)) for phase, points in parts.items()
    ]


def _figure(
    title: str,
    lines: Sequence[Line],
    phases: Sequence[Span] = (),
    references: Sequence[tuple[str, float]] = (),
) -> Figure:
    """Draw a chart; its axis is logarithmic if the values span powers of ten."""
    values = [y for line in lines for _, y in line.points if y is not None]
    log = bool(values) and min(values) > 0 and max(values) > _SPREAD * min(values)
    title = f"{title} (log scale)" if log else title
    return Figure(title, chart(lines, title=title, phases=phases, references=references, log=log))


def _typical(points: Sequence[Point]) -> float:
    return statistics.median([abs(y) for _, y in points if y is not None] or [0.0])


def _far_apart(sizes: Sequence[float]) -> bool:
    return max(sizes) > _APART * min(sizes)


def _accuracy_figures(
    rows: Sequence[Mapping[str, Any]], names: Sequence[str], phases: Sequence[Span]
) -> list[Figure]:
    if not names:
        return []
    lines = [
        line
        for place, name in enumerate(names)
        for line in _smoothed(label(name), _points(rows, name), place)
    ]
    title = "discriminator accuracy"
    drawn = chart(
        lines, title=title, phases=phases, references=[("chance", 0.5)], y_range=(0.0, 1.0)
    )
    return [Figure(title, drawn)]


def _smoothed(name: str, points: Sequence[Point], place: int) -> list[Line]:
    """Return the curve; a long curve is drawn faint behind its running mean."""
    if len(points) < _SMOOTH_FROM:
        return [Line(name, points, place)]
    mean = running_mean(points, max(len(points) // 25, 5))
    return [Line("", points, place, faint=True), Line(name or "running mean", mean, place)]
