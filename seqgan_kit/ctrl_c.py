"""Ctrl-C while a program's libraries are still being imported: one line and exit status 130.

torch takes seconds to import, and Python would answer Ctrl-C there with a traceback of its import system.
"""

from __future__ import annotations

import os
import signal
from types import FrameType


def leave_on_ctrl_c() -> None:
    """Let Ctrl-C end the process at once, with a line, unless it is ignored or handled already."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)


def raise_on_ctrl_c() -> bool:
    """Undo :func:`leave_on_ctrl_c`, so that Ctrl-C raises KeyboardInterrupt; False if there was none."""
    left = signal.getsignal(signal.SIGINT) is _leave
    if left:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    return left


def is_ctrl_c(error: BaseException | None) -> bool:
    """Return whether an error is Ctrl-C, or what an extension module that was being imported made of it."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _leave(number: int, frame: FrameType | None) -> None:
    if os.environ.get("RANK", "0") == "0":
        os.write(2, b"Stopped.\n")
    os._exit(130)
