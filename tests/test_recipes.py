"""Every recipe's smoke preset runs as a user would run it, and leaves a complete run directory."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
RECIPES = sorted(path.stem for path in (ROOT / "recipes").glob("*.py"))
PATHS = [str(ROOT / "recipes" / f"{recipe}.py") for recipe in RECIPES]


def run(arguments: list[str], cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "100"}
    return subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=environment, capture_output=True, text=True
    )


# All in one process: to import torch for every one of them takes the most of the time.
SMOKE_OF_ALL = """
import contextlib, io, json, runpy, sys, traceback
told = {}
for path in sys.argv[1:]:
    name = path.rsplit("/", 1)[1].removesuffix(".py")
    sys.argv = [path, "smoke", "--out", name, "--seed", "3"]
    out, errors, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        try:
            runpy.run_path(path, run_name="__main__")
        except SystemExit as end:
            code = end.code or 0
        except BaseException:
            code, _ = 1, traceback.print_exc()
    told[name] = [code, out.getvalue(), errors.getvalue()]
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def smoked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, list[Any]]]:
    """The folder of all recipes' runs; exit code, output and errors of each."""
    folder = tmp_path_factory.mktemp("smoke")
    done = run(["-c", SMOKE_OF_ALL, *PATHS], folder)
    assert done.returncode == 0, done.stderr[-2000:]
    return folder, json.loads(done.stdout)


@pytest.mark.parametrize("recipe", RECIPES)
def test_smoke_leaves_a_complete_run(
    recipe: str, smoked: tuple[Path, dict[str, list[Any]]]
) -> None:
    folder, told = smoked[0] / recipe, smoked[1][recipe]
    code, printed, errors = told
    assert code == 0, errors[-2000:]
    assert "Warning" not in errors, errors
    config = json.loads((folder / "config.json").read_text())
    assert (config["recipe"], config["preset"], config["seed"]) == (recipe, "smoke", 3)
    kinds = {json.loads(row)["kind"] for row in (folder / "metrics.jsonl").read_text().splitlines()}
    assert {"train", "phase"} <= kinds
    assert "<svg" in (folder / "report.html").read_text()
    assert (folder / "model" / "generator.safetensors").stat().st_size > 0
    assert list((folder / "checkpoints").glob("move-*.pt"))
    assert list((folder / "samples").iterdir())
    assert "--resume" in printed
    assert f"seqgan-kit sample {recipe}" in printed


HELP_OF_ALL = """
import contextlib, io, json, runpy, sys
told = {}
for path in sys.argv[1:]:
    sys.argv = [path, "--help"]
    with contextlib.redirect_stdout(io.StringIO()) as out:
        try:
            runpy.run_path(path, run_name="__main__")
        except SystemExit as end:
            told[path] = [end.code or 0, out.getvalue()]
print(json.dumps(told))
"""


def test_help_is_quick_to_read() -> None:
    done = run(["-c", HELP_OF_ALL, *PATHS], ROOT)
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout)
    assert set(told) == set(PATHS)
    for path, (code, text) in told.items():
        assert code == 0, path
        for word in ("--out", "--seed", "--resume", "Presets", "smoke", "paper"):
            assert word in text, (path, word)
        assert "Annotated" not in text, path
        assert "dataclass" not in text, path


MISTAKES = (
    (["smok"], "unknown preset 'smok'. Did you mean 'smoke'?"),
    (["--resume", "nowhere"], "nowhere holds no run to resume"),
    (["smoke", "--text", "nowhere.txt", "--out", "run"], "nowhere.txt"),
    (["smoke", "--rollouts", "-1", "--out", "run"], "rollouts is -1"),
    (["--config", "nowhere.yaml"], "no settings file nowhere.yaml"),
)
MAKE_ALL_MISTAKES = """
import contextlib, io, json, runpy, sys
told, path = [], sys.argv[1]
for words in json.loads(sys.argv[2]):
    sys.argv = [path, *words]
    with contextlib.redirect_stderr(io.StringIO()) as errors:
        try:
            runpy.run_path(path, run_name="__main__")
        except SystemExit as end:
            told.append([end.code, errors.getvalue()])
sys.__stdout__.write("\\n" + json.dumps(told))
"""


def test_mistakes_end_in_one_sentence(tmp_path: Path) -> None:
    path = str(ROOT / "recipes" / "seqgan.py")
    mistakes = json.dumps([words for words, _ in MISTAKES])
    done = run(["-c", MAKE_ALL_MISTAKES, path, mistakes], tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    for (code, errors), (_, message) in zip(told, MISTAKES, strict=True):
        assert code == 2
        assert message in errors
        assert "Traceback" not in errors


def test_a_used_folder_is_not_overwritten_unasked(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("years of work")
    script = str(ROOT / "recipes" / "mle.py")
    for extra in ([], ["--overwrite"]):
        done = run([script, "smoke", "--out", "run", *extra], tmp_path)
        assert done.returncode == 2
        assert (tmp_path / "run" / "thesis.txt").read_text() == "years of work"
