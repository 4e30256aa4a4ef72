"""Captions of the cat world as a domain, whose objective is the grammar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seqgan_kit.data.catworld import CatWorld
from seqgan_kit.evaluation.domains.domain import LineValues
from seqgan_kit.evaluation.score_tables import Column
from seqgan_kit.metrics.statistics.divergences import Estimate


@dataclass(frozen=True)
class CaptionDomain:
    """The objective ``validity`` of captions; their measures are those of the known world."""

    world: CatWorld

    @property
    def objectives(self) -> Mapping[str, LineValues]:
        return {"validity": self._valid}

    def _valid(self, lines: Sequence[str]) -> NDArray[np.float64]:
        """Return 1 for each line that the grammar allows, else 0."""
        return np.isfinite(self.world.log_prob_many(list(lines))).astype(np.float64)

    def require(self) -> None:
        """Nothing is needed."""

    def estimates(self, lines: Sequence[str]) -> dict[str, Estimate]:
        return {}

    def columns(self, samples: int) -> list[Column]:
        return []

    def draw(self, lines: Sequence[str], path: Path) -> None:
        """Captions are shown as text."""
