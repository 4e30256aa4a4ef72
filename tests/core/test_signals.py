"""Real processes: Ctrl-C and SIGTERM with their exit codes and commands, and `kill -9` at random moments."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import tiny_games as tiny

HERE = Path(__file__).parent
TINY = str(HERE / "tiny_games.py")
ENVIRONMENT = os.environ | {
    "OMP_NUM_THREADS": "1",
    "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
}


def stop(command: str, folder: Path, rows: int, number: int) -> tuple[int, str]:
    """Runs a command line, signals it once the run has written so many rows; exit code and stderr."""
    process = subprocess.Popen(
        f"exec {command}", shell=True, env=ENVIRONMENT, text=True, stderr=subprocess.PIPE
    )
    until = time.monotonic() + 120
    while not (folder / "metrics.jsonl").exists() or len(tiny.rows(folder)) < rows:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until, "the run did not get going"
        time.sleep(0.02)
    process.send_signal(number)
    _, told = process.communicate(timeout=60)
    return process.returncode, told


def test_ctrl_c_then_sigterm_then_the_end_by_the_commands_that_are_printed(tmp_path: Path) -> None:
    folder, whole = tmp_path / "run", tmp_path / "whole"
    settings = "--game seqgan --batch 16 --rounds 2 --pause-milliseconds 60"
    code, told = stop(f"python {TINY} {settings} --out {folder}", folder, 3, signal.SIGINT)
    assert code == 130
    first, command = told.splitlines()[-2:]
    assert first.startswith("Stopped by Ctrl-C in phase 'pretrain-generator' after ")
    assert first.endswith("updates; everything is saved. Resume with:")
    assert "Traceback" not in told
    code, told = stop(command.strip(), folder, 6, signal.SIGTERM)
    assert code == 143
    assert told.splitlines()[-2].startswith("Stopped by SIGTERM in phase")
    assert told.splitlines()[-1] == command
    end = f"{command} --pause-milliseconds 0"
    subprocess.run(end, shell=True, env=ENVIRONMENT, check=True, timeout=120)
    tiny.play(tiny.Config("seqgan", batch=16, rounds=2), whole)
    assert tiny.run_differences(folder, whole) == []


def campaign(folder: Path, game: str, rounds: int, kills: int, seed: int) -> None:
    """See ``kill_campaign.py``."""
    told = {"game": game, "rounds": rounds, "kills": kills, "seed": seed}
    flags = [word for name, value in told.items() for word in (f"--{name}", str(value))]
    command = [sys.executable, str(HERE / "kill_campaign.py"), str(folder), *flags]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    report = json.loads((folder / "report.json").read_text())
    assert report["differences"] == [], report["kills"]
    assert report["kills"]


def test_killed_at_random_moments(tmp_path: Path) -> None:
    campaign(tmp_path / "run", "penalty", rounds=8, kills=5, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize(("game", "rounds"), [("seqgan", 8), ("penalty", 20), ("stopped", 0)])
def test_killed_at_random_moments_many_times(game: str, rounds: int, tmp_path: Path) -> None:
    campaign(tmp_path / "run", game, rounds, kills=25, seed=7)
