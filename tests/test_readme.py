"""Every command in the README is run, in the order it is read, in one folder of a user.

Recipes get the word ``smoke`` so that they end in seconds; `make` is asked what it would do, because its
targets are what runs these tests.
"""

import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from one_process import OneProcess
from PIL import Image

from seqgan_kit.core.game import check_phases

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    line
    for block in re.findall(r"```bash\n(.*?)```", README, flags=re.DOTALL)
    for line in block.splitlines()
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the checkout's recipes and data, a text and some photos."""
    folder = tmp_path_factory.mktemp("home")
    for name in ("recipes", "data", "Makefile", "constraints.txt", "pyproject.toml"):
        (folder / name).symlink_to(ROOT / name)
    lines = (f"the {a} cat {b} ." for a in "abcdefgh" for b in ("sat", "ran", "ate", "hid") * 8)
    (folder / "my.txt").write_text("".join(f"{line}\n" for line in lines))
    (folder / "photos").mkdir()
    rng = np.random.default_rng(0)
    for i in range(80):
        pixels = rng.integers(0, 256, (70, 90, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "photos" / f"{i}.png")
    return folder


def as_smoke(words: list[str]) -> list[str]:
    """The command with the smoke preset, unless it resumes, names a preset or asks for help."""
    at = next((i for i, w in enumerate(words) if w.startswith("recipes/")), None)
    if at is None and words[:2] == ["seqgan-kit", "run"]:
        at = 2
    if at is None or {"--resume", "--help", "smoke"} & set(words):
        return words
    return [*words[: at + 1], "smoke", *words[at + 1 :]]


@pytest.fixture(scope="module")
def shell(home: Path) -> Iterator[OneProcess]:
    with OneProcess(home) as shell:
        yield shell


def run_program(words: list[str], home: Path) -> subprocess.CompletedProcess[str]:
    """In a process of its own."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "MASTER_ADDR": "127.0.0.1"}
    return subprocess.run(words, cwd=home, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("command", COMMANDS)
def test_command(command: str, home: Path, shell: OneProcess) -> None:
    program, *words = as_smoke(shlex.split(command))
    match program:
        case "make":
            done = run_program(["make", "-n", "-B", *words], home)
            assert {"demo": "recipes/seqgan.py", "test": "pytest"}[words[0]] in done.stdout
        case "pip":
            extras = re.findall(r"\[(\w+)\]", command)
            known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
            assert set(extras) <= set(known["optional-dependencies"])
            return
        case "torchrun":
            torchrun = [sys.executable, "-m", "torch.distributed.run"]
            done = run_program([*torchrun, *words], home)
        case "python":
            done = shell.run(words)
        case _:  # the programs of this environment, whatever PATH says
            done = shell.run([str(Path(sys.executable).parent / program), *words])
    assert done.returncode == 0, f"{command}\n{done.stdout[-800:]}\n{done.stderr[-2000:]}"


def test_files_that_the_readme_shows_exist() -> None:
    for name in re.findall(r"\]\(([\w./-]+)\)", README):
        assert (ROOT / name).exists(), name


def test_method_table_lists_the_recipes() -> None:
    listed = set(re.findall(r"^\| [^|]+ \| `(\w+)` \|", README, flags=re.MULTILINE))
    assert listed == {path.stem for path in (ROOT / "recipes").glob("*.py")}


def test_the_python_example_is_a_game_that_the_trainer_takes() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    names: dict[str, object] = {}
    exec(example, names)
    check_phases(names["game"], (names["play"],), {"train": None})  # type: ignore[arg-type]
