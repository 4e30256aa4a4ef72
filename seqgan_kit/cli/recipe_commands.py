"""``ls``, ``cp`` and ``run``: list, copy and run recipes; listing does not import them."""

from __future__ import annotations

import argparse
import ast
import shutil
import sys
import textwrap
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

from seqgan_kit.cli.command import PROGRAM, Command
from seqgan_kit.cli.user_files import missing
from seqgan_kit.errors import UsageError, unknown
from seqgan_kit.resources import recipes_dir

RECOMMENDERS = "seqgan_kit.recommenders"
"""Entry points of functions that choose a recipe and its words for a user's own data."""


def recipe_files() -> dict[str, Path]:
    """Return the recipe files by name, in alphabetical order."""
    files = sorted(recipes_dir().glob("*.py"))
    return {file.stem: file for file in files if not file.stem.startswith("_")}


def find_recipe(name: str) -> Path:
    """Return the file of a recipe; a path to a .py file is returned as it is."""
    own = Path(name)
    if own.suffix == ".py":
        if own.is_file():
            return own
        raise missing(own, "recipe file")
    files = recipe_files()
    if name not in files:
        raise unknown("recipe", name, files)
    return files[name]


def first_line(file: Path) -> str:
    """Return the first line of a script's docstring without running the script."""
    docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n")[0]


def _declare_ls(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--names", action="store_true", help="print the names only")


def _run_ls(options: argparse.Namespace) -> None:
    files = recipe_files()
    if options.names:
        print("\n".join(files))
        return
    width = max(map(len, files), default=0)
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize
    hanging = "\n" + " " * (width + 2)
    for name, file in files.items():
        lines = textwrap.wrap(first_line(file), max(20, columns - width - 2))
        print(f"{name:<{width}}  {hanging.join(lines)}".rstrip())


def _declare_cp(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", metavar="RECIPE", help="name of a recipe, as 'ls' prints it")
    parser.add_argument("file", metavar="FILE", type=Path, help="file or folder to write to")
    parser.add_argument("--force", action="store_true", help="replace an existing file")


def _run_cp(options: argparse.Namespace) -> None:
    recipe = find_recipe(options.recipe)
    target: Path = options.file / recipe.name if options.file.is_dir() else options.file
    if target.exists() and not options.force:
        raise UsageError(
            f"{target} exists already: choose another name, or replace it with --force."
        )
    if not target.parent.is_dir():
        raise missing(target.parent, "folder")
    target.write_bytes(recipe.read_bytes())
    print(f"wrote {target}; start it with: python {target} --help")


def _declare_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", metavar="RECIPE", help="name of a recipe, or a .py file")
    rest = parser.add_argument(
        "rest",
        metavar="...",
        nargs=argparse.REMAINDER,
        help="arguments of the recipe; '--help' here shows the recipe's options",
    )
    rest.required = False  # Otherwise argparse would report it together with a missing name.


def _run_run(options: argparse.Namespace) -> None:
    recipe, words = recommended(options.recipe, options.rest)
    if not recipe:
        return
    file = find_recipe(recipe)
    # The recipe prints this command when it explains how to resume.
    called = str(file) if recipe.endswith(".py") else f"{PROGRAM} run {recipe}"
    _run_as_script(file, called, words)


def recommended(name: str, words: list[str]) -> tuple[str, list[str]]:
    """Return the recipe and its words: as given, or as the recommender of that name chooses them.

    Other packages offer recommenders by entry points; '' means that nothing is to be run.
    """
    for point in entry_points(group=RECOMMENDERS, name=name):
        chosen: tuple[str, list[str]] = point.load()(words)
        return chosen
    return name, words


def _run_as_script(file: Path, called: str, words: list[str]) -> None:
    """Run a file as ``python FILE words`` would, but with the name by which it was called.

    ``runpy.run_path`` would put the file's path into ``sys.argv[0]``, and with it into the recipe's
    help text and records.
    """
    module = ModuleType("__main__")
    argv_before, main_before = sys.argv, sys.modules["__main__"]
    sys.argv, sys.modules["__main__"] = [called, *words], module
    try:
        _execute(file, module)
    finally:
        sys.argv, sys.modules["__main__"] = argv_before, main_before


def load_recipe(file: Path) -> ModuleType:
    """Load a recipe as a module, with its presets, without running it."""
    # The name must be unique, because the types of its configuration are looked up in sys.modules.
    name = f"_seqgan_kit_recipe_{file.stem}"
    module = sys.modules[name] = ModuleType(name)
    _execute(file, module)
    return module


def _execute(file: Path, module: ModuleType) -> None:
    module.__file__ = str(file)
    exec(compile(file.read_bytes(), str(file), "exec"), vars(module))


COMMANDS = (
    Command(
        name="ls",
        summary="list the recipes, one per line",
        usage="[--names]",
        details="Lists the recipes. Each is one script per method, to run, read and copy.",
        examples=("ls",),
        declare=_declare_ls,
        run=_run_ls,
    ),
    Command(
        name="cp",
        summary="copy a recipe, to change it",
        usage="RECIPE FILE [--force]",
        details="Copies a recipe into a file of your own. The copy runs from any folder.",
        examples=("cp seqgan my_seqgan.py", "run my_seqgan.py smoke --out runs/mine"),
        declare=_declare_cp,
        run=_run_cp,
    ),
    Command(
        name="run",
        summary="train: run a recipe",
        usage="RECIPE [PRESET] [the recipe's options]",
        details="Runs a recipe. All arguments after its name go to the recipe: optionally one of "
        "its\npresets (paper, default, smoke), then its options.\n"
        "'run image --images DIR' chooses recipe, sizes and length for your own images and the\ntime given "
        "(--minutes), and explains the choice.",
        examples=(
            "run seqgan --help",
            "run seqgan smoke --out runs/first",
            "run my_seqgan.py --out runs/mine --seed 3",
            "run image --images DIR --minutes 30 --out runs/mine",
        ),
        declare=_declare_run,
        run=_run_run,
        passes_on=True,
    ),
)
