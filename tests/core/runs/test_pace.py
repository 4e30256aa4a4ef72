"""Time left of a run, estimated from the updates made so far."""

from __future__ import annotations

import io
import re

import pytest
import torch
from pull_game import COUNT, MOVE_A, MOVE_B
from rich.console import Console

from seqgan_kit.core.feeds import TensorFeed
from seqgan_kit.core.game import Epochs, Phase, Turn
from seqgan_kit.core.runs import progress as module
from seqgan_kit.core.runs.pace import Pace
from seqgan_kit.core.runs.progress import Progress
from seqgan_kit.core.training.cursor import Cursor


def test_moves_left_times_their_seconds() -> None:
    """4 batches an epoch, so phase one has 12 moves of a in 3 rounds, and 1 + 2 + 3 of b."""
    feed = TensorFeed({"real": torch.arange(12.0)}, 3, seed=0)
    whole = Turn(("a",), loss="a_loss", optimizer=MOVE_A.optimizer, moves=Epochs(1))
    growing = Turn(("b",), loss="b_loss", optimizer=MOVE_B.optimizer, moves=lambda n: n + 1)
    phases = (Phase("one", (whole, growing), 3), Phase("two", (MOVE_A, COUNT), 5))
    pace = Pace(phases, {"train": feed})
    assert pace.left(Cursor()).untimed == ("one", "two")
    pace.add(whole, 2.0)
    pace.add(whole, 4.0)
    pace.add(growing, 10.0)
    left = pace.left(Cursor(phase=0, round=1))
    assert left.seconds == 8 * 3 + 5 * 10 + 5 * 3
    assert left.untimed == ("two",)
    pace.add(COUNT, 1.0)
    assert pace.left(Cursor(phase=1, round=2)).seconds == 3 * 3 + 3
    assert pace.left(Cursor(phase=2)).seconds == 0


def test_it_is_said_once_and_then_beside_the_phase(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_ESTIMATE_SECONDS", 0.0)
    monkeypatch.setattr(module, "_PLAIN_SECONDS", 0.0)
    console = Console(file=io.StringIO(), force_terminal=False, highlight=False)
    with Progress("plain", console=console) as progress:
        progress.phase("mle", rounds=3)
        progress.whole_run(75.0, ("adversarial",), several=True)
        progress.advance(1, {})
        progress.whole_run(60.0, (), several=True)
        progress.advance(2, {})
    assert isinstance(console.file, io.StringIO)
    _, said, first, second, _ = console.file.getvalue().splitlines()
    assert "first updates: training takes over 1:15 more, without adversarial, plus" in said
    assert re.search(r"mle  1/3  eta \S+  run over 1:15", first)
    assert re.search(r"mle  2/3  eta \S+  run 1:00", second)
