"""Sweeps: points of a space, runs over seeds, the table of means, and what is refused."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from seqgan_kit.cli.main import main
from seqgan_kit.cli.sweep.space_points import drawn, grid
from seqgan_kit.cli.tune.space import Setting

TOY = Path(__file__).with_name("toy_recipe.py")
RATE = Setting("rate", (), 1e-4, 1e-2, log=True)
WIDTH = Setting("width", (), 4, 9)
KIND = Setting("kind", ("a", "b"))


def test_a_grid_has_all_combinations_and_both_ends_of_ranges() -> None:
    assert grid([KIND, RATE], 3) == [
        {"kind": kind, "rate": rate} for kind in "ab" for rate in (1e-4, 1e-3, 1e-2)
    ]
    assert [p["width"] for p in grid([WIDTH], 3)] == [4, 6, 9]
    assert [p["width"] for p in grid([WIDTH], 50)] == [4, 5, 6, 7, 8, 9]


def test_more_draws_begin_with_the_same_points_and_none_repeats() -> None:
    space = [KIND, RATE, WIDTH]
    points = drawn(space, 40, 1)
    assert drawn(space, 10, 1) == points[:10] != drawn(space, 10, 2)
    assert all(1e-4 <= p["rate"] <= 1e-2 and isinstance(p["width"], int) for p in points)
    # In logarithms, half of the draws lie below the geometric mean.
    assert 10 <= sum(float(p["rate"]) < 1e-3 for p in points) <= 30
    assert sorted(p["kind"] for p in drawn([KIND], 9, 0)) == ["a", "b"]


@pytest.fixture
def swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A function that sweeps the toy recipe in a folder of its own and returns the exit status."""
    monkeypatch.chdir(tmp_path)

    def sweep(space: str, *words: str) -> int:
        Path("space.yaml").write_text(space)
        return main(["sweep", str(TOY), "--metric", "m", "--out", "s", *words])

    return sweep


GRID = ("--grid", "space.yaml")


def test_the_table_is_sorted_by_the_mean_over_seeds(swept, capsys: pytest.CaptureFixture) -> None:
    assert swept("x: [0.0, 0.5, 9]", *GRID, "--seeds", "0", "2", "--jobs", "2") == 2
    told = capsys.readouterr()
    assert "2 of 6 runs failed (setting-002, seed 0, setting-002, seed 2)" in told.err
    record = json.loads(Path("s/sweep.json").read_text())
    rows = record["settings"]
    assert [row["values"]["x"] for row in rows] == [0.5, 0.0, 9]
    # The last evaluation is that of round 3; seed 2 adds 0.02.
    assert rows[0]["by_seed"] == pytest.approx({"0": 0.04 + 1 / 3, "2": 0.06 + 1 / 3})
    assert rows[0]["mean"] == pytest.approx(0.05 + 1 / 3)
    assert rows[0]["deviation"] == pytest.approx(0.02 / 2**0.5)
    assert rows[2]["mean"] is None
    assert rows[2]["missing"] == {"0": "error: x is too large", "2": "error: x is too large"}
    assert record["updates"] == 4 * 3
    best = f"seqgan-kit run {TOY} default --x 0.5 --seed 3 --out s/best"
    assert record["run_best"] == best
    assert main(shlex.split(best)[1:]) == 0
    assert f"best: {best}" in told.out
    lines = [line for line in told.out.splitlines() if line.startswith(" x ")]
    assert [line.split()[:4] for line in lines[:2]] == [
        ["x", "0.5", "0.38333", "±0.014"],
        ["x", "0", "0.43333", "±0.014"],
    ]
    page = Path("s/sweep.html").read_text()
    assert "2 runs missing" in page
    assert "x is too large" in page
    assert page.index(">x 0.5<") < page.index(">x 0<")


def test_the_same_command_continues_and_higher_can_be_better(swept, capsys) -> None:
    words = (*GRID, "--seeds", "0", "--better", "higher")
    assert swept("x: [0.5, 0.0]", *words) == 0
    assert json.loads(Path("s/sweep.json").read_text())["settings"][0]["values"] == {"x": 0.0}
    assert swept("x: [0.5, 0.0]", *words, "--metric", "m") == 0
    assert "2 of 2 runs are finished already" in capsys.readouterr().out
    assert swept("x: [0.1, 0.0]", *words) == 2
    assert "holds a run of another command" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("space", "words", "why"),
    [
        ("ronds: [2]", GRID, "setting ronds is not a setting of .* Did you mean rounds"),
        ("rounds: [two]", GRID, "setting rounds is refused by"),
        ("x: [1]", (*GRID, "--samples", "3"), "--samples has no meaning with --grid: leave it out"),
        ("x: [1]", ("--random", "space.yaml", "--points", "3"), "--points has no meaning"),
        ("x: [1]", (*GRID, "--random", "space.yaml"), "not allowed with argument --grid"),
        ("x: [1]", (*GRID, "--flags=--seed 1"), "sweep sets --seed itself"),
        ("x: [1]", (*GRID, "--gpus", "1"), "--gpus is for Ray alone: add --on ray"),
        ("x: [1]", (*GRID, "--on", "ray", "--gpus", "1.5"), "whole number, or a fraction below 1"),
    ],
)
def test_mistakes_are_answered_before_anything_starts(swept, capsys, space, words, why) -> None:
    assert swept(space, *words) == 2
    told = capsys.readouterr().err
    assert re.search(why, told), told
    assert not Path("s").exists()


def test_an_unknown_metric_stops_the_sweep_after_the_first_run(swept, capsys) -> None:
    assert swept("x: [0.1, 0.2, 0.3, 0.4]", *GRID, "--metric", "othr") == 2
    assert "'othr'. Did you mean 'other'? Allowed: m, other" in capsys.readouterr().err
    assert len(list(Path("s").rglob("scores.json"))) < 4
