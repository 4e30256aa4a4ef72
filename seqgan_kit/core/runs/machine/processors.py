"""How many processors other programs use while a run trains.

The threads of an operation wait for the slowest of them by turning in a loop. Where another program holds one
processor, a thread waits its turn there while the others burn theirs, thousands of times a second.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import torch

_STATISTICS = Path("/proc/stat")
_IDLE = (3, 4)
"""Places of the idle times in the first line of /proc/stat, after its name; the rest of the first eight are
work."""
_CROWDED = 0.4
"""Processors that are asked for beyond those of the machine, from which a run is told to be crowded."""


class OtherWork:
    """Measures the processors that other programs have used since its creation.

    The numbers are those of the whole machine, also inside a container.
    """

    def __init__(self) -> None:
        self._busy, self._own, self._began = busy_seconds(), _own_seconds(), time.monotonic()

    def processors(self) -> float | None:
        """Return the mean number of processors that others used; None where the system does not tell."""
        busy, elapsed = busy_seconds(), time.monotonic() - self._began
        if self._busy is None or busy is None or elapsed <= 0:
            return None
        return max(0.0, (busy - self._busy - (_own_seconds() - self._own)) / elapsed)

    def warning(self) -> str:
        """Return a sentence if others and the threads of this process want more processors than there are."""
        others, threads, count = self.processors(), torch.get_num_threads(), os.cpu_count() or 1
        if others is None or threads == 1 or others + threads <= count + _CROWDED:
            return ""
        free = max(1, round(count - others))
        return (
            f"other programs use {others:.1f} of the {count} processors, and this run has {threads} threads, "
            f"which then wait for each other: --threads {free} may be many times as fast"
        )


def busy_seconds() -> float | None:
    """Return the seconds that all processors have worked since the machine started; None if unknown."""
    try:
        times = [int(word) for word in _STATISTICS.read_text().split("\n")[0].split()[1:9]]
        work = sum(value for place, value in enumerate(times) if place not in _IDLE)
        return work / os.sysconf("SC_CLK_TCK") if len(times) > max(_IDLE) else None
    except (AttributeError, ValueError, OSError):  # There is no such file outside Linux.
        return None


def _own_seconds() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system
