"""Every recipe's smoke preset runs as a user would run it, and leaves a complete run directory."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
RECIPES = sorted(path.stem for path in (ROOT / "recipes").glob("*.py"))


def run(arguments: list[str], cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "100"}
    return subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=environment, capture_output=True, text=True
    )


@pytest.mark.parametrize("recipe", RECIPES)
def test_smoke_leaves_a_complete_run(recipe: str, tmp_path: Path) -> None:
    script = str(ROOT / "recipes" / f"{recipe}.py")
    done = run([script, "smoke", "--out", "run", "--seed", "3"], tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Warning" not in done.stderr, done.stderr
    folder = tmp_path / "run"
    config = json.loads((folder / "config.json").read_text())
    assert (config["recipe"], config["preset"], config["seed"]) == (recipe, "smoke", 3)
    kinds = {json.loads(row)["kind"] for row in (folder / "metrics.jsonl").read_text().splitlines()}
    assert {"train", "phase"} <= kinds
    assert "<svg" in (folder / "report.html").read_text()
    assert (folder / "model" / "generator.safetensors").stat().st_size > 0
    assert list((folder / "checkpoints").glob("move-*.pt"))
    assert list((folder / "samples").iterdir())
    assert "--resume" in done.stdout
    assert f"seqgan-kit sample {Path('run')}" in done.stdout


@pytest.mark.parametrize("recipe", RECIPES)
def test_help_is_quick_to_read(recipe: str) -> None:
    done = run([str(ROOT / "recipes" / f"{recipe}.py"), "--help"], ROOT)
    assert done.returncode == 0
    for word in ("--out", "--seed", "--resume", "Presets", "smoke", "paper"):
        assert word in done.stdout, word
    assert "Annotated" not in done.stdout
    assert "dataclass" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["smok"], "unknown preset 'smok'. Did you mean 'smoke'?"),
        (["--resume", "nowhere"], "nowhere holds no run to resume"),
        (["smoke", "--text", "nowhere.txt", "--out", "run"], "nowhere.txt"),
        (["smoke", "--rollouts", "-1", "--out", "run"], "rollouts is -1"),
        (["--config", "nowhere.yaml"], "no settings file nowhere.yaml"),
    ],
)
def test_mistakes_end_in_one_sentence(arguments: list[str], message: str, tmp_path: Path) -> None:
    done = run([str(ROOT / "recipes" / "seqgan.py"), *arguments], tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_used_folder_is_not_overwritten_unasked(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("years of work")
    script = str(ROOT / "recipes" / "mle.py")
    for extra in ([], ["--overwrite"]):
        done = run([script, "smoke", "--out", "run", *extra], tmp_path)
        assert done.returncode == 2
        assert (tmp_path / "run" / "thesis.txt").read_text() == "years of work"
