"""Plan of a sweep: points of a space become runs over seeds."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seqgan_kit.cli.command import PROGRAM
from seqgan_kit.cli.engines.planned_run import PlannedRun, run_folder
from seqgan_kit.cli.sweep.space_points import Point
from seqgan_kit.cli.tune.space import words_of


@dataclass(frozen=True)
class Sweep:
    """What is swept: a recipe with shared flags, the settings of each row, and seeds."""

    recipe: str
    words: tuple[str, ...]
    """Preset and flags that all runs share."""
    settings: dict[str, Point]
    """Values of each setting of the sweep, by the name of its folder."""
    seeds: tuple[int, ...]
    metric: str
    higher: bool
    """Whether higher values of the metric are better."""
    out: Path

    def runs(self) -> tuple[PlannedRun, ...]:
        """Return all runs in the order of their start: every setting gets its first seed first."""
        return tuple(self._run(name, seed) for seed in self.seeds for name in self.settings)

    def command(self, name: str, seed: int) -> str:
        """Return the command that trains a setting with another seed, in a folder of its own."""
        words = [*self.words, *words_of(self.settings[name]), "--seed", str(seed)]
        return shlex.join([PROGRAM, "run", self.recipe, *words, "--out", f"{self.out}/best"])

    def _run(self, name: str, seed: int) -> PlannedRun:
        folder = run_folder(self.out, name, seed)
        words = (*self.words, *words_of(self.settings[name]), "--seed", str(seed))
        return PlannedRun(name, seed, self.recipe, (*words, "--out", str(folder)), folder)


def named(points: Sequence[Point]) -> dict[str, Point]:
    """Return points by the names of their folders."""
    return {f"setting-{number:03d}": point for number, point in enumerate(points)}
