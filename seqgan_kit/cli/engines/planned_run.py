"""A run that is planned: its recipe, exact arguments and folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class PlannedRun:
    """A planned run: recipe, arguments and folder."""

    arm: str
    seed: int
    recipe: str
    words: tuple[str, ...]
    """Arguments after the recipe's name."""
    folder: Path
    start: Path | None = None
    """Folder of the run that must have finished before."""
    seconds: float = 0.0
    """Time limit of its training in seconds; 0 for none."""

    @property
    def title(self) -> str:
        """Name of the run in messages."""
        return f"{self.arm}, seed {self.seed}"


def run_folder(out: Path, arm: str, seed: int) -> Path:
    """Return the folder of a run of a comparison or sweep."""
    return out / arm / f"seed-{seed}"
