"""Ctrl-C, SIGTERM and the time limit as a wish that the trainer grants after the move in progress.

A move that takes long is broken off: a timer rings a few seconds after the wish, and its handler raises
:class:`Unfinished` in whatever the main thread computes, if the trainer has said that this may be broken off.
So samplers, rewards and evaluations hear of it without being told of a trainer.
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
"""What a move has to finish by itself after the wish to stop."""
_RINGS_EVERY_SECONDS = 1.0
_ECHO_SECONDS = 1.0


class Unfinished(BaseException):
    """Raised in a computation that shall not be finished; no method's ``except Exception`` stops it."""


class StopWish:
    """Whether somebody asked the run to stop, and how.

    Args:
        grace_seconds: between the wish and breaking off what is computed.
    """

    def __init__(self, grace_seconds: float = GRACE_SECONDS) -> None:
        self.signal: int | None = None
        self.grace_seconds = grace_seconds
        self._heard_at = 0.0
        self._may_break_off = False

    @contextmanager
    def listening(self, seconds_left: float | None = None) -> Iterator[None]:
        """Listen while the run trains, so long at most. A second Ctrl-C stops at once, without saving."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        handlers = {signal.SIGINT: self._hear, signal.SIGTERM: self._hear}
        if hasattr(signal, "setitimer"):  # not on Windows, where a move is finished
            handlers[signal.SIGALRM] = self._ring
        before = {number: signal.signal(number, heard) for number, heard in handlers.items()}
        if seconds_left is not None:
            self._ring_in(max(seconds_left, 0.0) + self.grace_seconds)
        try:
            yield
        except LostProcess:
            # torchrun sends SIGTERM to those that are left: first they say how the run goes on.
            before[signal.SIGTERM] = signal.SIG_IGN
            raise
        finally:
            self._ring_in(0.0)
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def may_break_off(self) -> Iterator[None]:
        """What runs inside may end by :class:`Unfinished`."""
        self._may_break_off = True
        try:
            yield
        finally:
            self._may_break_off = False

    def _hear(self, number: int, frame: FrameType | None) -> None:
        # A Ctrl-C in the terminal of torchrun is heard twice: from the terminal and passed on by torchrun.
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
