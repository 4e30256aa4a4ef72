"""The wheel holds everything: installed away from the checkout it finds its recipes and its data."""

import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import seqgan_kit

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built without fetching anything and installed in a folder of its own."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", folder, ROOT]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--target", folder / "site", wheel], check=True, capture_output=True)
    return folder


def run(installed: Path, *words: str) -> str:
    environment = os.environ | {"PYTHONPATH": str(installed / "site")}
    command = [sys.executable, *words]
    done = subprocess.run(command, cwd=installed, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_holds_recipes_data_and_template(installed: Path) -> None:
    (wheel,) = installed.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    for name in ("seqgan.py", "mle.py", "dcgan.py"):
        assert f"seqgan_kit/_recipes/{name}" in names
    for name in ("train.txt", "faces-train.parquet"):
        assert f"seqgan_kit/_data/catworld/{name}" in names
    assert "seqgan_kit/report/report.html.j2" in names
    assert not any(name.startswith(("tests/", "recipes/", "data/")) for name in names)


def test_the_version_is_written_in_one_place(installed: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "version" not in project
    assert project["dynamic"] == ["version"]
    (wheel,) = installed.glob("*.whl")
    assert wheel.name.startswith(f"seqgan_kit-{seqgan_kit.__version__}-")


def test_installed_it_finds_its_own_files(installed: Path) -> None:
    where = "from seqgan_kit.resources import *; print(recipes_dir()); print(data_dir())"
    for folder in run(installed, "-c", where).split():
        assert Path(folder).is_relative_to(installed / "site")
    assert "seqgan " in run(installed, "-m", "seqgan_kit.cli.main", "ls")
    run(installed, "-m", "seqgan_kit.cli.main", "cp", "seqgan", "mine.py")
    assert (installed / "mine.py").read_bytes() == (ROOT / "recipes" / "seqgan.py").read_bytes()
