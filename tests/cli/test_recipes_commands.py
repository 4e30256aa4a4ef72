"""``ls``, ``cp`` and ``run`` on a folder of small recipes."""

import sys
from pathlib import Path

import pytest

from seqgan_kit.cli.main import main
from seqgan_kit.cli.recipe_commands import recipe_files
from seqgan_kit.errors import UsageError

Capture = pytest.CaptureFixture[str]

TOY = '''"""Toy: a recipe that tells what it was given.

More about it.
"""
import sys
from dataclasses import dataclass
from typing import get_type_hints


@dataclass
class Config:
    size: "int" = 3


if __name__ == "__main__":
    print(sys.argv, get_type_hints(Config), __file__)
'''


@pytest.fixture
def recipes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recipes folder with a toy and a recipe that would fail if it were imported."""
    folder = tmp_path / "recipes"
    folder.mkdir()
    (folder / "toy.py").write_text(TOY, encoding="utf-8")
    (folder / "booby_trap.py").write_text('"""Not to be imported."""\n1 / 0\n', encoding="utf-8")
    (folder / "_shared.py").write_text("", encoding="utf-8")
    monkeypatch.setattr("seqgan_kit.cli.recipe_commands.recipes_dir", lambda: folder)
    monkeypatch.chdir(tmp_path)
    return folder


def mistake(capsys: Capture, *words: str) -> str:
    assert main(words) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err


def test_ls_reads_first_docstring_lines_without_importing(recipes: Path, capsys: Capture) -> None:
    assert main(["ls"]) == 0
    assert capsys.readouterr().out == (
        "booby_trap  Not to be imported.\ntoy         Toy: a recipe that tells what it was given.\n"
    )


def test_ls_names(recipes: Path, capsys: Capture) -> None:
    assert main(["ls", "--names"]) == 0
    assert capsys.readouterr().out == "booby_trap\ntoy\n"


def test_ls_shows_a_recipe_without_docstring_by_its_name(recipes: Path, capsys: Capture) -> None:
    (recipes / "bare.py").write_text("x = 1\n", encoding="utf-8")
    assert main(["ls"]) == 0
    assert "bare\n" in capsys.readouterr().out


def test_every_shipped_recipe_has_a_line() -> None:
    from seqgan_kit.cli.recipe_commands import first_line
    from seqgan_kit.errors import DataError

    try:
        files = recipe_files()
    except DataError:
        pytest.skip("no recipes yet")
    assert [name for name, file in files.items() if not first_line(file)] == []


def test_cp_copies_and_says_what_is_next(recipes: Path, capsys: Capture) -> None:
    assert main(["cp", "toy", "mine.py"]) == 0
    assert Path("mine.py").read_text(encoding="utf-8") == TOY
    assert capsys.readouterr().out == "wrote mine.py; start it with: python mine.py --help\n"


def test_cp_into_a_folder_keeps_the_name(recipes: Path) -> None:
    Path("sub").mkdir()
    assert main(["cp", "toy", "sub"]) == 0
    assert Path("sub/toy.py").is_file()


def test_cp_replaces_only_when_forced(recipes: Path, capsys: Capture) -> None:
    Path("mine.py").write_text("precious", encoding="utf-8")
    message = mistake(capsys, "cp", "toy", "mine.py")
    assert "mine.py exists already: choose another name, or replace it with --force" in message
    assert Path("mine.py").read_text(encoding="utf-8") == "precious"
    assert main(["cp", "toy", "mine.py", "--force"]) == 0
    assert Path("mine.py").read_text(encoding="utf-8") == TOY


def test_cp_into_a_missing_folder(recipes: Path, capsys: Capture) -> None:
    assert "no such folder: nowhere" in mistake(capsys, "cp", "toy", "nowhere/mine.py")


@pytest.mark.parametrize("words", [["run", "toyy"], ["cp", "toyy", "x.py"]])
def test_a_mistyped_recipe_suggests_the_nearest(
    words: list[str], recipes: Path, capsys: Capture
) -> None:
    message = mistake(capsys, *words)
    assert "unknown recipe 'toyy'. Did you mean 'toy'? Allowed: booby_trap, toy." in message


def test_run_hands_all_words_on(recipes: Path, capsys: Capture) -> None:
    before = list(sys.argv)
    assert main(["run", "toy", "smoke", "--seed", "3", "--help", "--", "-x"]) == 0
    shown = capsys.readouterr().out
    assert "['seqgan-kit run toy', 'smoke', '--seed', '3', '--help', '--', '-x']" in shown
    assert "{'size': <class 'int'>}" in shown
    assert str(recipes / "toy.py") in shown
    assert sys.argv == before


def test_run_takes_a_file_of_ones_own(recipes: Path, capsys: Capture) -> None:
    main(["cp", "toy", "mine.py"])
    assert main(["run", "mine.py", "smoke"]) == 0
    assert "['mine.py', 'smoke']" in capsys.readouterr().out


def test_run_of_a_missing_file(recipes: Path, capsys: Capture) -> None:
    Path("mine.py").write_text(TOY, encoding="utf-8")
    message = mistake(capsys, "run", "mime.py")
    assert "no such recipe file: mime.py. Did you mean 'mine.py'?" in message


def test_a_users_mistake_inside_a_recipe_is_reported_as_one(recipes: Path, capsys: Capture) -> None:
    (recipes / "fussy.py").write_text(
        "from seqgan_kit.errors import UsageError\nraise UsageError('no such preset.')\n",
        encoding="utf-8",
    )
    assert mistake(capsys, "run", "fussy") == "seqgan-kit run: error: no such preset.\n"


def test_a_recipe_that_was_asked_to_stop_chooses_its_exit_status(
    recipes: Path, capsys: Capture
) -> None:
    (recipes / "stops.py").write_text(
        "from seqgan_kit.errors import Interrupted\nraise Interrupted('saved; go on later', 143)\n",
        encoding="utf-8",
    )
    assert main(["run", "stops"]) == 143
    assert capsys.readouterr().err == "seqgan-kit run: saved; go on later\n"


def test_a_bug_inside_a_recipe_keeps_its_traceback(recipes: Path) -> None:
    with pytest.raises(ZeroDivisionError, match="division by zero"):
        main(["run", "booby_trap"])


def test_a_recipe_may_choose_its_exit_status(recipes: Path) -> None:
    (recipes / "quits.py").write_text("raise SystemExit(7)\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="7"):
        main(["run", "quits"])


def test_names_are_checked_before_anything_is_read(recipes: Path) -> None:
    from seqgan_kit.cli.recipe_commands import find_recipe

    with pytest.raises(UsageError, match="unknown recipe"):
        find_recipe("_shared")
