"""What an engine is: it starts planned runs and says how each of them ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from seqgan_kit.cli.engines.planned_run import PlannedRun


@dataclass(frozen=True)
class Ending:
    """How the process of a run ended."""

    code: int
    """Exit status."""
    problem: str = ""
    """Why it could not be started; empty if it was, since its log tells the rest."""
    lost: str = ""
    """What happened to the process or its node, if the run can be resumed elsewhere; otherwise empty."""


class Job(Protocol):
    """A run that an engine has started."""

    def news(self) -> list[str]:
        """Return what happened since the last call, such as "resumed on node-2"."""
        ...

    def ending(self) -> Ending | None:
        """Return how it ended, or None while it goes on."""
        ...

    def ask_to_save(self) -> None:
        """Ask the run to save its state and end."""
        ...

    def wait(self) -> None:
        """Wait until it has ended."""
        ...

    def kill(self) -> None:
        """End it at once."""
        ...


class Engine(Protocol):
    """A place where runs are trained."""

    jobs: int
    """Largest number of runs at a time."""
    retries: int
    """How often a run is resumed after its process or node was lost."""
    poll_seconds: float
    """Time between two looks at the jobs."""

    def start(self, run: PlannedRun) -> Job:
        """Start a run, or continue it; raise SeqganKitError if that is not possible."""
        ...

    def check(self, waiting: Sequence[PlannedRun]) -> None:
        """Raise SeqganKitError if runs wait that can never start."""
        ...
