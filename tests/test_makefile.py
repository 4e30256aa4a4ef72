"""How `make` comes by torch, with stand-ins for pip and uv that record what they are asked for."""

import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PIN = next(
    line.removeprefix("torch==")
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    if line.startswith("torch==")
)

# The tests that failed on processors without AVX-512.
ONCE_BROKEN = {"test_generator_choice.py", "test_lstm.py", "test_seqgan.py"}

# A virtual environment's python. It writes down its words, and fails on lines that are in the file "refused".
STAND_IN = """#!/bin/sh
echo "$*" >> calls
if grep -qxF -e "$*" refused; then echo "refused: $*" >&2; exit 1; fi
"""

CPU = f"-m pip --disable-pip-version-check install torch=={PIN}+cpu -q"
UV = [
    "-m pip --disable-pip-version-check install -q uv",
    f"-m uv pip install -q --python .venv/bin/python --torch-backend=auto torch=={PIN}",
]
DEFAULT = f"-m pip --disable-pip-version-check install torch=={PIN}"

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


@pytest.fixture
def project(tmp_path):
    for name in ("Makefile", "constraints.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(STAND_IN, encoding="utf-8")
    python.chmod(0o755)
    return tmp_path


def make(project, *words, refused=()):
    """Runs make with calls that fail; its process, and what python was asked for."""
    (project / "refused").write_text("".join(f"{call}\n" for call in refused), encoding="utf-8")
    # As if started by hand, because `make test` runs this test under make.
    outer = {"MAKEFLAGS", "MFLAGS", "MAKELEVEL"}
    clean = {name: value for name, value in os.environ.items() if name not in outer}
    done = subprocess.run(
        ["make", *words],
        cwd=project,
        env={**clean, "LC_ALL": "C"},
        capture_output=True,
        text=True,
    )
    calls = project / "calls"
    return done, calls.read_text(encoding="utf-8").splitlines() if calls.exists() else []


@pytest.mark.parametrize(
    ("cpu", "refused", "wanted", "told"),
    [
        ("+cpu", [], [CPU], ["the CPU build, from pip's index"]),
        ("+cpu", [CPU], [CPU, *UV], ["the CPU build", "by uv"]),
        ("+cpu", [CPU, UV[0]], [CPU, UV[0], DEFAULT], ["CPU", "by uv", "default build"]),
        ("+cpu", [CPU, UV[1]], [CPU, *UV, DEFAULT], ["CPU", "by uv", "default build"]),
        ("", [], [DEFAULT], ["the default build"]),
        ("", [DEFAULT], [DEFAULT, *UV], ["the default build", "by uv"]),
    ],
    ids=["CPU build", "uv", "no uv", "no index of PyTorch's", "default build", "not by pip"],
)
def test_ways_to_torch_in_their_order(project, cpu, refused, wanted, told):
    """The calls, a line for each way, and silence about the ways that did not lead there."""
    done, calls = make(project, f"CPU_BUILD={cpu}", ".venv/.torch", refused=refused)
    assert (done.returncode, done.stderr) == (0, "")
    assert calls == wanted
    lines = done.stdout.splitlines()
    assert len(lines) == len(told)
    assert all(part in line for part, line in zip(told, lines, strict=True))
    assert (project / ".venv" / ".torch").exists()


def test_the_size_of_a_build_with_cuda_is_said(project):
    done, _ = make(project, "CUDA_SIZE=, about 9 GB", "CPU_BUILD=", ".venv/.torch")
    assert f"make: torch {PIN}, the default build, about 9 GB, from pip's index" in done.stdout
    assert "GB to download with CUDA" in (ROOT / "Makefile").read_text(encoding="utf-8")


@pytest.mark.parametrize("cpu", ["+cpu", ""])
def test_where_no_way_leads_to_torch_all_reasons_are_shown(project, cpu):
    refused = [CPU, UV[1], DEFAULT]
    done, calls = make(project, f"CPU_BUILD={cpu}", ".venv/.torch", refused=refused)
    assert done.returncode != 0
    assert set(calls) == {*([CPU] if cpu else []), *UV, DEFAULT}
    assert all(f"refused: {call}" in done.stderr for call in refused if call in calls)
    assert f"no way to torch {PIN} worked" in done.stderr
    assert "make TORCH_INDEX=ADDRESS demo" in done.stderr
    assert not (project / ".venv" / ".torch").exists()


def test_an_index_of_ones_own_is_asked_as_well(project):
    _, calls = make(project, "CPU_BUILD=+cpu", "TORCH_INDEX=file:///torch", ".venv/.torch")
    assert calls == [CPU.replace("install ", "install --extra-index-url file:///torch ")]


def test_demo_needs_no_other_command(project):
    done, calls = make(project, "CPU_BUILD=+cpu", "demo")
    assert done.returncode == 0, done.stderr
    assert calls == [
        CPU,
        "-m pip --disable-pip-version-check install -q -e . -c constraints.txt",
        "recipes/seqgan.py --out runs/demo --overwrite",
    ]


@pytest.mark.parametrize(
    ("script", "is_told"),
    [
        ('[ "$1" = -V ] && echo "Python 3.9.18" && exit; exit 1', "is Python 3.9.18"),
        ('echo "no such thing" >&2; exit 127', "is no such thing"),
    ],
)
def test_a_python_that_is_too_old_is_refused_in_a_sentence(project, script, is_told):
    shutil.rmtree(project / ".venv")
    old = project / "old_python"
    old.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    old.chmod(0o755)
    done, calls = make(project, f"PYTHON={old}", "demo")
    assert done.returncode != 0
    assert not calls
    told = f"seqgan-kit needs Python 3.11 or newer, and {old} {is_told}: choose another one"
    assert done.stderr.splitlines()[0].startswith(told)
    assert not (project / ".venv").exists()


@pytest.mark.skipif(platform.machine().lower() not in ("x86_64", "amd64"), reason="x86 alone")
def test_numerics_are_tested_as_older_processors_too(project):
    done, _ = make(project, "-n", "CPU_BUILD=+cpu", "test")
    runs = re.findall(r"((?:\w+=\w+ )*)\.venv/bin/python -m pytest", done.stdout)
    older = ["ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2", "ATEN_CPU_CAPABILITY=default"]
    assert [run.strip() for run in runs] == ["", *older]
    (pattern,) = set(re.findall(r"grep -rlF '(.+?)'", done.stdout))
    marked = {p.name for p in ROOT.rglob("tests/**/*.py") if pattern in p.read_text("utf-8")}
    assert marked >= ONCE_BROKEN
