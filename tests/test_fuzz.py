"""A few seconds of the fuzzer; ``python tests/fuzz.py`` runs it for longer."""

import subprocess
import sys
from pathlib import Path


def test_a_short_run_of_the_fuzzer_finds_nothing(tmp_path):
    command = [
        sys.executable,
        Path(__file__).with_name("fuzz.py"),
        "--keep",
        tmp_path,
        "--seed",
        "7",
    ]
    words = ["--target", "text", "--target", "cli", "--cases", "12"]
    done = subprocess.run([*command, *words, "--minutes", "3"], capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    table = [line.split()[:5] for line in done.stdout.splitlines()[1:]]
    assert table == [[name, "12", "0", "0", "0"] for name in ("text", "cli")]


def test_the_runs_that_are_damaged_can_betrained(tmp_path):
    from fuzzing.runs import train

    train("char", tmp_path / "char")
    assert (tmp_path / "char" / "scores.json").is_file()
