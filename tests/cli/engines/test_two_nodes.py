"""Comparisons and sweeps on a real Ray cluster of two nodes, one of which is killed while it trains."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

HERE = Path(__file__).parent
TOY = HERE.parent / "sweep" / "toy_recipe.py"
PROGRAM = [sys.executable, "-m", "seqgan_kit.cli.main"]
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}
TINY = ["--preset", "smoke", "--shared=--score-samples 40 --evaluation-samples 20"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs the extra ray"),
]


@contextmanager
def cluster() -> Iterator[tuple[str, IO[str]]]:
    """The address of a cluster, and the input of its process, which kills a node for every line."""
    with subprocess.Popen(
        [sys.executable, str(HERE / "two_nodes.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield process.stdout.readline().strip(), process.stdin
        process.stdin.close()


def run_while_a_node_dies(words: list[str], folder: Path, watched: str, runs: int) -> str:
    """Run a command on two nodes; kill one when so many ``watched`` runs have begun. Return what it said."""
    with (
        cluster() as (address, nodes),
        subprocess.Popen(
            [*PROGRAM, *words, "--on", "ray", "--address", address],
            cwd=folder,
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as command,
    ):
        while len(list(folder.glob(watched))) < runs:
            assert command.poll() is None, command.communicate()[0]
            time.sleep(0.02)
        nodes.write("kill\n")
        nodes.flush()
        told = command.communicate(timeout=900)[0]
    assert command.returncode == 0, told
    return told


def attempts(folder: Path) -> list[list[str]]:
    return [
        [json.loads(line)["how"] for line in path.read_text().splitlines()]
        for path in sorted(folder.rglob("*.attempts.jsonl"))
    ]


def test_a_sweep_with_a_lost_node_equals_the_one_of_one_machine(tmp_path: Path) -> None:
    (tmp_path / "space.yaml").write_text("x: [0.0, 0.5]\n")
    words = ["sweep", str(TOY), "--grid", "space.yaml", "--metric", "m", "--seeds", "0", "1"]
    words += ["--flags=--rounds 100 --pause 0.05", "--out"]
    told = run_while_a_node_dies([*words, "r"], tmp_path, "r/*/seed-0/metrics.jsonl", 2)
    assert "retry 1 of 3 resumes it" in told
    assert sorted(attempts(tmp_path / "r"))[-1] == ["started", "resumed"]
    quick = [word.replace("0.05", "0") for word in words]
    subprocess.run([*PROGRAM, *quick, "l"], cwd=tmp_path, env=ENVIRONMENT, check=True, timeout=300)
    tables = [json.loads((tmp_path / out / "sweep.json").read_text()) for out in ("r", "l")]
    assert tables[0]["settings"] == tables[1]["settings"]
    assert all(not row["missing"] for row in tables[0]["settings"])
    for metrics in (tmp_path / "r").rglob("metrics.jsonl"):
        rounds = [json.loads(line)["round"] for line in metrics.read_text().splitlines()]
        assert rounds == list(range(1, 101))


def test_a_comparison_with_a_lost_node_equals_the_one_of_one_machine(tmp_path: Path) -> None:
    words = ["compare", "seqgan", *TINY, "--seeds", "3", "--temperatures", "--out"]
    # The start has ended when two arms have begun.
    told = run_while_a_node_dies([*words, "r"], tmp_path, "r/*/seed-3/metrics.jsonl", 3)
    assert "retry 1 of 3 resumes it" in told
    subprocess.run([*PROGRAM, *words, "l"], cwd=tmp_path, env=ENVIRONMENT, check=True, timeout=900)
    tables = [json.loads((tmp_path / out / "compare.json").read_text()) for out in ("r", "l")]
    scores: list[Any] = [table["rows"] for table in tables]
    assert scores[0] == scores[1]
    assert {row["arm"] for row in scores[0]} >= {"start", "mle", "seqgan", "constant"}


def test_an_address_where_something_else_listens_is_refused(tmp_path: Path) -> None:
    """Before Ray is asked, which would try for a minute."""
    (tmp_path / "space.yaml").write_text("x: [0.0]\n")
    words = ["sweep", str(TOY), "--grid", "space.yaml", "--metric", "m", "--on", "ray"]
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        assert server.stdout is not None
        port = server.stdout.readline().split(" port ")[1].split()[0]
        done = subprocess.run(
            [*PROGRAM, *words, "--address", f"127.0.0.1:{port}"],
            cwd=tmp_path,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            timeout=120,
        )
        server.kill()
    assert done.returncode == 2, done.stderr
    assert "what answers there is not Ray" in done.stderr
    assert "Traceback" not in done.stderr
