"""Every command in the README is run, in the order it is read, in one folder of a user.

Recipes get the word ``smoke`` so that they end in seconds; `make` is asked what it would do, because its
targets are what runs these tests.
"""

import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from document_blocks import ROOT, blocks, make_home, run_command
from one_process import OneProcess

README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    command
    for block in blocks(README)
    if block.language == "bash" and not block.not_run
    for command in block.commands()
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_home(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def shell(home: Path) -> Iterator[OneProcess]:
    with OneProcess(home) as shell:
        yield shell


@pytest.mark.parametrize("command", COMMANDS)
def test_command(command: str, home: Path, shell: OneProcess) -> None:
    run_command(command, home, shell)


def test_files_that_the_readme_shows_exist() -> None:
    for name in re.findall(r"\]\(([\w./-]+)\)", README):
        assert (ROOT / name).exists(), name


def test_files_that_contributing_names_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:[\w.]+/)+[\w]+\.(?:py|j2|html\.j2|css\.j2))`", text))
    places = (ROOT, ROOT / "seqgan_kit")
    assert "core/training/state.py" in named
    assert [name for name in named if not any((place / name).exists() for place in places)] == []


def test_the_table_of_methods_is_made_from_the_recipes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "docs" / "hooks")
    made = importlib.import_module("readme_table").with_table(README)
    assert made == README, (
        "write the table anew: `make tables`, or `python docs/hooks/readme_table.py`"
    )
    listed = set(re.findall(r"^\| [^|]+ \| `(\w+)` \| [^|]+ \|$", README, flags=re.MULTILINE))
    assert listed == {path.stem for path in (ROOT / "recipes").glob("*.py")}


def test_python_blocks(home: Path, shell: OneProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    names: dict[str, object] = {"__name__": "readme"}
    for block in blocks(README):
        if block.language == "python":
            exec(compile(block.text, "README.md", "exec"), names)
