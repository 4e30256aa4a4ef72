"""Kills a run with SIGKILL at random moments, again and again, and compares its end with an uninterrupted
run's.

    python tests/core/kill_campaign.py FOLDER --game seqgan --kills 20 --seed 1

Every process is a fork of this one, so that torch is imported once. The report goes to FOLDER/report.json.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

import tiny_games as tiny
import torch

from seqgan_kit.core.runs.launch import launch

PACE = ["--pause-milliseconds", "4"]


def start(arguments: list[str], log: Path) -> int:
    """Fork a process that trains by the command line; return its id."""
    process = os.fork()
    if process:
        return process
    out = os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    os.dup2(out, 1)
    os.dup2(out, 2)
    sys.argv = [str(Path(tiny.__file__)), *arguments]
    code = 1
    try:
        launch(tiny.main, tiny.PRESETS)
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        sys.stderr.flush()
        os._exit(code)


def ended(process: int, seconds: float) -> int | None:
    """Return the exit code of a process that ends within ``seconds``."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found, status = os.waitpid(process, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.001)
    return None


def standing(folder: Path) -> dict[str, Any]:
    """Return the state after a kill: newest row and checkpoint, and whether a file is incomplete."""
    rows = tiny.rows(folder)
    saved = sorted(path.stem for path in (folder / "checkpoints").glob("move-*.pt"))
    return {
        "row": f"{rows[-1]['phase']} {rows[-1]['round']}" if rows else "none",
        "checkpoint": saved[-1] if saved else "none",
        "in_a_write": any((folder / "checkpoints").glob(".*.tmp")),
    }


def broken_run(
    folder: Path, settings: list[str], kills: int, choose: random.Random, log: Path
) -> list[dict[str, Any]]:
    """Run to the end with at most ``kills`` kills; return the state after each."""
    found: list[dict[str, Any]] = []
    while True:
        known = (folder / "config.json").exists()
        where = ["--resume", str(folder)] if known else [*settings, "--out", str(folder)]
        # Saved after every move, or every 60 ms.
        minutes = choose.choice(("1e-9", "0.001"))
        pace = PACE if len(found) < kills else ["--pause-milliseconds", "0"]
        process = start([*where, *pace, "--save-every-minutes", minutes], log)
        code = ended(process, choose.uniform(0.02, 0.6) if len(found) < kills else 600)
        if code is not None:
            assert code == 0, log.read_text()
            return found
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        found.append(standing(folder))


def campaign(place: Path, game: str, rounds: int, kills: int, seed: int) -> dict[str, Any]:
    """Kill runs until ``kills`` is reached; return where each was killed, and differences at the end."""
    choose, log = random.Random(seed), place / "log.txt"
    settings = ["--game", game, "--rounds", str(rounds)]
    # What torch imports at its first step is imported here, else most kills would hit an import.
    tiny.play(tiny.Config(game, rounds=1), place / "warm-up")
    assert ended(start([*settings, "--out", str(place / "whole")], log), 600) == 0, log.read_text()
    report: dict[str, Any] = {"runs": 0, "kills": [], "differences": []}
    while len(report["kills"]) < kills:
        folder = place / f"broken-{report['runs']}"
        left = kills - len(report["kills"])
        report["kills"] += broken_run(folder, settings, left, choose, log)
        report["differences"] += tiny.run_differences(folder, place / "whole")
        report["runs"] += 1
    return report


def main() -> None:
    """Run a campaign from the command line."""
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--game", choices=list(tiny.GAMES), default="seqgan")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    told = parser.parse_args()
    told.folder.mkdir(parents=True, exist_ok=True)
    report = campaign(told.folder, told.game, told.rounds, told.kills, told.seed)
    (told.folder / "report.json").write_text(json.dumps(report, indent=1))
    for kill in report["kills"]:
        print(*kill.values())
    print(
        len(report["kills"]),
        "kills in",
        report["runs"],
        "runs; differences:",
        report["differences"],
    )


if __name__ == "__main__":
    main()
