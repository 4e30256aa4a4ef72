"""RunLog: the writer of a run directory."""

from __future__ import annotations

import errno
import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seqgan_kit.core.runs.log.folder import claim, delete_run
from seqgan_kit.core.runs.log.records import as_json, read_config, read_metrics, write_atomically
from seqgan_kit.core.runs.log.trackers import Trackers
from seqgan_kit.core.training.setting_changes import OF_SCORES
from seqgan_kit.errors import CheckpointError, UsageError, unknown

KINDS = ("train", "evaluation", "alarm", "phase")

SHEETS = ("sheet_source.png", "sheet_output.png", "sheet_truth.png")
"""Figures of a translator: the same images before, after, and as they should be, in the same places."""
SHEET_COLUMNS = 8
"""Images in a row of each of these figures."""


class RunLog:
    """The directory of one run, written by one process.

    Nothing is created, changed or deleted before the first row, checkpoint or table. So a run that is refused
    before training leaves everything unchanged.

    Args:
        folder: folder of the run, created if needed.
        resume: resume the run in the folder.
        overwrite: replace the run in the folder (a folder that is not a run is never deleted).
        active: False on ranks other than 0, where calls write nothing.
        report_to: trackers that get a copy of all metrics; each needs the extra of its name.
    """

    def __init__(
        self,
        folder: Path,
        *,
        resume: bool = False,
        overwrite: bool = False,
        active: bool = True,
        report_to: Sequence[str] = (),
    ) -> None:
        if resume and overwrite:
            raise UsageError("--resume and --overwrite exclude each other: give only one.")
        self.folder = Path(folder)
        self.active = active
        self.resumed = resume
        self.seconds_offset = 0.0
        """Seconds spent by earlier processes of this run, up to the last row kept."""
        self._began = time.monotonic()
        self._replaces = False
        """Whether an earlier run must be deleted before anything is written."""
        self._begun = not active
        self._resumption: dict[str, Any] = {}
        self._config: Mapping[str, Any] | None = None
        """Contents of config.json, to be written when the run begins."""
        self._metrics = self.folder / "metrics.jsonl"
        self._trackers = Trackers(report_to if active else (), self.folder)
        if not active:
            return
        self._replaces = claim(self.folder, resume=resume, overwrite=overwrite)
        if resume:
            self._set_clock()

    @property
    def writes(self) -> bool:
        """Whether this process has begun to write to the folder."""
        return self.active and self._begun

    @property
    def seconds(self) -> float:
        """Return the seconds of training so far, over all processes of this run."""
        return self.seconds_offset + time.monotonic() - self._began

    @property
    def checkpoint_folder(self) -> Path:
        return self.folder / "checkpoints"

    @property
    def model_folder(self) -> Path:
        return self.folder / "model"

    def sample_path(self, total_round: int, suffix: str) -> Path:
        """Return the path ``samples/RRRRRR.suffix`` for samples drawn after ``total_round`` rounds."""
        dotted = f".{suffix.lstrip('.')}" if suffix else ""
        return self.folder / "samples" / f"{total_round:06d}{dotted}"

    def figure_path(self, name: str) -> Path:
        """Return the path ``figures/name``; the suffix is .png unless the name has one."""
        if Path(name).name != name:
            raise UsageError(
                f"the figure name {name!r} is not a plain file name: leave out folders."
            )
        return self.folder / "figures" / (name if Path(name).suffix else f"{name}.png")

    def write_config(self, record: Mapping[str, Any]) -> None:
        """Set the contents of config.json; a resumed run keeps its origin and adds an entry to
        ``resumes``."""
        self._config = record
        if self.active and self._begun:
            self._write_config(record)

    def note_resumption(
        self, total_round: int, changes: Mapping[str, Any], *, finished: bool
    ) -> None:
        """Record this resumption in config.json: the round where it begins and the settings that change.

        A run whose training has finished keeps the settings it was trained with.
        """
        self._resumption = {"from_round": total_round, "changed": changes, "finished": finished}

    def write_scores(self, record: Mapping[str, Any]) -> None:
        """Write scores.json, the final table."""
        self.begin()
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
        """Append a row to metrics.jsonl and flush it.

        Non-finite numbers become null, since JSON has no NaN. The report relies on two conventions. A
        ``phase`` row marks a phase's start, with its length as ``values={"rounds": n}``. A ``phase`` row
        whose message begins with "finished" or "stopped" marks the end of the run.
        """
        if kind not in KINDS:
            raise unknown("kind of row", kind, KINDS)
        if not self.active:
            return
        self.begin()
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
        _append(self._metrics, line.encode())
        if self._trackers:
            self._trackers.add(row, self._written_config)

    def position(self) -> int:
        """Return the size of metrics.jsonl in bytes, synced to disk; a checkpoint stores it for
        `truncate`."""
        self.begin()
        if not self.active:
            return 0
        with self._metrics.open("ab") as file:
            os.fsync(file.fileno())
            return file.tell()

    def truncate(self, position: int) -> None:
        """Remove the rows after ``position``, which a resumed run will write again."""
        if not self.active:
            return
        content = (
            b"" if self._replaces or not self._metrics.exists() else self._metrics.read_bytes()
        )
        if position > len(content) or (position and content[position - 1 : position] != b"\n"):
            raise CheckpointError(
                f"{self._metrics} does not match the checkpoint: no row ends at byte {position} of its "
                f"{len(content)}. Restore the file that this run wrote, or start a new run."
            )
        self.begin()
        with self._metrics.open("ab") as file:
            file.truncate(position)
            os.fsync(file.fileno())
        self._set_clock()

    def close(self) -> None:
        """Finish with the trackers; metrics.jsonl needs no closing."""
        self._trackers.close()

    def begin(self) -> None:
        """Take over the folder for this run, once; after this, the run writes to it."""
        if self._begun:
            return
        self._begun = True
        if self._replaces:
            delete_run(self.folder)
            self._replaces = False
        for name in ("samples", "figures", "checkpoints", "model"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        if self.resumed:
            self._drop_cut_row()
        if self._config is not None:
            self._write_config(self._config)

    def _written_config(self) -> dict[str, Any]:
        """Read config.json, if there is one."""
        return read_config(self.folder) if (self.folder / "config.json").exists() else {}

    def _write_config(self, record: Mapping[str, Any]) -> None:
        path, fresh = self.folder / "config.json", dict(record)
        if self.resumed and path.exists():
            origin = read_config(self.folder)
            told = ("started", "command", "versions", "git", "world_size", "torchrun")
            entry = {key: fresh[key] for key in told if key in fresh}
            kept = {key: origin[key] for key in told if key in origin}
            entry |= self._resumption
            fresh |= kept | {"resumes": [*origin.get("resumes", []), entry]}
            if self._resumption.get("finished"):
                scores = {k: v for k, v in record.get("config", {}).items() if k == OF_SCORES}
                fresh["config"] = {**origin.get("config", {}), **scores}
        write_atomically(path, fresh)

    def _drop_cut_row(self) -> None:
        """Remove an incomplete last row, left by a process that was killed."""
        content = self._metrics.read_bytes() if self._metrics.exists() else b""
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            os.truncate(self._metrics, whole)

    def _set_clock(self) -> None:
        """Continue the clock from the last complete row."""
        rows = read_metrics(self.folder)
        self.seconds_offset = float(rows[-1]["seconds"]) if rows else 0.0
        self._began = time.monotonic()
        self._trackers.first_round = int(rows[-1]["total_round"]) + 1 if rows else 0


def _append(path: Path, line: bytes) -> None:
    """Append one line in a single write, so that a killed process or a full disk leaves complete rows."""
    with path.open("ab", buffering=0) as file:
        before = file.seek(0, os.SEEK_END)
        try:
            if file.write(line) < len(line):  # The disk became full during the write.
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        except OSError as error:
            file.truncate(before)
            error.filename = error.filename or str(path)
            raise
