"""Whether what is about to be made fits into this machine's memory."""

from __future__ import annotations

import os
from pathlib import Path

from seqgan_kit.errors import UsageError

TRAINED_BYTES = 16
"""Of a trained parameter: itself, its gradient and Adam's two running means, float32 each."""
FIXED_BYTES = 4
"""Of a parameter that is not trained."""

_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


def machine_bytes() -> int | None:
    """Memory of this machine, or what a container may use of it; None where nobody says."""
    try:
        physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # not on Windows
        return None
    try:
        return min(physical, int(_CGROUP_LIMIT.read_text()))
    except (OSError, ValueError):  # no container, or one without a limit ("max")
        return physical


def check_memory(what: str, parameters: int, bytes_each: int) -> None:
    """Raises before so many numbers are asked for, where they exceed the machine's memory."""
    needed, there = parameters * bytes_each, machine_bytes()
    if there is not None and needed > there:
        raise UsageError(
            f"{what} takes {_gibibytes(needed)} of memory ({parameters:,} parameters of {bytes_each} "
            f"bytes) and this machine has {_gibibytes(there)}: use a smaller vocabulary or narrower layers."
        )


def _gibibytes(count: int) -> str:
    return f"{count / 2**30:,.1f} GiB"
