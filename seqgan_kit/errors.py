"""Errors for mistakes of the user, as opposed to bugs.

Command lines print only the message and exit with status 2; tracebacks are for bugs.
"""

from __future__ import annotations

import difflib
import errno
import os
import sys
from collections.abc import Iterable


class SeqganKitError(Exception):
    """Base class. Its message says what was given, what is allowed and what to do."""


class UsageError(SeqganKitError):
    """A wrong option, name or combination."""


class DataError(SeqganKitError):
    """Input data that cannot be used as it is."""


class DataErrorOfOneProcess(DataError):
    """Data that one process of several cannot use. The others do not see them, so it says so itself."""


class CheckpointError(SeqganKitError):
    """A checkpoint that is missing, truncated, of another program or of an incompatible run."""


class TrainingError(SeqganKitError):
    """A run that must stop, for example because a loss is not finite or a feed is empty."""


class LostProcess(TrainingError):
    """A process of a multi-process run has ended or does not respond."""


class StorageError(SeqganKitError):
    """A disk that is full, read-only or unmounted while a run writes to it."""


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_SHOWN_CHARACTERS = 80


def system_problem(error: OSError | UnicodeEncodeError) -> str:
    """Return a sentence that says what the operating system refused and what to do about it."""
    if isinstance(error, UnicodeEncodeError):
        return _not_encodable(error)
    path = _shown(error.filename) if error.filename is not None else "the output"
    if error.errno in _FULL:
        return f"{path} cannot be written: {error.strerror}. Make room, or write to another disk."
    if error.errno == errno.ENAMETOOLONG:
        return f"{path} is longer than this system allows for a name: give a shorter one."
    if error.errno == errno.ENOENT:
        return f"{path} does not exist: check the path."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return (
            f"{path} may not be read or written: {error.strerror}. Choose another place, or change its "
            "permissions."
        )
    return f"{path}: {error.strerror or error}."


def let_go_of_output() -> None:
    """Discard output that cannot be printed, so that the interpreter's last flush at exit does not fail."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def check_words(words: Iterable[str]) -> None:
    """Refuse command-line words that are not UTF-8, since the run's JSON files cannot store them."""
    for word in words:
        try:
            word.encode()
        except UnicodeEncodeError as error:
            raise UsageError(_not_encodable(error)) from None


def _not_encodable(error: UnicodeEncodeError) -> str:
    if any("\udc80" <= character <= "\udcff" for character in error.object):
        raw = os.fsencode(error.object) if len(error.object) <= _SHOWN_CHARACTERS else b"..."
        return f"a name is not valid UTF-8: {raw!r}. Rename the file or folder."
    character = error.object[error.start : error.end][:1]
    return (
        f"{character!a} cannot be printed in the output's encoding {error.encoding}: set "
        "PYTHONIOENCODING=utf-8."
    )


def _shown(path: str | bytes | int) -> str:
    text = os.fsdecode(path) if isinstance(path, str | bytes) else f"file descriptor {path}"
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."


def unknown(kind: str, given: str, allowed: Iterable[str], also: Iterable[str] = ()) -> UsageError:
    """Return the error for an unknown name; it lists the allowed names and suggests the nearest.

    Names in ``also`` are allowed too, but too many to list.
    """
    names = sorted(allowed)
    near = difflib.get_close_matches(given, [*names, *also], n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return UsageError(f"unknown {kind} {given!r}.{hint} Allowed: {', '.join(names)}.")


class Interrupted(SeqganKitError):
    """A run that was asked to stop, saved its state and can be resumed."""

    def __init__(self, message: str, exit_code: int):
        super().__init__(message)
        self.exit_code = exit_code
