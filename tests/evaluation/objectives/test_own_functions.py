"""Rewards and metrics of the user's own: read from a file, checked on every batch, in table and curves."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import seqgan_kit as sk
from seqgan_kit.errors import DataError, UsageError
from seqgan_kit.evaluation.objectives.own_functions import line_function, own_functions

CODE = """
import math

def pairs(sources, lines):
    return [float(source in line) for source, line in zip(sources, lines)]

def three(a, b, c):
    return a

CALLS = []

def length(lines):
    CALLS.append(list(lines))
    return [len(line.split()) / 10 for line in lines]

def sat(lines):
    return [float("sat" in line) for line in lines]

def short(lines):
    return [1.0]

def nothing(lines):
    return None

def words(lines):
    return ["many"] * len(lines)

def undefined(lines):
    return [math.nan if "ran" in line else 1 for line in lines]

def broken(lines):
    return [1 / (line != "a cat ran") for line in lines]

def diversity(lines):
    return [1] * len(lines)
"""
LINES = ["a cat sat", "a cat ran", "a cat sat"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "my.py"
    path.write_text(CODE)
    return path


def test_values_come_row_by_row_from_one_call_with_distinct_lines(file):
    function = line_function(f"{file}:length")
    assert function(LINES).tolist() == [0.3, 0.3, 0.3]
    assert function.function.__globals__["CALLS"] == [["a cat sat", "a cat ran"]]
    assert line_function(f"{file}:sat")(LINES).tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("short", "returned 1 values for 2 lines: it is called with a list"),
        ("nothing", "returned None for 2 lines"),
        ("words", "returned 'many' for row 1 of 2, 'a cat sat': return a finite number"),
        ("undefined", "returned 'nan' for row 2 of 2, 'a cat ran'"),
        ("broken", "failed with ZeroDivisionError: .* on row 2 of 2, 'a cat ran'"),
    ],
)
def test_a_wrong_result_names_the_row(file, name, message):
    with pytest.raises(UsageError, match=message):
        line_function(f"{file}:{name}")(LINES)


def test_a_function_of_two_arguments_gets_the_sources_too(file):
    function = line_function(f"{file}:pairs")
    assert function(LINES, ["sat", "sat", "ran"]).tolist() == [1, 0, 0]
    assert function(LINES).tolist() == [1, 1, 1], "nothing given is the empty text"
    broken = replace(function, function=lambda s, x: [math.nan if y == "sat" else 1 for y in s])
    with pytest.raises(UsageError, match="for row 2 of 2, 'a cat ran' after 'sat'"):
        broken(LINES[:2], ["cat", "sat"])
    with pytest.raises(UsageError, match="three takes 3 arguments: give it one, a list of lines"):
        line_function(f"{file}:three")


def test_arrays_and_tensors_are_numbers_too(file):
    file.write_text(
        "import numpy, torch\n"
        "def array(lines): return numpy.ones(len(lines), dtype=bool)\n"
        "def tensor(lines): return torch.ones(len(lines), requires_grad=True)\n"
    )
    for name in ("array", "tensor"):
        assert np.array_equal(line_function(f"{file}:{name}")(LINES), np.ones(3))


@pytest.mark.parametrize(
    ("place", "kind", "message"),
    [
        ("{}:lenght", UsageError, "unknown function of .*my.py 'lenght'. Did you mean 'length'"),
        ("{}", UsageError, "does not name a function: give FILE.py:FUNCTION"),
        ("no.py:f", DataError, "there is no file no.py"),
    ],
)
def test_a_wrong_name_is_a_sentence(file, place, kind, message):
    with pytest.raises(kind, match=message):
        line_function(place.format(file))


def test_a_file_that_cannot_be_imported(file):
    file.write_text("import no_such_module\n")
    with pytest.raises(UsageError, match="cannot be imported: ModuleNotFoundError"):
        line_function(f"{file}:f")


def test_code_in_a_runs_directory_is_never_loaded(file, tmp_path):
    (tmp_path / "config.json").write_text('{"versions": {"seqgan_kit": "0.1.0"}}')
    with pytest.raises(UsageError, match="code is never taken from there"):
        line_function(f"{file}:sat")


def test_names_of_other_metrics_are_refused(file):
    own = own_functions("bleu", (f"{file}:diversity",))
    with pytest.raises(UsageError, match="another metric is called 'diversity'"):
        own.check(LINES, ["diversity"])
    assert own.objective is None


def test_a_run_learns_from_it_and_shows_it(file, tmp_path):
    """The reward becomes more frequent, and is a column, a curve and a row of real data."""
    text = tmp_path / "my.txt"
    text.write_text(
        "".join(f"a {x} cat {v} .\n" for x in "bcdefgh" for v in ("sat", "ran", "ate") * 2)
    )
    run = sk.run(
        "seqgan", "smoke", text=text, out=tmp_path / "run", reward=f"{file}:sat",
        metrics=f"{file}:length", rollouts=0, baseline="batch", mle_epochs=8, rounds=12, generator_moves=4,
        generator_learning_rate=1e-2, score_samples=200, evaluation_samples=50, lstm={"hidden": 32},
        most_work=0, quiet=True,
    )  # fmt: skip
    assert run.scores["SeqGAN"]["sat"] > run.scores["MLE"]["sat"] + 0.2
    assert run.scores["real data"]["sat"] == pytest.approx(1 / 3, abs=0.25)
    assert run.scores["SeqGAN"]["length"] > 0
    columns = {c["key"]: c for c in run.scores.record["columns"]}
    assert columns["sat"]["better"] == "higher"
    assert "own|sat|sha256:" in columns["sat"]["signature"]
    curves = [row["values"] for row in run.metrics if row["kind"] == "evaluation"]
    assert all({"sat", "length"} <= values.keys() for values in curves)
    assert "sat" in run.report.read_text()


def test_a_wrong_function_is_found_before_training(file, tmp_path):
    with pytest.raises(UsageError, match=r"my.py:short returned 1 values for 8 lines"):
        sk.run("seqgan", "smoke", reward=f"{file}:short", out=tmp_path / "run", quiet=True)
    assert not (tmp_path / "run" / "metrics.jsonl").exists()
    with pytest.raises(UsageError, match=r"unknown reward 'sat'.*FILE\.py:FUNCTION"):
        sk.run("seqgan", "smoke", reward="sat", out=tmp_path / "run")
