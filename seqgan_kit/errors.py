"""What the toolkit raises when the user, not the code, is wrong.

Command lines show the message alone and exit with 2; a traceback is for bugs.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class SeqganKitError(Exception):
    """Base of all errors that a message explains fully: what was given, what is allowed, what to do."""


class UsageError(SeqganKitError):
    """A wrong option, name or combination."""


class DataError(SeqganKitError):
    """Input data that cannot be used as it is."""


class CheckpointError(SeqganKitError):
    """A checkpoint that is missing, truncated, foreign or made by an incompatible run."""


class TrainingError(SeqganKitError):
    """A run that must stop: a loss that is not finite, a feed that ran dry."""


def unknown(kind: str, given: str, allowed: Iterable[str], also: Iterable[str] = ()) -> UsageError:
    """The error for a name that does not exist: says what does, and suggests the nearest.

    Names in ``also`` are allowed too, and too many to be listed.
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
