"""``compare`` as a user runs it: train, kill, continue, collect."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "seqgan_kit.cli.main", "compare"]
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}
TINY = ["--preset", "smoke", "--shared=--score-samples 40 --evaluation-samples 20"]


def start(words: list[str], folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, *words], cwd=folder, env=ENVIRONMENT, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


@pytest.mark.slow
def test_a_comparison_goes_on_after_a_kill_and_is_collected_again(tmp_path: Path) -> None:
    words = ["seqgan", *TINY, "--seeds", "3", "--temperatures"]
    words += ["--out", "c", "--jobs", "2"]
    process = start(words, tmp_path)
    while not (tmp_path / "c" / "seqgan" / "seed-3" / "metrics.jsonl").exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    told = process.communicate(timeout=120)[0]
    assert process.returncode == 130, told
    again = start(words, tmp_path)
    told = again.communicate(timeout=600)[0]
    assert again.returncode == 0, told
    assert "runs are finished already" in told
    assert max(map(len, told.splitlines())) <= 160
    record = json.loads((tmp_path / "c" / "compare.json").read_text())
    arms = {arm["name"]: [run["seed"] for run in arm["runs"]] for arm in record["arms"]}
    assert set(arms) == {"start", "mle", "seqgan", "constant"}
    assert all(seeds == [3] for seeds in arms.values())
    updates = {arm["name"]: {r["generator_updates"] for r in arm["runs"]} for arm in record["arms"]}
    assert {name: updates[name] for name in ("mle", "seqgan", "constant")} == {
        "mle": {2},
        "seqgan": {2},
        "constant": {2},
    }
    assert len(record["frontier"]["verdicts"]) == 3
    page = (tmp_path / "c" / "compare.html").read_text()
    assert "All runs finished" in page
    collected = ["--runs", f"mle={tmp_path}/c/mle/seed-3", f"toy={tmp_path}/c/seqgan/seed-3"]
    told = start([*collected, "--out", "d"], tmp_path).communicate(timeout=60)[0]
    assert "wrote d/compare.html" in told
