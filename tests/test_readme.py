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
from pathlib import Path

import numpy as np
import pytest
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


def resolved(words: list[str]) -> list[str]:
    """The programs of this environment, whatever PATH says."""
    scripts = Path(sys.executable).parent
    if words[0] in ("python", "pip"):
        return [sys.executable, *(["-m", "pip"] if words[0] == "pip" else []), *words[1:]]
    if words[0] == "torchrun":
        return [sys.executable, "-m", "torch.distributed.run", *words[1:]]
    return [str(scripts / words[0]), *words[1:]]


def run_as_user(words: list[str], home: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "MASTER_ADDR": "127.0.0.1"}
    return subprocess.run(words, cwd=home, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("command", COMMANDS)
def test_command(command: str, home: Path) -> None:
    words = shlex.split(command)
    if words[0] == "make":
        done = run_as_user(["make", "-n", "-B", *words[1:]], home)
        assert {"demo": "recipes/seqgan.py", "test": "pytest"}[words[1]] in done.stdout
    elif words[0] == "pip":
        extras = re.findall(r"\[(\w+)\]", command)
        known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        assert set(extras) <= set(known["optional-dependencies"])
        return
    else:
        done = run_as_user(resolved(as_smoke(words)), home)
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
