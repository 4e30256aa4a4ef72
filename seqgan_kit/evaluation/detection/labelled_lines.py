"""How well scores rank lines whose anomalies are known."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from seqgan_kit.errors import DataError
from seqgan_kit.evaluation.detection.line_detector import LineAnomaly
from seqgan_kit.metrics.statistics.divergences import Estimate
from seqgan_kit.metrics.statistics.rank_statistics import area_under_curve


class Label(NamedTuple):
    """Whether a line is anomalous, and where."""

    anomalous: bool
    word: int | None = None
    """Number, from 1, of the anomalous word; None if it is not known."""


def read_label(text: str, number: int, name: str) -> Label:
    """Return the label in line ``number`` of the file ``name``: ``0``, ``1``, or ``1`` and a word number."""
    fields = text.split()
    if fields == ["0"]:
        return Label(False)
    if fields == ["1"]:
        return Label(True)
    if len(fields) == 2 and fields[0] == "1" and fields[1].isdecimal() and int(fields[1]) > 0:
        return Label(True, int(fields[1]))
    raise DataError(
        f"line {number} of {name} is no label: {text[:60]!r}. Write 0 for a normal line, 1 for an anomalous "
        "one, and after a tab the number, from 1, of its anomalous word if it is known."
    )


def with_labels(
    lines: Iterable[tuple[int, str]], labels: Iterable[tuple[int, str]], name: str
) -> Iterator[tuple[int, str, Label]]:
    """Yield every numbered line with its label.

    Raises:
        DataError: there are more lines than labels, or more labels than lines.
    """
    remaining, at = iter(labels), 0
    for number, line in lines:
        found = next(remaining, None)
        if found is None:
            raise DataError(
                f"{name} ends after {at:,} labels and there are more lines: give a label a line."
            )
        at = found[0]
        yield number, line, read_label(found[1], at, name)
    if next(remaining, None) is not None:
        raise DataError(
            f"{name} has more labels than there are lines ({at:,}): give a label a line."
        )


@dataclass
class LabelledScores:
    """Scores of the labelled lines that were read so far: eight bytes for each score of a line."""

    values: tuple[dict[str, list[float]], dict[str, list[float]]] = field(
        default_factory=lambda: ({}, {})
    )
    """Name -> values of normal lines, and of anomalous ones."""
    located: int = 0
    """Number of anomalous lines with a known word and a most surprising one."""
    hits: int = 0
    """Those of them in which both are the same word."""

    def add(self, found: LineAnomaly, label: Label) -> None:
        """Count a line."""
        for name, value in found.scores.items():
            self.values[label.anomalous].setdefault(name, []).append(value)
        if label.word is not None and found.word is not None:
            self.located += 1
            self.hits += found.word == label.word

    @property
    def counts(self) -> tuple[int, int]:
        """Numbers of normal and of anomalous lines."""
        normal, anomalous = (len(next(iter(x.values()), [])) for x in self.values)
        return normal, anomalous

    def areas(self) -> dict[str, Estimate]:
        """Return the AUC of each score.

        Raises:
            DataError: all lines have one label.
        """
        normal, anomalous = self.counts
        if not normal or not anomalous:
            raise DataError(
                f"an AUC needs normal and anomalous lines; the labels name {normal:,} and {anomalous:,}."
            )
        return {
            name: area_under_curve(self.values[1][name], self.values[0][name])
            for name in self.values[0]
        }

    def found_words(self) -> Estimate | None:
        """Return the share of anomalous lines whose most surprising word is the labelled one."""
        if not self.located:
            return None
        share = self.hits / self.located
        return Estimate(share, math.sqrt(share * (1 - share) / self.located))
