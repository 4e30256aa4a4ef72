"""An optional copy of a run's metrics for TensorBoard."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from seqgan_kit.errors import UsageError


class TensorBoardMirror:
    """A writer of TensorBoard files with the rows of metrics.jsonl; it opens at the first row."""

    def __init__(self, folder: Path) -> None:
        try:
            self._writer_class = import_module("torch.utils.tensorboard").SummaryWriter
        except ImportError as error:
            raise UsageError(
                "TensorBoard is not installed: run pip install 'seqgan-kit[tensorboard]', or "
                "leave out --tensorboard."
            ) from error
        self._folder = folder
        self._writer: Any = None
        self.first_round = 0

    def add(self, row: Mapping[str, Any]) -> None:
        if self._writer is None:
            # A process that died recorded rounds from here on; they will be written again.
            self._writer = self._writer_class(
                str(self._folder), purge_step=self.first_round or None
            )
        for name, value in row["values"].items():
            if value is not None:
                self._writer.add_scalar(f"{row['kind']}/{name}", value, row["total_round"])
        if "message" in row:
            self._writer.add_text(row["kind"], row["message"], row["total_round"])

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
