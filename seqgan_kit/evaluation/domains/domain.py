"""The protocol of a domain: a notation whose lines mean more than their tokens."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from seqgan_kit.evaluation.score_tables import Column
from seqgan_kit.metrics.statistics.divergences import Estimate

LineValues = Callable[[Sequence[str]], NDArray[np.float64]]
"""Lines [N] -> a number for each, whatever the lines are."""


class Domain(Protocol):
    """Interface of a domain for scorers and objectives."""

    @property
    def objectives(self) -> Mapping[str, LineValues]:
        """Return what a generator may be rewarded for, by name; values from 0 (bad) to 1."""

    def require(self) -> None:
        """Raise UsageError, naming the extra, if a package is missing."""

    def estimates(self, lines: Sequence[str]) -> dict[str, Estimate]:
        """Return the measures of a set of lines; one that does not exist is absent."""

    def columns(self, samples: int) -> list[Column]:
        """Return the columns of the measures."""

    def draw(self, lines: Sequence[str], path: Path) -> None:
        """Draw lines as they are seen or heard, into files beside ``path`` (given without a suffix)."""


def mean_estimate(values: NDArray[np.float64]) -> Estimate:
    """Return the mean with its standard error over lines; nan for a single one."""
    error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return Estimate(float(values.mean()), float(error))
