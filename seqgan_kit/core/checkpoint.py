"""Checkpoints: written whole or not at all, read without running code.

A checkpoint is one ``torch.save`` file of tensors, numbers, strings and containers, loaded with
``weights_only=True``. It is written beside its place, synced to disk and renamed, so that a file under a
checkpoint's name is complete whatever moment the machine died at.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import torch

from seqgan_kit.errors import CheckpointError

FORMAT = "seqgan-kit checkpoint 1"
_NAME = re.compile(r"move-(\d+)\.pt")


def write_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Writes the state atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with temporary.open("wb") as file:
        torch.save({"format": FORMAT, **state}, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    _sync_folder(path.parent)


def read_checkpoint(path: Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """Reads a checkpoint, or says what is wrong with the file and which one to use instead."""
    if not path.is_file():
        raise CheckpointError(f"no checkpoint {path}.{_advice(path)}")
    try:
        state = torch.load(path, map_location=device, weights_only=True)
    except Exception as error:  # torch raises many types for damaged files
        raise CheckpointError(
            f"{path} cannot be read: it is truncated, damaged or not a checkpoint "
            f"({type(error).__name__}).{_advice(path)}"
        ) from error
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise CheckpointError(f"{path} is not a seqgan-kit checkpoint.{_advice(path)}")
    return state


def numbered_checkpoints(folder: Path) -> list[Path]:
    """The checkpoints of the run's course, oldest first."""
    found = [(int(m[1]), p) for p in folder.glob("move-*.pt") if (m := _NAME.fullmatch(p.name))]
    return [path for _, path in sorted(found)]


def checkpoint_path(folder: Path, moves: int) -> Path:
    """Where the checkpoint after so many moves lies."""
    return folder / f"move-{moves:09d}.pt"


def keep_last(folder: Path, count: int) -> None:
    """Removes all but the newest checkpoints, and what a killed writer left behind."""
    for path in numbered_checkpoints(folder)[: -count or None]:
        path.unlink()
    for leftover in folder.glob(".*.tmp"):
        leftover.unlink()


def _advice(bad: Path) -> str:
    """Names the newest other checkpoint that can be read."""
    for path in reversed(numbered_checkpoints(bad.parent)):
        if path != bad and _readable(path):
            return f" The last good one is {path}: remove the other and resume."
    return " There is no other checkpoint in that folder; start the run again with --overwrite."


def _readable(path: Path) -> bool:
    try:
        return bool(torch.load(path, weights_only=True, mmap=True)["format"] == FORMAT)
    except Exception:
        return False


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
