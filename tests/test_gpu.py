"""What only a GPU can show: recipes run there, in both precisions, and a stopped run resumes bit for bit."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
ROOT = Path(__file__).resolve().parents[1]


def run(recipe: str, *words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "recipes" / f"{recipe}.py"), *words]
    environment = os.environ | {"CUBLAS_WORKSPACE_CONFIG": ":4096:8"}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)


def rows(folder: Path) -> list[dict[str, object]]:
    kept = (json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines())
    return [{key: value for key, value in row.items() if key != "seconds"} for row in kept]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("recipe", ["mle", "seqgan", "dcgan"])
def test_smoke(recipe: str, precision: str, tmp_path: Path) -> None:
    words = ("smoke", "--device", "cuda", "--precision", precision, "--out", "run")
    done = run(recipe, *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads((tmp_path / "run" / "config.json").read_text())["device"].startswith("cuda")


@pytest.mark.parametrize("recipe", ["seqgan", "dcgan"])
def test_a_stopped_run_ends_where_a_whole_one_does(recipe: str, tmp_path: Path) -> None:
    assert run(recipe, "smoke", "--device", "cuda", "--out", "whole", cwd=tmp_path).returncode == 0
    part = ("smoke", "--device", "cuda", "--out", "part", "--max-minutes", "0.001")
    assert run(recipe, *part, cwd=tmp_path).returncode == 0
    assert run(recipe, "--resume", "part", cwd=tmp_path).returncode == 0
    assert rows(tmp_path / "part") == rows(tmp_path / "whole")
    model = Path("model") / "generator.safetensors"
    assert (tmp_path / "part" / model).read_bytes() == (tmp_path / "whole" / model).read_bytes()
