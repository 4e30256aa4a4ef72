"""Optional copies of a run's metrics: TensorBoard, Weights & Biases, trackio. metrics.jsonl stays complete.

A tracker opens at the first row. If it fails later, the run says so once and goes on without it.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, Protocol, get_args

from seqgan_kit.errors import UsageError, unknown

TrackerName = Literal["tensorboard", "wandb", "trackio"]
TRACKERS: tuple[str, ...] = get_args(TrackerName)
_PROJECT = "seqgan-kit"


class Tracker(Protocol):
    """Interface of a tracker that rows are copied to."""

    def open(self, config: Mapping[str, Any], first_round: int) -> None:
        """Begin or continue a run: ``config`` is config.json, ``first_round`` the first round to come."""

    def add(self, row: Mapping[str, Any]) -> None:
        """Copy a row of metrics.jsonl."""

    def close(self) -> None:
        """Close the tracker."""


class TensorBoardFiles:
    """A writer of TensorBoard files into the run's folder."""

    def __init__(self, folder: Path) -> None:
        self._writer_class = _installed("torch.utils.tensorboard", "tensorboard").SummaryWriter
        self._folder, self._writer = folder / "tensorboard", None

    def open(self, config: Mapping[str, Any], first_round: int) -> None:
        # A process that died recorded rounds from here on; they will be written again.
        self._writer = self._writer_class(str(self._folder), purge_step=first_round or None)

    def add(self, row: Mapping[str, Any]) -> None:
        writer: Any = self._writer
        for name, value in _numbers(row).items():
            writer.add_scalar(name, value, row["total_round"])
        if "message" in row:
            writer.add_text(row["kind"], row["message"], row["total_round"])

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


class OnlineRun:
    """A run of Weights & Biases or of trackio, which have the same three calls.

    Args:
        name: ``wandb`` or ``trackio``.
        folder: folder of the run.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self._module, self._name, self._folder = _installed(name, name), name, folder
        self._open = False

    def open(self, config: Mapping[str, Any], first_round: int) -> None:
        recipe, started = config.get("recipe", "run"), str(config.get("started", ""))
        # The same for all processes of a run, resumed ones included.
        mark = hashlib.sha256(f"{self._folder.resolve()} {started}".encode()).hexdigest()[:12]
        options: dict[str, Any] = {
            "project": _PROJECT,
            "name": f"{recipe}-{self._folder.name}-{mark[:4]}",
            "config": dict(config.get("config", {})),
            "resume": "allow",
        }
        if self._name == "wandb":
            options |= {"id": mark, "dir": str(self._folder)}
        self._module.init(**options)
        self._open = True

    def add(self, row: Mapping[str, Any]) -> None:
        if values := _numbers(row):
            self._module.log(values, step=row["total_round"])

    def close(self) -> None:
        if self._open:
            self._module.finish()


class Trackers:
    """All trackers of a run.

    Args:
        names: which ones.
        folder: the run's folder.
    """

    def __init__(self, names: Sequence[str], folder: Path) -> None:
        for name in names:
            if name not in TRACKERS:
                raise unknown("tracker", name, TRACKERS)
        self._folder = folder
        self._trackers: dict[str, Tracker] = {
            name: TensorBoardFiles(folder) if name == "tensorboard" else OnlineRun(name, folder)
            for name in dict.fromkeys(names)
        }
        self._opened = False
        self.first_round = 0

    def __bool__(self) -> bool:
        return bool(self._trackers)

    def add(self, row: Mapping[str, Any], config: Callable[[], Mapping[str, Any]]) -> None:
        """Copy a row to every tracker; ``config`` reads config.json."""
        for name, tracker in list(self._trackers.items()):
            try:
                if not self._opened:
                    tracker.open(config(), self.first_round)
                tracker.add(row)
            except Exception as error:
                del self._trackers[name]
                _say_lost(name, error)
        self._opened = True

    def close(self) -> None:
        """Close every tracker."""
        for name, tracker in self._trackers.items():
            try:
                tracker.close()
            except Exception as error:
                _say_lost(name, error)


def _installed(module: str, extra: str) -> ModuleType:
    try:
        return import_module(module)
    except ImportError as error:
        raise UsageError(
            f"{extra} is not installed: run pip install 'seqgan-kit[{extra}]', or leave it "
            "out of --report-to."
        ) from error


def _numbers(row: Mapping[str, Any]) -> dict[str, float]:
    return {
        f"{row['kind']}/{name}": value for name, value in row["values"].items() if value is not None
    }


def _say_lost(name: str, error: Exception) -> None:
    why = (str(error) or type(error).__name__).splitlines()[0]
    print(
        f"note: {name} stopped taking metrics ({why}); the run goes on, and metrics.jsonl has all of them.",
        file=sys.stderr,
    )
