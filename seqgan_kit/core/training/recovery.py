"""Checkpoints as all processes of a run see them: rank 0 reads, since other nodes may not see its disk."""

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
    """A checkpoint's state on every rank."""
    state: dict[str, Any] = _agreed(runtime, lambda: read_checkpoint(path))
    return state


def shared_newest(runtime: Runtime, folder: Path) -> tuple[Path, dict[str, Any], list[str]] | None:
    """:func:`newest_good_checkpoint` on every rank; None where there is no checkpoint."""

    def newest() -> tuple[Path, dict[str, Any], list[str]] | None:
        return newest_good_checkpoint(folder) if numbered_checkpoints(folder) else None

    found: tuple[Path, dict[str, Any], list[str]] | None = _agreed(runtime, newest)
    return found


def set_newer_aside(folder: Path, good: Path) -> None:
    """Rename what is newer than the checkpoint that a run goes on from, since it cannot be read."""
    found = numbered_checkpoints(folder)
    for path in found[found.index(good) + 1 :]:
        set_aside(path)


def _agreed(runtime: Runtime, read: Callable[[], Any]) -> Any:
    """What rank 0 reads, on all ranks; what it cannot read stops all of them."""
    value, problem = None, None
    try:
        value = read() if runtime.leads else None
    except CheckpointError as error:
        problem = error
    value, problem = runtime.from_leader((value, problem))
    if problem is not None:
        raise problem
    return value
