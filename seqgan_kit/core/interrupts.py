"""Ctrl-C and SIGTERM as a wish that the trainer grants after the move in progress."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_ECHO_SECONDS = 1.0


class StopWish:
    """Whether somebody asked the run to stop, and how."""

    def __init__(self) -> None:
        self.signal: int | None = None
        self._heard_at = 0.0

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Listens while the run trains. A second Ctrl-C stops at once, without saving."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {s: signal.signal(s, self._hear) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        # A Ctrl-C in the terminal of torchrun is heard twice: from the terminal and passed on by torchrun.
        echo = time.monotonic() - self._heard_at < _ECHO_SECONDS
        if self.signal is not None and number == signal.SIGINT and not echo:
            raise KeyboardInterrupt
        self.signal, self._heard_at = number, time.monotonic()
