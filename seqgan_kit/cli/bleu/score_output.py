"""Output of scores: JSON for programs, text for people, TSV for spreadsheets."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from seqgan_kit.metrics.signature import Signature
from seqgan_kit.metrics.statistics.bootstrap import Interval, PairedDifference

TITLES = {"bleu": "BLEU", "self-bleu": "Self-BLEU", "corpus-bleu": "BLEU"}


@dataclass(frozen=True)
class Scored:
    """Scores of one text, per order."""

    signature: Signature
    """How the scores were computed."""
    scores: dict[int, float]
    """Score by order."""
    intervals: dict[int, Interval] = field(default_factory=dict)
    """95 % interval by order, if requested."""
    details: dict[str, Any] = field(default_factory=dict)
    """Further values for the JSON format, by name."""
    notes: tuple[str, ...] = ()
    """Further lines for the text format."""


@dataclass(frozen=True)
class Compared:
    """Scores of two texts and their differences, per order."""

    signature: Signature
    """How the scores were computed."""
    names: tuple[str, str]
    """Names of the texts."""
    scores: tuple[dict[int, float], dict[int, float]]
    """Scores of the first and of the second text."""
    differences: dict[int, PairedDifference]
    """Score of the second text minus that of the first."""
    details: dict[str, Any] = field(default_factory=dict)
    """Further values for the JSON format, by name."""


def show(result: Scored | Compared, form: str, *, score_only: bool) -> str:
    """Return the result as ``json``, ``text`` or ``tsv``, or only the scores, one order per line."""
    if score_only and isinstance(result, Scored):
        return "\n".join(repr(score) for score in result.scores.values())
    if isinstance(result, Compared):
        return {"json": _json_compared, "text": _text_compared, "tsv": _tsv_compared}[form](result)
    return {"json": _json_scored, "text": _text_scored, "tsv": _tsv_scored}[form](result)


def _json_scored(result: Scored) -> str:
    intervals = {
        str(order): [interval.low, interval.high] for order, interval in result.intervals.items()
    }
    content = {
        "metric": result.signature.metric,
        "scores": _by_name(result.scores),
        **({"intervals": intervals} if intervals else {}),
        **result.details,
        "signature": str(result.signature),
    }
    return json.dumps(content, indent=2)


def _text_scored(result: Scored) -> str:
    rows = []
    for order, score in result.scores.items():
        row = f"{_title(result, order)}  {_number(result, score)}"
        if interval := result.intervals.get(order):
            row += f"  [{_number(result, interval.low)}, {_number(result, interval.high)}]"
        rows.append(row)
    if result.intervals:
        rows.append("[95 % intervals: bootstrap over the scored lines]")
    return "\n".join([*rows, *result.notes, str(result.signature)])


def _tsv_scored(result: Scored) -> str:
    header = ["metric", "order", "score"]
    rows = [[result.signature.metric, n, repr(score)] for n, score in result.scores.items()]
    if result.intervals:
        header += ["low", "high"]
        for row, interval in zip(rows, result.intervals.values(), strict=True):
            row += [repr(interval.low), repr(interval.high)]
    return _tsv(header, rows, result.signature)


def _json_compared(result: Compared) -> str:
    first, second = result.scores
    content = {
        "metric": result.signature.metric,
        "first": {"text": result.names[0], "scores": _by_name(first)},
        "second": {"text": result.names[1], "scores": _by_name(second)},
        "second_less_first": {
            str(order): asdict(difference) for order, difference in result.differences.items()
        },
        **result.details,
        "signature": str(result.signature),
    }
    return json.dumps(content, indent=2)


def _text_compared(result: Compared) -> str:
    first, second = result.scores
    rows = [f"A: {result.names[0]}", f"B: {result.names[1]}", ""]
    for order, found in result.differences.items():
        a, b = (_number(result, scores[order]) for scores in (first, second))
        low, high = _number(result, found.low, "+"), _number(result, found.high, "+")
        difference = _number(result, found.value, "+")
        rows.append(
            f"{_title(result, order)}  A {a}  B {b}  B-A {difference}  [{low}, {high}]  "
            f"p {found.p_value:.4f}"
        )
    rows.append("[95 % intervals: paired bootstrap; p: approximate randomisation, two-sided]")
    return "\n".join([*rows, str(result.signature)])


def _tsv_compared(result: Compared) -> str:
    header = ["metric", "order", "first", "second", "second_less_first", "low", "high", "p"]
    rows = []
    for order, found in result.differences.items():
        numbers = [scores[order] for scores in result.scores]
        numbers += [found.value, found.low, found.high, found.p_value]
        rows.append([result.signature.metric, order, *map(repr, numbers)])
    return _tsv(header, rows, result.signature)


def _tsv(header: list[str], rows: list[list[Any]], signature: Signature) -> str:
    table = [[*header, "signature"], *([*row, signature] for row in rows)]
    return "\n".join("\t".join(map(str, row)) for row in table)


def _by_name(scores: dict[int, float]) -> dict[str, float]:
    return {str(order): score for order, score in scores.items()}


def _title(result: Scored | Compared, order: int) -> str:
    return f"{TITLES[result.signature.metric]}-{order}"


def _number(result: Scored | Compared, value: float, sign: str = "") -> str:
    """Format a score with the digits that papers print: corpus BLEU goes to 100, sentence BLEU to 1."""
    digits = 2 if result.signature.metric == "corpus-bleu" else 4
    return f"{value:{sign}.{digits}f}"
