"""A run is told when other programs use the processors that its threads want."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from seqgan_kit.core.runs.machine import processors
from seqgan_kit.core.runs.machine.processors import OtherWork, busy_seconds

TICKS = 100


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine of two processors whose times are in a file."""
    path = tmp_path / "stat"
    monkeypatch.setattr(processors, "_STATISTICS", path)
    monkeypatch.setattr(processors.os, "cpu_count", lambda: 2)
    monkeypatch.setattr(processors.os, "sysconf", lambda name: TICKS)
    return path


def write(path: Path, busy: float) -> None:
    """Write the machine's times: work under three names, and much idling, which is no work."""
    user = round(busy * TICKS) - 30
    path.write_text(f"cpu  {user} 10 20 99999 5555 0 0 0 7777 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n")


def other_work(
    machine: Path, monkeypatch: pytest.MonkeyPatch, *, busy: float, own: float
) -> OtherWork:
    """Measure ten seconds in which all programs worked for ``busy`` seconds and this one for ``own``."""
    now, used = [1000.0], [50.0]
    monkeypatch.setattr(processors.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(processors, "_own_seconds", lambda: used[0])
    write(machine, 400.0)
    work = OtherWork()
    now[0] += 10
    used[0] += own
    write(machine, 400.0 + busy)
    return work


def test_others_are_all_work_but_ones_own(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = other_work(machine, monkeypatch, busy=18.0, own=8.5)
    assert work.processors() == pytest.approx(0.95)


@pytest.mark.parametrize(
    ("busy", "own", "threads", "said"),
    [
        (18.0, 8.0, 2, "--threads 1 may be many times as fast"),  # Another training beside it.
        (18.0, 8.0, 1, ""),  # Each has a processor.
        (19.0, 18.0, 2, ""),  # A browser beside it.
        (19.9, 3.0, 2, "--threads 1"),  # More work than processors.
    ],
)
def test_only_a_crowded_run_is_told(
    machine: Path, monkeypatch: pytest.MonkeyPatch, busy: float, own: float, threads: int, said: str
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    warning = other_work(machine, monkeypatch, busy=busy, own=own).warning()
    assert said in warning
    assert bool(said) == bool(warning)


@pytest.mark.parametrize("text", [None, "", "cpu  1 2 three 4 5 6 7 8\n", "cpu 1 2\n"])
def test_an_unknown_system_says_nothing(
    machine: Path, monkeypatch: pytest.MonkeyPatch, text: str | None
) -> None:
    if text is not None:
        machine.write_text(text)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    assert busy_seconds() is None
    assert not OtherWork().warning()
