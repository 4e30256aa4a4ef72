"""Tunes in ABC notation: bars that add up, notes of the key, the ending; written as sound and MIDI."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seqgan_kit.data.text.notations import split_notation
from seqgan_kit.evaluation.domains.domain import LineValues, mean_estimate
from seqgan_kit.evaluation.domains.tune_files import write_tunes
from seqgan_kit.evaluation.score_tables import AS_REAL, Column, column
from seqgan_kit.metrics.music.abc_tune import Tune, read_tune
from seqgan_kit.metrics.music.tune_measures import (
    ends_on_tonic,
    full_bars,
    is_valid,
    key_adherence,
)
from seqgan_kit.metrics.signature import Signature
from seqgan_kit.metrics.statistics.divergences import Estimate

MEASURES: Mapping[str, tuple[str, str, Callable[[Tune], float]]] = {
    "validity": ("validity", "higher", is_valid),
    "bars": ("full bars", AS_REAL, full_bars),
    "key": ("notes in key", AS_REAL, key_adherence),
    "tonic": ("ends on tonic", AS_REAL, ends_on_tonic),
}
"""Measures of a tune: label, better direction and function."""


@dataclass(frozen=True)
class TuneDomain:
    """Measures of tunes; they need no real tunes."""

    @property
    def objectives(self) -> Mapping[str, LineValues]:
        return {name: _of_lines(measure) for name, (_, _, measure) in MEASURES.items()}

    def require(self) -> None:
        """Nothing: all measures are Python; only MIDI files need a package."""

    def estimates(self, lines: Sequence[str]) -> dict[str, Estimate]:
        tunes = read_lines_of_tunes(lines)
        return {
            name: mean_estimate(np.array([measure(tune) for tune in tunes]))
            for name, (_, _, measure) in (MEASURES if tunes else {}).items()
        }

    def columns(self, samples: int) -> list[Column]:
        return [
            column(name, label, better, 3, Signature(f"abc-{name}|mean of tunes", hyps=samples))
            for name, (label, better, _) in MEASURES.items()
        ]

    def draw(self, lines: Sequence[str], path: Path) -> None:
        write_tunes(lines, path.parent)


def read_lines_of_tunes(lines: Sequence[str]) -> list[Tune]:
    """Return the tune of each line, whatever the line is."""
    return [read_tune(split_notation("abc", line)) for line in lines]


def _of_lines(measure: Callable[[Tune], float]) -> LineValues:
    def values(lines: Sequence[str]) -> NDArray[np.float64]:
        return np.array([measure(tune) for tune in read_lines_of_tunes(lines)], dtype=np.float64)

    return values
