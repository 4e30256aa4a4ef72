"""The names of ``import seqgan_kit as sk``: all there, typed, documented, and loaded when first used."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import seqgan_kit as sk

FOLDER = Path(sk.__file__).parent


@pytest.mark.parametrize("name", [n for n in sk.__all__ if n != "__version__"])
def test_every_name_can_be_loaded_and_is_documented(name):
    assert inspect.getdoc(getattr(sk, name))


def test_the_types_are_of_the_same_names():
    stub = ast.parse((FOLDER / "__init__.pyi").read_text(encoding="utf-8"))
    imported = {
        alias.asname: f"{node.module}.{alias.name}"
        for node in ast.walk(stub)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert set(imported) | {"__version__"} == set(sk.__all__)
    for name, place in imported.items():
        found = getattr(sk, name)
        where = (
            found.__name__ if inspect.ismodule(found) else f"{found.__module__}.{found.__name__}"
        )
        assert where == place, name
    assert (FOLDER / "py.typed").is_file()


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'trainer'"):
        _ = sk.trainer
    assert {"run", "load", "Trainer"} <= set(dir(sk))


def test_bleu_and_the_names_of_runs_load_no_torch():
    script = (
        "import sys, seqgan_kit as sk\n"
        "sk.run, sk.load, sk.evaluate, sk.Scorecard, sk.RecipeRun\n"
        "sk.bleu(['a b c'], ['a b d']); sk.self_bleu(['a b', 'a c'])\n"
        "assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
