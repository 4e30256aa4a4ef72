"""Ctrl-C ends a recipe and the command line in one line and exit status 130, whenever it comes."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RECIPES = sorted((ROOT / "recipes").glob("*.py"))


START = """
import sys
from seqgan_kit.cli.start import entry
print("up", flush=True)
"""


def hears_ctrl_c() -> None:
    """What a shell starts in the background ignores SIGINT, and its children with it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def interrupted(code: str, words: list[str], delay: float) -> tuple[int, str]:
    """Interrupts a script so long after the interpreter is up; exit status and what it said."""
    process = subprocess.Popen(
        [sys.executable, "-c", f"{START}{code}", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        preexec_fn=hears_ctrl_c,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    time.sleep(delay)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    return process.returncode, told


# Nothing is imported before the recipe's first line: the interpreter's own start is nobody's to handle.
RECIPE = """
sys.argv[0] = "recipes/mle.py"
exec(compile(open(sys.argv[0]).read(), sys.argv[0], "exec"))
"""
COMMAND = """
sys.argv[0] = "seqgan-kit"
entry()
"""


@pytest.mark.parametrize("delay", [0.05, 0.4, 0.9])
def test_a_recipe(delay: float, tmp_path: Path) -> None:
    code, told = interrupted(RECIPE, ["smoke", "--out", str(tmp_path / "run")], delay)
    assert (code, told.count("\n")) in ((130, 1), (130, 2)), told
    assert "Stopped" in told
    assert "Traceback" not in told


@pytest.mark.parametrize("delay", [0.05, 0.3])
def test_the_command_line(delay: float, tmp_path: Path) -> None:
    words = ["run", "mle", "smoke", "--out", str(tmp_path / "run")]
    code, told = interrupted(COMMAND, words, delay)
    assert code == 130, told
    assert told.count("\n") in (1, 2), told
    assert "Traceback" not in told


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_listens_before_its_imports(recipe: Path) -> None:
    first = ast.parse(recipe.read_text()).body[1]
    assert isinstance(first, ast.If)
    assert "leave_on_ctrl_c()" in ast.unparse(first)
