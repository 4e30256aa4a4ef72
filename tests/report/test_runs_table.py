"""Finished runs side by side: what shares a row, what is refused, and the forms of the table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from comparison_dirs import COLUMNS, make_run, scores
from rich.console import Console

from seqgan_kit.errors import UsageError
from seqgan_kit.report.runs_table import markdown, print_runs, runs_record, tsv


def seeds_of(folder: Path, name: str, values: list[float], **options: object) -> list[Path]:
    return [
        make_run(folder / f"{name}-{seed}", seed, {name: scores(1.0, 0.5, value)}, **options)
        for seed, value in enumerate(values)
    ]


def test_seeds_of_one_model_share_a_row(tmp_path: Path) -> None:
    """Validities .6, .7, .8: mean .7, deviation .1."""
    folders = seeds_of(tmp_path, "Toy", [0.6, 0.7, 0.8])
    record = runs_record([("", folder) for folder in folders])
    assert [row["name"] for row in record["rows"]] == ["Toy", "real data"]
    score = record["rows"][0]["scores"]["validity"]
    assert (score["mean"], score["deviation"]) == (pytest.approx(0.7), pytest.approx(0.1))
    assert record["rows"][1]["scores"]["validity"]["mean"] == 1.0


def test_a_seed_whose_score_is_not_finite_is_not_left_out_of_the_mean(tmp_path: Path) -> None:
    """JSON has null for infinity; the mean of the others would make a collapsed seed look well."""
    folders = seeds_of(tmp_path, "Toy", [0.6, 0.7, 0.8])
    path = folders[1] / "scores.json"
    record = json.loads(path.read_text())
    record["rows"][0]["values"]["validity"] = None
    path.write_text(json.dumps(record))
    table = runs_record([("", folder) for folder in folders])
    assert "| not finite in 1 of 3 |" in markdown(table)
    assert "Toy\tvalidity\tnot finite\t\t3\t" in tsv(table)


def test_other_settings_are_another_model_unless_they_only_watch(tmp_path: Path) -> None:
    first = make_run(tmp_path / "a", 0, {"Toy": scores(1, 1)}, config={"training": {"rate": 1}})
    other = make_run(tmp_path / "b", 1, {"Toy": scores(1, 1)}, config={"training": {"rate": 2}})
    with pytest.raises(UsageError, match=r"training.rate is 1 in the first and 2 .*NAME="):
        runs_record([("", first), ("", other)])
    named = runs_record([("slow", first), ("fast", other)])
    assert [row["name"] for row in named["rows"]] == ["slow", "fast", "real data"]
    watched = {"training": {"rate": 1, "evaluate_every_rounds": 9, "pretrained": "runs/x"}}
    again = make_run(tmp_path / "c", 2, {"Toy": scores(1, 1)}, config=watched)
    assert len(runs_record([("", first), ("", again)])["rows"]) == 2


def test_one_seed_twice_and_other_data_are_refused(tmp_path: Path) -> None:
    first = make_run(tmp_path / "a", 0, {"Toy": scores(1, 1)})
    twin = make_run(tmp_path / "b", 0, {"Toy": scores(1, 1)})
    with pytest.raises(UsageError, match="two runs with seed 0"):
        runs_record([("", first), ("", twin)])
    moon = make_run(tmp_path / "c", 1, {"Toy": scores(1, 1)}, config={"data": {"text": "moon"}})
    with pytest.raises(UsageError, match=r"data.text is 'catworld' in the first and 'moon'"):
        runs_record([("", first), ("", moon)])


def test_runs_of_two_kinds_are_refused_by_their_kinds(tmp_path: Path) -> None:
    text = make_run(tmp_path / "a", 0, {"Toy": scores(1, 1)})
    data = {"data": {"images": "catworld", "size": 32}}
    image = make_run(tmp_path / "b", 0, {"Gan": scores(1, 1)}, config=data)
    with pytest.raises(UsageError, match=r"cannot compare a text run with an image run: .*a is a"):
        runs_record([("", text), ("", image)])
    with pytest.raises(UsageError, match="cannot compare an image run with a text run"):
        runs_record([("", image), ("", text)])


def test_a_score_computed_in_two_ways_is_left_out_and_said_so(tmp_path: Path) -> None:
    (first,) = seeds_of(tmp_path, "Toy", [0.5])
    columns = [{**column, "signature": "other"} for column in COLUMNS[2:]] + COLUMNS[:2]
    second = make_run(tmp_path / "b", 0, {"Rival": scores(1, 1)}, columns=columns)
    record = runs_record([("", first), ("", second)])
    assert [column["key"] for column in record["columns"]] == ["forward_kl", "skewed_kl"]
    assert "validity is left out" in markdown(record)
    with pytest.raises(UsageError, match=r"validity was computed in different ways .* v \("):
        runs_record([("", first), ("", second)], ["validity"])


def test_scores_are_chosen_by_key_or_label_and_others_named(tmp_path: Path) -> None:
    (first,) = seeds_of(tmp_path, "Toy", [0.5])
    record = runs_record([("", first)], ["validity", "forward KL"])
    assert [column["key"] for column in record["columns"]] == ["validity", "forward_kl"]
    with pytest.raises(UsageError, match=r"unknown score 'valid'. Did you mean 'validity'"):
        runs_record([("", first)], ["valid"])


def test_the_table_as_markdown_and_tsv(tmp_path: Path) -> None:
    folders = seeds_of(tmp_path, "Toy|A", [0.6, 0.8])
    record = runs_record([("", folder) for folder in folders], ["validity"], "Toys")
    lines = markdown(record).splitlines()
    assert lines[0] == "**Toys**"
    assert lines[2:6] == [
        "|  | seeds | validity ↑ |",
        "| --- | --- | --- |",
        r"| Toy\|A | 2 | 0.700 ± 0.141 |",
        "| real data |  | 1.000 |",
    ]
    head, line, _real = tsv(record).splitlines()
    assert head.split("\t")[:3] == ["model", "score", "mean"]
    assert line.split("\t")[:2] == ["Toy|A", "validity"]
    assert float(line.split("\t")[2]) == pytest.approx(0.7)


@pytest.mark.parametrize("width", [40, 80, 200])
def test_numbers_are_never_cut_whatever_the_width(tmp_path: Path, width: int) -> None:
    names = ["one", "two", "three", "four", "five"]
    folders = [make_run(tmp_path / n, 0, {n: scores(0.25, 0.5, 0.123)}) for n in names]
    console = Console(width=width, record=True, highlight=False)
    print_runs(runs_record([("", folder) for folder in folders]), console)
    shown = console.export_text()
    assert shown.count("0.123 ± 0.010") == len(names)
    assert "…" not in shown
