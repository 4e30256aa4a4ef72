"""A lock on a run's folder that allows one writer and is released when its process ends."""

from __future__ import annotations

import errno
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from seqgan_kit.core.files.checked_json import read_checked
from seqgan_kit.core.files.json_kinds import record, text, whole
from seqgan_kit.errors import CheckpointError, UsageError

LOCK = ".lock"
"""Name of the lock file in a run's folder; it records the process that holds the lock."""
_HOLDER = record({"pid": whole(), "host": text(255)})
_TAKEN = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)


class FolderLock:
    """An exclusive lock on a folder, which is created if needed.

    The kernel releases the lock (flock) however its process ends. A lock file that a killed process left
    behind does not block anyone.
    """

    def __init__(self, folder: Path) -> None:
        refuse_file(folder)
        self.folder = folder
        self._made = _missing_folders(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = _locked(folder / LOCK)
        except OSError as error:
            self._remove_folders()
            raise UsageError(
                f"{folder} cannot be used as a run's folder ({error.strerror}): choose another by --out."
            ) from error

    def release(self) -> None:
        """Release the lock, and remove the folders created for it that are still empty."""
        if self._file is None:
            return
        (self.folder / LOCK).unlink(missing_ok=True)
        os.close(self._file)
        self._file = None
        self._remove_folders()

    def _remove_folders(self) -> None:
        for folder in self._made:
            try:
                folder.rmdir()
            except OSError:  # The folder is not empty.
                return


def refuse_file(folder: Path) -> None:
    """Refuse a path to a file as a run's folder."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; a run needs a folder: choose another path by --out.")


def _missing_folders(folder: Path) -> list[Path]:
    """Return those of the folder and its parents that do not exist, innermost first."""
    return [path for path in (folder, *folder.parents) if not os.path.lexists(path)]


def _locked(path: Path) -> int | None:
    """Open and lock the file, and return it; if it is locked, a UsageError names the holder."""
    for file in _opened(path):
        try:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:  # Windows
            pass
        except OSError as error:
            holder = _holder(path)
            os.close(file)
            if error.errno not in _TAKEN:
                return None  # Some network file systems have no locks.
            raise UsageError(
                f"{path.parent} is in use: {holder} writes to it. Wait until it ends, stop it, or choose "
                "another folder by --out."
            ) from None
        if _is_current(file, path):
            os.ftruncate(file, 0)
            os.write(file, json.dumps({"pid": os.getpid(), "host": socket.gethostname()}).encode())
            return file
        os.close(file)  # The holder removed the file between our opening and locking it.
    raise AssertionError("unreachable")


def _opened(path: Path) -> Iterator[int]:
    while True:
        yield os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o644)


def _is_current(file: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False


def _holder(path: Path) -> str:
    try:
        known = read_checked(path, _HOLDER, most_bytes=1 << 16)
        return f"process {known['pid']} on {known['host']}"
    except (OSError, CheckpointError):
        return "another process"
