"""Checkpoints, which are written atomically and read without running code.

A checkpoint is one ``torch.save`` file of tensors, numbers, strings and containers, loaded with
``weights_only=True``. It is written to a temporary file, synced to disk and renamed, so a checkpoint is
complete even if the machine crashes. The file ends with its SHA-256, stored as the comment of the zip file,
which detects damage. ``torch.load`` can still read the file.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import IO, Any

import torch

from seqgan_kit.errors import CheckpointError

FORMAT = "seqgan-kit checkpoint 1"
_NAME = re.compile(r"move-(\d+)\.pt")
_SUM = b"seqgan-kit sha256 "
_SUM_BYTES = len(_SUM) + 64
# A zip file without a comment ends with 20 bytes from this signature on, then the comment's length, 0, in 2
# bytes.
_END, _END_BYTES = b"PK\x05\x06", 22


def write_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write the state atomically, with its checksum."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w+b") as file:
            torch.save({"format": FORMAT, **state}, file)
            _add_sum(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        # torch.save hides a full disk behind an error of its own, raised while it closes the file.
        failure = error.__context__ if isinstance(error, RuntimeError) else error
        if isinstance(failure, OSError):
            failure.filename = failure.filename or str(path)
            raise failure from None
        raise
    _sync_folder(path.parent)


def read_checkpoint(path: Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """Read a checkpoint; an error says what is wrong with the file and which one to use instead."""
    if not path.is_file():
        raise CheckpointError(f"no checkpoint {path}.{_advice(path)}")
    if not _sum_is_right(path):
        raise CheckpointError(
            f"{path} cannot be read: it is truncated or damaged (its checksum is not that of its content)."
            f"{_advice(path)}"
        )
    try:
        state = torch.load(path, map_location=device, weights_only=True)
    except Exception as error:  # torch raises many types of errors for damaged files.
        raise CheckpointError(
            f"{path} cannot be read: it is truncated, damaged or not a checkpoint "
            f"({type(error).__name__}).{_advice(path)}"
        ) from error
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise CheckpointError(f"{path} is not a seqgan-kit checkpoint.{_advice(path)}")
    return state


def newest_good_checkpoint(folder: Path) -> tuple[Path, dict[str, Any], list[str]]:
    """Return path and state of the newest readable checkpoint, and the problems of newer ones.

    Raises CheckpointError if none can be read.
    """
    found = numbered_checkpoints(folder)
    problems: list[str] = []
    for path in reversed(found):
        try:
            return path, read_checkpoint(path), problems
        except CheckpointError as error:
            problems.append(str(error))
    raise CheckpointError(problems[0] if problems else f"no checkpoint in {folder}.")


def set_aside(path: Path) -> Path:
    """Rename an unreadable checkpoint, so that it is not used as the newest one; return its new path."""
    return path.replace(path.with_name(f"{path.name}.damaged"))


def numbered_checkpoints(folder: Path) -> list[Path]:
    """Return the run's numbered checkpoints, oldest first."""
    found = [(int(m[1]), p) for p in folder.glob("move-*.pt") if (m := _NAME.fullmatch(p.name))]
    return [path for _, path in sorted(found)]


def last_good(folder: Path) -> str:
    """Return a sentence that names the newest checkpoint."""
    found = numbered_checkpoints(folder)
    return (
        f"The last good checkpoint is {found[-1]}." if found else "No checkpoint was written yet."
    )


def checkpoint_path(folder: Path, moves: int) -> Path:
    """Return the path of the checkpoint after ``moves`` updates."""
    return folder / f"move-{moves:09d}.pt"


def keep_last(folder: Path, count: int) -> None:
    """Remove all but the newest checkpoints, and temporary files of killed processes."""
    for path in numbered_checkpoints(folder)[: -count or None]:
        path.unlink()
    for leftover in folder.glob(".*.tmp"):
        leftover.unlink()


def _advice(bad: Path) -> str:
    """Return a sentence that names the newest other readable checkpoint."""
    for path in reversed(numbered_checkpoints(bad.parent)):
        if path != bad and _readable(path):
            return f" The last good one is {path}: remove the other and resume."
    return " There is no other checkpoint in that folder; start the run again with --overwrite."


def _readable(path: Path) -> bool:
    try:
        whole = _sum_is_right(path)
        return whole and bool(torch.load(path, weights_only=True, mmap=True)["format"] == FORMAT)
    except Exception:
        return False


def _add_sum(file: IO[bytes]) -> None:
    """Append the SHA-256 of the content to the file, as the comment of the zip file."""
    file.seek(-2, os.SEEK_END)
    file.write(_SUM_BYTES.to_bytes(2, "little"))
    file.flush()
    file.seek(0)
    digest = hashlib.file_digest(file, "sha256")  # type: ignore[arg-type]
    file.seek(0, os.SEEK_END)
    file.write(_SUM + digest.hexdigest().encode())


def _sum_is_right(path: Path) -> bool:
    """Return whether the checksum matches; True for files of older versions, which have none."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - _SUM_BYTES))
        end = file.read()
        if not end.startswith(_SUM):
            return end[-_END_BYTES:].startswith(_END) and end.endswith(b"\0\0")
        file.seek(0)
        digest, left = hashlib.sha256(), size - _SUM_BYTES
        while left:
            part = file.read(min(left, 1 << 20))
            digest.update(part)
            left -= len(part)
    return end[len(_SUM) :] == digest.hexdigest().encode()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
