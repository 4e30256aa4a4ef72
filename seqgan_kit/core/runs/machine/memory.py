"""Check, before allocation, that tensors and networks fit into this machine's memory."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from seqgan_kit.errors import UsageError

TRAINED_BYTES = 16
"""Bytes per trained parameter: the parameter, its gradient and Adam's two moments, each float32."""
FIXED_BYTES = 4
"""Bytes per parameter that is not trained."""
LARGE_VOCABULARY = 100_000
"""Size from which parameters are counted first; torch loads a second or two of code for that."""
_LARGE_SIZE, _LARGE_PRODUCT = 4096, 1_000_000
_NARROWER = "use a smaller vocabulary or narrower layers"

_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


def machine_bytes() -> int | None:
    """Return the memory of this machine or container in bytes; None if it is unknown."""
    try:
        physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf.
        return None
    try:
        return min(physical, int(_CGROUP_LIMIT.read_text()))
    except (OSError, ValueError):  # There is no container, or it has no limit ("max").
        return physical


def check_memory(
    what: str, numbers: int, bytes_each: int, kind: str = "parameters", advice: str = _NARROWER
) -> None:
    """Raise UsageError if so many numbers would exceed the machine's memory."""
    needed, there = numbers * bytes_each, machine_bytes()
    if there is not None and needed > there:
        raise UsageError(
            f"{what} takes {_gibibytes(needed)} of memory ({numbers:,} {kind} of {bytes_each} "
            f"bytes) and this machine has {_gibibytes(there)}: {advice}."
        )


def check_training_memory(
    what: str,
    make: Callable[[], nn.Module],
    settings: Any,
    vocabulary: int = 0,
    advice: str = _NARROWER,
) -> None:
    """Raise UsageError if training a network would exceed the machine's memory, without allocating it.

    Args:
        what: the network's name in the message.
        make: function that builds it.
        settings: dataclass of its sizes; if all are small, the network is not counted.
        vocabulary: V, another such size.
        advice: what the message tells the user to do.
    """
    if vocabulary < LARGE_VOCABULARY and not _may_be_large(settings):
        return
    with torch.device("meta"):
        parameters = sum(p.numel() for p in make().parameters())
    check_memory(f"training {what}", parameters, TRAINED_BYTES, advice=advice)


def _may_be_large(settings: Any) -> bool:
    values = (getattr(settings, field.name) for field in dataclasses.fields(settings))
    sizes = [value for value in values if isinstance(value, int) and value > 1]
    return max(sizes, default=0) >= _LARGE_SIZE or math.prod(sizes) >= _LARGE_PRODUCT


def _gibibytes(count: int) -> str:
    return f"{count / 2**30:,.1f} GiB"
