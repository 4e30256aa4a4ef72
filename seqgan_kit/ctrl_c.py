"""Handle Ctrl-C while libraries are still being imported: print one line, exit with status 130.

torch takes seconds to import. Without this, Ctrl-C would show a traceback of Python's import system.
"""

from __future__ import annotations

import os
import signal
from types import FrameType


def leave_on_ctrl_c() -> None:
    """Make Ctrl-C print a line and end the process at once, unless it is already ignored or handled."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)


def raise_on_ctrl_c() -> bool:
    """Undo :func:`leave_on_ctrl_c`, so that Ctrl-C raises KeyboardInterrupt; return False if it was not in
    effect."""
    left = signal.getsignal(signal.SIGINT) is _leave
    if left:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    return left


def is_ctrl_c(error: BaseException | None) -> bool:
    """Return whether an error is Ctrl-C, or the error an extension module turned it into during its
    import."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _leave(number: int, frame: FrameType | None) -> None:
    if os.environ.get("RANK", "0") == "0":
        os.write(2, b"Stopped.\n")
    os._exit(130)
