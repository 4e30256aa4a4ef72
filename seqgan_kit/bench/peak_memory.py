"""The most memory that work takes, as the kernel counts it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def peak_bytes(work: Callable[[], object]) -> int | None:
    """Return the largest memory during the work minus that before it; None where only Linux tells."""
    try:
        before = _kibibytes("VmRSS")
        _RESET.write_text("5")  # The peak begins anew.
        work()
        return 1024 * (_kibibytes("VmHWM") - before)
    except OSError:
        return None


def _kibibytes(name: str) -> int:
    lines = _STATUS.read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))
