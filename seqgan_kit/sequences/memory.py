"""Whether what is about to be made fits into this machine's memory."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from seqgan_kit.errors import UsageError

TRAINED_BYTES = 16
"""Of a trained parameter: itself, its gradient and Adam's two running means, float32 each."""
FIXED_BYTES = 4
"""Of a parameter that is not trained."""
LARGE_VOCABULARY = 100_000
"""From here on networks are counted first, for which torch loads a second or two of code."""

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


def check_training_memory(kind: str, vocabulary: int, make: Callable[[], nn.Module]) -> None:
    """The same for a network that will be trained, counted without making its numbers."""
    if vocabulary < LARGE_VOCABULARY:
        return
    with torch.device("meta"):
        parameters = sum(p.numel() for p in make().parameters())
    check_memory(f"training a {kind} on {vocabulary:,} tokens", parameters, TRAINED_BYTES)


def _gibibytes(count: int) -> str:
    return f"{count / 2**30:,.1f} GiB"
