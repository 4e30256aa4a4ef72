"""A run that stopped before its end can be sampled, evaluated, reported and put into a table."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from seqgan_kit.cli.main import main
from seqgan_kit.cli.recipe_commands import find_recipe, load_recipe
from seqgan_kit.core.runs.log import RunLog, provenance
from seqgan_kit.errors import Interrupted


def stopped(recipe: str, folder: Path, text: Path | None = None) -> Path:
    """Return a run of a recipe's smoke preset that stopped after its first update."""
    module = load_recipe(find_recipe(recipe))
    config = module.PRESETS["smoke"]
    if text is not None:
        config = replace(config, data=replace(config.data, text=str(text)))
    settings = replace(config.run, out=folder, quiet=True, device="cpu", max_minutes=1e-9)
    with pytest.raises(Interrupted, match="time limit"):
        module.main(replace(config, run=settings))
    return folder


@pytest.fixture(scope="module")
def text_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("text")
    nouns = ("cat", "dog", "owl")
    lines = [f"the {nouns[i % 3]} sees {i % 47} mice .\n" for i in range(600)]
    (folder / "text.txt").write_text("".join(lines))
    return stopped("mle", folder / "run", folder / "text.txt")


NOTE = "has not finished; using its last saved model, after round 0."


def test_text_is_sampled(text_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sample", str(text_run), "-n", "3"]) == 0
    told = capsys.readouterr()
    assert len(told.out.splitlines()) == 3
    assert NOTE in told.err


def test_text_is_evaluated(text_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--encoder", "none", "--sample", "20", "--format", "json"]
    assert main(["evaluate", str(text_run), *words]) == 0
    told = capsys.readouterr()
    assert NOTE in told.err
    assert json.loads(told.out)["rows"]


def test_it_is_reported(text_run: Path) -> None:
    assert main(["report", str(text_run)]) == 0
    assert (
        "Stopped" in (text_run / "report.html").read_text()
        or "Unfinished" in (text_run / "report.html").read_text()
    )


def test_pictures_are_sampled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = stopped("gan", tmp_path / "run")
    assert main(["sample", str(run), "-n", "3", "--out", str(tmp_path / "grid.png")]) == 0
    assert NOTE in capsys.readouterr().err
    assert (tmp_path / "grid.png").is_file()


def test_it_stands_in_a_table_by_its_last_evaluation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = RunLog(tmp_path / "run")
    run.write_config({**provenance(), "recipe": "gan", "seed": 1, "config": {}})
    run.begin()
    assert main(["table", str(tmp_path / "run")]) == 2
    assert "has neither scores nor an evaluation yet" in capsys.readouterr().err
    for number in (3, 6):
        where = {"phase": "adversarial", "round": number, "total_round": number, "move": number}
        run.log("evaluation", **where, values={"diversity": number / 8, "lost": float("nan")})  # type: ignore[arg-type]
    assert main(["table", str(tmp_path / "run")]) == 0
    told = capsys.readouterr().out
    assert "run has not finished; the table shows its evaluation after round 6." in " ".join(
        told.split()
    )
    assert "diversity" in told
    assert "0.75" in told
    assert "lost" not in told
