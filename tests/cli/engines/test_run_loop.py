"""Runs as processes: collected, resumed after a kill, failing alone, limited in time, never run twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from seqgan_kit.cli.engines.local_engine import LocalEngine
from seqgan_kit.cli.engines.planned_run import PlannedRun
from seqgan_kit.cli.engines.resuming import check_command, finished, log_path, words_now
from seqgan_kit.cli.engines.run_loop import play
from seqgan_kit.errors import UsageError


def planned(toy: Path, name: str, *words: str, **more: object) -> PlannedRun:
    folder = toy.parent / "out" / name / "seed-0"
    return PlannedRun(name, 0, str(toy), (*words, "--out", str(folder)), folder, **more)  # type: ignore[arg-type]


def played(runs: list[PlannedRun], jobs: int = 1) -> tuple[dict[str, str], list[str]]:
    lines: list[str] = []
    return play(runs, LocalEngine(jobs), lines.append, lambda problems: None), lines


def test_runs_are_started_in_order_and_collected_the_next_time(toy: Path) -> None:
    start = planned(toy, "start")
    runs = [start, planned(toy, "a", start=start.folder), planned(toy, "b", start=start.folder)]
    problems, lines = played(runs)
    assert problems == {}
    begun = [line.split(":")[0] for line in lines if "started" in line]
    assert begun == ["start, seed 0", "a, seed 0", "b, seed 0"]
    assert all(map(finished, runs))
    assert played(runs) == ({}, ["3 of 3 runs are finished already"])


def test_several_at_a_time_share_the_processors(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    runs = [planned(toy, name, "--rounds", "12") for name in "abcd"]
    began = time.monotonic()
    assert played(runs, jobs=4)[0] == {}
    assert "threads 2 " in log_path(runs[0]).read_text()
    starts = [log_path(run).stat().st_mtime for run in runs]
    assert max(starts) - min(starts) < time.monotonic() - began


def test_an_interrupted_run_is_resumed(toy: Path) -> None:
    run = planned(toy, "a", "--rounds", "5")
    run.folder.mkdir(parents=True)
    command = [sys.executable, str(toy), *run.words]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while not (run.folder / "metrics.jsonl").exists():
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert words_now(run)[0] == ["--resume", str(run.folder)]
    assert played([run])[0] == {}
    assert "from round 0" not in log_path(run).read_text()
    assert (run.folder / "scores.json").read_text() == '{"rounds": 5}'


def test_a_failure_is_told_and_the_others_go_on(toy: Path) -> None:
    bad = planned(toy, "bad", "--fail")
    runs = [bad, planned(toy, "good"), planned(toy, "after", start=bad.folder)]
    problems, lines = played(runs)
    assert problems == {
        "bad, seed 0": "error: asked to fail",
        "after, seed 0": "not started, because the run that it starts from failed",
    }
    assert finished(runs[1])
    assert any("bad, seed 0: failed after" in line for line in lines)


def test_a_limit_in_seconds_ends_with_scores(toy: Path) -> None:
    """A thousand rounds, 0.2 seconds: stopped by its own clock, then one more round and the scores."""
    run = planned(toy, "a", "--rounds", "1000", seconds=0.2)
    problems, lines = played([run])
    assert problems == {}
    assert any("time is over, computing scores" in line for line in lines)
    rounds = len((run.folder / "metrics.jsonl").read_text().splitlines())
    assert 2 < rounds < 100
    check_command(run)
    for seconds in (0.0, 0.4):
        with pytest.raises(UsageError, match="run of another command"):
            check_command(planned(toy, "a", "--rounds", "1000", seconds=seconds))


def test_another_command_is_not_resumed(toy: Path) -> None:
    assert played([planned(toy, "a", "--rounds", "2")])[0] == {}
    with pytest.raises(UsageError, match=r"run of another command:\n  --rounds 2"):
        played([planned(toy, "a", "--rounds", "3")])


def test_where_things_lie_does_not_make_another_command(toy: Path) -> None:
    run = planned(toy, "a", "--config", "out/shared.json")
    assert played([run])[0] == {}
    words = ("--config", "/elsewhere/shared.json", "--out", "seed-0")
    check_command(PlannedRun("a", 0, str(toy), words, run.folder))


def test_no_two_processes_write_to_one_run(toy: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    run = planned(toy, "a")
    log_path(run).parent.mkdir(parents=True)
    with log_path(run).open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_SH)
        problems, _ = played([run])
    assert "another process is still running it" in problems["a, seed 0"]
    assert played([run])[0] == {}


PLAY = """
import sys
from pathlib import Path
from seqgan_kit.cli.engines.local_engine import LocalEngine
from seqgan_kit.cli.engines.planned_run import PlannedRun
from seqgan_kit.cli.engines.run_loop import play
from seqgan_kit.errors import Interrupted
toy, folder = sys.argv[1], Path(sys.argv[2])
run = PlannedRun("a", 0, toy, ("--rounds", "50", "--out", str(folder)), folder)
try:
    play([run], LocalEngine(1), lambda line: print(line, flush=True), lambda problems: None)
except Interrupted as stop:
    print(stop)
    sys.exit(stop.exit_code)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_runs_and_the_same_command_goes_on(
    toy: Path, number: signal.Signals
) -> None:
    run = planned(toy, "a", "--rounds", "50")
    command = [sys.executable, "-c", PLAY, str(toy), str(run.folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    while not (run.folder / "metrics.jsonl").exists():
        time.sleep(0.01)
    process.send_signal(number)
    told = process.communicate(timeout=30)[0]
    assert process.returncode == 130
    assert "Stopped; everything is saved. Rerun the same command to continue." in told
    before = len((run.folder / "metrics.jsonl").read_text().splitlines())
    assert before < 50
    assert not finished(run)
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert "a, seed 0: resumed" in done.stdout
    assert f"from round {before}" in log_path(run).read_text()
    assert finished(run)
