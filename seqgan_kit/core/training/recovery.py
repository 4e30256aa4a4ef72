"""Checkpoints in multi-process runs: rank 0 reads them, since other nodes may not see its disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from seqgan_kit.core.runs.runtime import Runtime
from seqgan_kit.core.training.checkpoint import (
    newest_good_checkpoint,
    numbered_checkpoints,
    read_checkpoint,
    set_aside,
)
from seqgan_kit.errors import CheckpointError


def shared_checkpoint(runtime: Runtime, path: Path) -> dict[str, Any]:
    """Return a checkpoint's state on every rank."""
    state: dict[str, Any] = _agreed(runtime, lambda: read_checkpoint(path))
    return state


def shared_newest(runtime: Runtime, folder: Path) -> tuple[Path, dict[str, Any], list[str]] | None:
    """Return :func:`newest_good_checkpoint` on every rank; None if there is no checkpoint."""

    def newest() -> tuple[Path, dict[str, Any], list[str]] | None:
        return newest_good_checkpoint(folder) if numbered_checkpoints(folder) else None

    found: tuple[Path, dict[str, Any], list[str]] | None = _agreed(runtime, newest)
    return found


def set_newer_aside(folder: Path, good: Path) -> None:
    """Rename the unreadable checkpoints that are newer than the one a run resumes from."""
    found = numbered_checkpoints(folder)
    for path in found[found.index(good) + 1 :]:
        set_aside(path)


def _agreed(runtime: Runtime, read: Callable[[], Any]) -> Any:
    """Return on all ranks what rank 0 reads; an error of rank 0 stops all ranks."""
    value, problem = None, None
    try:
        value = read() if runtime.leads else None
    except CheckpointError as error:
        problem = error
    value, problem = runtime.from_leader((value, problem))
    if problem is not None:
        raise problem
    return value
