"""RunLog: the one writer of a run directory."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seqgan_kit.core.runlog.folder import claim, delete_run
from seqgan_kit.core.runlog.records import as_json, read_config, read_metrics, write_atomically
from seqgan_kit.core.runlog.tensorboard import TensorBoardMirror
from seqgan_kit.errors import CheckpointError, UsageError, unknown

KINDS = ("train", "evaluation", "alarm", "phase")


class RunLog:
    """One run's directory, written by one process.

    Args:
        folder: where the run lives; made if absent.
        resume: go on with the run that is there.
        overwrite: replace the run that is there (a folder that is no run is never deleted). It is deleted
            when the new one first writes more than its settings: what goes wrong before costs nothing.
        active: False on ranks other than 0: every call is allowed and nothing is written.
        tensorboard: mirror the numbers to ``folder/tensorboard`` (needs the ``tensorboard`` extra).
    """

    def __init__(
        self,
        folder: Path,
        *,
        resume: bool = False,
        overwrite: bool = False,
        active: bool = True,
        tensorboard: bool = False,
    ) -> None:
        if resume and overwrite:
            raise UsageError("resume and overwrite contradict each other: give one of them.")
        self.folder = Path(folder)
        self.active = active
        self.resumed = resume
        self.seconds_offset = 0.0
        """Seconds that earlier processes of this run spent, up to the last row kept."""
        self._began = time.monotonic()
        self._replaces = False
        """Whether there is an earlier run, to be deleted before anything is written."""
        self._config: Mapping[str, Any] | None = None
        """What config.json will be when that has been done."""
        self._config_before: dict[str, Any] | None = None
        self._metrics = self.folder / "metrics.jsonl"
        self._mirror = (
            TensorBoardMirror(self.folder / "tensorboard") if tensorboard and active else None
        )
        if not active:
            return
        self._replaces = claim(self.folder, resume=resume, overwrite=overwrite)
        if not self._replaces:
            self._make_folders()
        if resume:
            self._go_on()

    @property
    def seconds(self) -> float:
        """Seconds of training so far, over all processes of this run."""
        return self.seconds_offset + time.monotonic() - self._began

    @property
    def checkpoint_folder(self) -> Path:
        return self.folder / "checkpoints"

    @property
    def model_folder(self) -> Path:
        return self.folder / "model"

    def sample_path(self, total_round: int, suffix: str) -> Path:
        """``samples/RRRRRR.suffix`` for the samples drawn after ``total_round`` rounds."""
        dotted = f".{suffix.lstrip('.')}" if suffix else ""
        return self.folder / "samples" / f"{total_round:06d}{dotted}"

    def figure_path(self, name: str) -> Path:
        """``figures/name``, a PNG unless the name says otherwise."""
        if Path(name).name != name:
            raise UsageError(f"a figure's name is a plain file name, not {name!r}.")
        return self.folder / "figures" / (name if Path(name).suffix else f"{name}.png")

    def write_config(self, record: Mapping[str, Any]) -> None:
        """Write config.json; a resumed run keeps its origin and gains an entry in ``resumes``."""
        if not self.active:
            return
        if self._replaces:
            self._config = record
            return
        path, fresh = self.folder / "config.json", dict(record)
        if self.resumed and path.exists():
            origin = read_config(self.folder)
            told = ("started", "command", "versions", "git", "world_size")
            entry = {key: fresh[key] for key in told if key in fresh}
            kept = {key: origin[key] for key in told if key in origin}
            fresh |= kept | {"resumes": [*origin.get("resumes", []), entry]}
            self._config_before = origin
        write_atomically(path, fresh)

    def take_config_back(self) -> None:
        """Puts back the config.json from before a resumption that could not begin."""
        if self._config_before is not None:
            write_atomically(self.folder / "config.json", self._config_before)

    def write_scores(self, record: Mapping[str, Any]) -> None:
        """Write scores.json, the final table."""
        self._replace()
        if self.active:
            write_atomically(self.folder / "scores.json", record)

    def log(
        self,
        kind: str,
        *,
        phase: str,
        round: int,
        total_round: int,
        move: int,
        values: Mapping[str, Any],
        message: str | None = None,
    ) -> None:
        """Append a row to metrics.jsonl; it is on its way to the disk when this returns.

        Numbers that are not finite become null (JSON has no NaN). The report reads two conventions:
        a ``phase`` row marks a phase's start, with its length as ``values={"rounds": n}``; a
        ``phase`` row whose message begins with "finished" or "stopped" marks the end of the run.
        """
        if kind not in KINDS:
            raise unknown("kind of row", kind, KINDS)
        if not self.active:
            return
        self._replace()
        row = {
            "kind": kind,
            "phase": phase,
            "round": round,
            "total_round": total_round,
            "move": move,
        }
        row |= {"seconds": self.seconds, "values": values}
        if message is not None:
            row["message"] = message
        row = as_json(row)
        line = json.dumps(row, allow_nan=False) + "\n"
        # One append of one line: a kill between rows leaves whole rows, and nothing is left open.
        with self._metrics.open("ab", buffering=0) as file:
            file.write(line.encode())
        if self._mirror is not None:
            self._mirror.add(row)

    def position(self) -> int:
        """Bytes of metrics.jsonl, all on the disk: what a checkpoint stores for `truncate`."""
        self._replace()
        if not self.active:
            return 0
        with self._metrics.open("ab") as file:
            os.fsync(file.fileno())
            return file.tell()

    def truncate(self, position: int) -> None:
        """Forget the rows after ``position``: those that a resumed run is about to write again."""
        self._replace()
        if not self.active:
            return
        content = self._metrics.read_bytes() if self._metrics.exists() else b""
        if position > len(content) or (position and content[position - 1 : position] != b"\n"):
            raise CheckpointError(
                f"{self._metrics} does not fit the checkpoint: no row ends at byte {position} of its "
                f"{len(content)}. Put back the file that this run wrote, or start a new run."
            )
        with self._metrics.open("ab") as file:
            file.truncate(position)
            os.fsync(file.fileno())
        self._go_on()

    def close(self) -> None:
        """Let go of TensorBoard's files; metrics.jsonl needs no closing."""
        if self._mirror is not None:
            self._mirror.close()

    def _replace(self) -> None:
        """Delete the earlier run, if there still is one, and take its place."""
        if not self._replaces:
            return
        delete_run(self.folder)
        self._replaces = False
        self._make_folders()
        if self._config is not None:
            self.write_config(self._config)

    def _make_folders(self) -> None:
        for name in ("samples", "figures", "checkpoints", "model"):
            try:
                (self.folder / name).mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise UsageError(
                    f"{self.folder} cannot be a run's folder ({error.strerror}): choose another by --out."
                ) from error

    def _go_on(self) -> None:
        """Drop a last row cut short by a kill, and let the clock go on from the last whole row."""
        content = self._metrics.read_bytes() if self._metrics.exists() else b""
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            os.truncate(self._metrics, whole)
        rows = read_metrics(self.folder)
        self.seconds_offset = float(rows[-1]["seconds"]) if rows else 0.0
        self._began = time.monotonic()
        if self._mirror is not None:
            self._mirror.first_round = int(rows[-1]["total_round"]) + 1 if rows else 0
