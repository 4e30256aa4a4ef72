"""Turn Ctrl-C, SIGTERM and the time limit into a stop request, which the trainer obeys after the current
update.

A long update is interrupted: a few seconds after the request a timer fires, and its handler raises
:class:`Unfinished` in the main thread, if the trainer allows an interruption at this point. So samplers,
rewards and evaluations can be interrupted without knowing about the trainer.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from seqgan_kit.errors import LostProcess

GRACE_SECONDS = 3.0
"""Time that an update has to finish after a stop request before it is interrupted."""
_RINGS_EVERY_SECONDS = 1.0
_ECHO_SECONDS = 1.0


class Unfinished(BaseException):
    """Raised to interrupt a computation. It is a BaseException, so ``except Exception`` does not catch it."""


class StopWish:
    """A request to stop the run, and where it came from.

    Args:
        grace_seconds: time between the request and the interruption of a computation.
    """

    def __init__(self, grace_seconds: float = GRACE_SECONDS) -> None:
        self.signal: int | None = None
        self.grace_seconds = grace_seconds
        self._heard_at = 0.0
        self._may_break_off = False

    @contextmanager
    def listening(self, seconds_left: float | None = None) -> Iterator[None]:
        """Listen for requests during training, and make one after ``seconds_left``. A second Ctrl-C stops at
        once, without saving."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        handlers = {signal.SIGINT: self._hear, signal.SIGTERM: self._hear}
        if hasattr(signal, "setitimer"):  # Windows has no such timer; there the update is finished.
            handlers[signal.SIGALRM] = self._ring
        before = {number: signal.signal(number, heard) for number, heard in handlers.items()}
        if seconds_left is not None:
            self._ring_in(max(seconds_left, 0.0) + self.grace_seconds)
        try:
            yield
        except LostProcess:
            # torchrun sends SIGTERM to the remaining processes; they print how to resume before they end.
            before[signal.SIGTERM] = signal.SIG_IGN
            raise
        finally:
            self._ring_in(0.0)
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def may_break_off(self) -> Iterator[None]:
        """Allow :class:`Unfinished` to interrupt the code inside."""
        self._may_break_off = True
        try:
            yield
        finally:
            self._may_break_off = False

    def _hear(self, number: int, frame: FrameType | None) -> None:
        # Ctrl-C in torchrun's terminal arrives twice: from the terminal and from torchrun, which passes it
        # on.
        echo = time.monotonic() - self._heard_at < _ECHO_SECONDS
        if self.signal is not None and number == signal.SIGINT and not echo:
            raise KeyboardInterrupt
        self.signal, self._heard_at = number, time.monotonic()
        self._ring_in(self.grace_seconds)

    def _ring(self, number: int, frame: FrameType | None) -> None:
        if self._may_break_off:
            raise Unfinished

    def _ring_in(self, seconds: float) -> None:
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, seconds, _RINGS_EVERY_SECONDS if seconds else 0.0)
