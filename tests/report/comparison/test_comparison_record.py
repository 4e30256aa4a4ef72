"""Comparisons: what is collected, averaged, paired by seed, refused, and where the frontier lies."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from comparison_dirs import COLUMNS, make_run, scores

from seqgan_kit.errors import UsageError
from seqgan_kit.report.comparison.arm_runs import ArmRuns, ComparedRun, collected_arms
from seqgan_kit.report.comparison.comparison_record import comparison, tuned_baseline
from seqgan_kit.report.comparison.verdicts import verdict_sentences

MLE = {"MLE": scores(1.0, 0.5), "MLE at 0.9": scores(0.8, 0.6), "MLE at 0.8": scores(0.7, 0.8)}


def arms_of(
    folder: Path, methods: Mapping[str, Sequence[Mapping[str, Any]]], **options: Any
) -> list[ArmRuns]:
    """MLE and methods, each with a row for every seed."""
    found = {"mle": [make_run(folder / f"mle/{s}", s, MLE, errors=0.0) for s in range(3)]}
    for name, rows in methods.items():
        found[name] = [
            make_run(folder / name / str(seed), seed, {"MLE": MLE["MLE"], "Toy": row}, **options)
            for seed, row in enumerate(rows)
        ]
    return collected_arms(found)


def row_of(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return next(row for row in record["rows"] if row["name"] == name)


def test_means_spreads_and_differences_by_hand(tmp_path: Path) -> None:
    """Validities .8, .9, 1.0 against .8 each: mean difference .1, deviation .1, t = sqrt(3), two degrees of
    freedom: p = 1 - t / sqrt(2 + t^2) = 1 - sqrt(3/5)."""
    rows = [scores(0.6, 0.7, v) for v in (0.8, 0.9, 1.0)]
    record = comparison(arms_of(tmp_path, {"toy": rows}), "some")
    score = row_of(record, "toy")["scores"]["validity"]
    assert (score["mean"], score["deviation"]) == (pytest.approx(0.9), pytest.approx(0.1))
    assert score["by_seed"] == {0: 0.8, 1: 0.9, 2: 1.0}
    assert score["error"] == pytest.approx(0.01 / math.sqrt(3))
    difference = score["difference"]
    assert (difference["mean"], difference["pairs"]) == (pytest.approx(0.1), 3)
    assert difference["p"] == pytest.approx(1 - math.sqrt(3 / 5))
    assert "difference" not in row_of(record, "mle")["scores"]["validity"]
    assert row_of(record, "real data")["role"] == "reference"


def test_differences_are_paired_by_seed_not_by_place(tmp_path: Path) -> None:
    """MLE's seeds are 0, 1, 2, the method's 2 and 1: a seed meets its own."""
    base = [make_run(tmp_path / f"m{s}", s, {"MLE": scores(1, 1, 0.1 * s)}) for s in (0, 1, 2)]
    toys = [make_run(tmp_path / f"t{s}", s, {"Toy": scores(1, 1, 0.1 * s + 0.5)}) for s in (2, 1)]
    record = comparison(collected_arms({"mle": base, "toy": toys}), "")
    difference = row_of(record, "toy")["scores"]["validity"]["difference"]
    assert (difference["mean"], difference["pairs"]) == (pytest.approx(0.5), 2)
    assert difference["p"] is None
    assert any("fewer than three seeds" in note for note in record["notes"])


def test_scores_with_different_signatures_are_left_out_and_named(tmp_path: Path) -> None:
    other = [{**column} for column in COLUMNS]
    other[2]["signature"] = "v|hyps:200"
    arms = arms_of(tmp_path, {"toy": [scores(0.6, 0.7)] * 3}, columns=other)
    record = comparison(arms, "")
    assert [column["key"] for column in record["columns"]] == ["forward_kl", "skewed_kl"]
    (refused,) = record["refused"]
    assert set(refused["signatures"]) == {"v", "v|hyps:200"}
    assert "validity" not in row_of(record, "toy")["scores"]


def test_runs_on_different_data_are_refused(tmp_path: Path) -> None:
    arms = arms_of(tmp_path, {"toy": [scores(0.6, 0.7)]}, config={"data": {"text": "my.txt"}})
    with pytest.raises(UsageError, match=r"data\.text is 'catworld' in the first and 'my\.txt'"):
        comparison(arms, "")


def test_two_runs_of_one_seed_are_refused(tmp_path: Path) -> None:
    twice = [make_run(tmp_path / n, 4, MLE) for n in ("a", "b")]
    with pytest.raises(UsageError, match="two runs with seed 4"):
        comparison(collected_arms({"mle": twice}), "")


def test_an_unfinished_run_is_refused(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "a", 0, MLE)
    (folder / "scores.json").unlink()
    with pytest.raises(UsageError, match=r"not a finished run, because scores\.json is missing"):
        comparison(collected_arms({"mle": [folder]}), "")


def test_a_run_is_its_last_model_drawn_from_in_all_ways(tmp_path: Path) -> None:
    rows = {
        "MLE": scores(1, 1),
        "MLE at 0.5": scores(2, 2),
        "Toy": scores(3, 3),
        "Toy at 0.5": scores(4, 4),
        "Toy at top-p 0.9": scores(5, 5),
        "Toy at top-k 10": scores(6, 6),
    }
    run = ComparedRun("toy", make_run(tmp_path / "a", 0, rows))
    found = {at: row["values"]["skewed_kl"] for at, row in run.rows.items()}
    assert found == {"": 3, "0.5": 4, "top-p 0.9": 5, "top-k 10": 6}
    assert run.label == "Toy"


def test_a_score_that_is_not_finite_is_absent(tmp_path: Path) -> None:
    rows = [scores(None, 0.7)] + [scores(0.5, 0.7)] * 2
    record = comparison(arms_of(tmp_path, {"toy": rows}), "")
    assert list(row_of(record, "toy")["scores"]["skewed_kl"]["by_seed"]) == [1, 2]


@pytest.mark.parametrize(
    ("kept_best", "further", "taken"),
    [
        (True, {1: 1.6, 2: 1.4, 3: 1.55}, "mle"),
        (True, {1: 1.6, 2: 1.52}, "start"),
        (False, {1: 1.4, 2: 1.6}, "start"),
    ],
)
def test_tuned_mle_is_what_held_out_data_prefer(
    tmp_path: Path, kept_best: bool, further: dict[int, float], taken: str
) -> None:
    """The start stands at 1.5. A run that went back to its best counts by that, any other by its end."""
    config = {"method": {"patience_evaluations": 10 if kept_best else 0}}
    course = {at: {"nll_valid": value} for at, value in further.items()}
    start = make_run(tmp_path / "start", 0, MLE, evaluations={5: {"nll_valid": 1.5}})
    mle = make_run(tmp_path / "mle", 0, MLE, config=config, evaluations=course)
    arms = tuned_baseline(collected_arms({"start": [start], "mle": [mle]}))
    assert [run.folder.name for run in arms[1].runs] == [taken]


def test_updates_are_counted_for_the_generator_alone(tmp_path: Path) -> None:
    training = {"training": {"generator_moves": 2, "teacher_forcing_moves": 3}}
    toy = ComparedRun("toy", make_run(tmp_path / "t", 0, MLE, config=training))
    assert (toy.updates_per_round, toy.updates) == (5, 25)
    direct = {"training": {"generator_moves": 4}}
    folder = make_run(tmp_path / "d", 0, MLE, config=direct)
    log = folder / "metrics.jsonl"
    log.write_text(log.read_text().replace('"adversarial"', '"divergence"'))
    assert ComparedRun("direct", folder).updates == 20
    mle = ComparedRun("mle", make_run(tmp_path / "m", 0, MLE))
    assert mle.updates == 50


@pytest.mark.parametrize(
    ("row", "side", "distance", "gap"),
    [
        (scores(0.5, 0.6), "beyond", -math.sqrt(0.24**2 + 0.12**2), -0.3),
        (scores(0.9, 0.7), "inside", math.sqrt(0.12**2 + 0.06**2), 0.15),
        (scores(0.6, 0.9), "beyond", -0.1, -0.1),
    ],
)
def test_the_side_of_mles_curve(
    tmp_path: Path, row: Mapping[str, Any], side: str, distance: float, gap: float
) -> None:
    """MLE's curve goes through (0.7, 0.8), (0.8, 0.6), (1.0, 0.5)."""
    record = comparison(arms_of(tmp_path, {"toy": [row] * 3}), "")
    (verdict,) = record["frontier"]["verdicts"]
    assert verdict["side"] == side
    assert verdict["interval_over"] == "seeds"
    assert verdict["distance"] == pytest.approx(distance)
    assert verdict["gap"] == pytest.approx(gap)
    ((told, sentence),) = verdict_sentences(record)
    assert told == side
    plainly = "better" if side == "beyond" else "worse"
    assert sentence.startswith(
        f"toy is {plainly} than a colder MLE here. It lies {side} MLE's curve by "
    )


def test_a_point_of_mles_curve_lies_on_it(tmp_path: Path) -> None:
    record = comparison(arms_of(tmp_path, {"toy": [scores(0.8, 0.6)] * 3}), "")
    ((side, sentence),) = verdict_sentences(record)
    assert side == "on"
    assert sentence.startswith(
        "toy is exactly as good as a colder MLE here. It lies exactly on MLE's curve."
    )


def test_seeds_that_disagree_are_not_told_apart(tmp_path: Path) -> None:
    rows = [scores(0.5, 0.6), scores(0.95, 0.65), scores(0.7, 0.7)]
    record = comparison(arms_of(tmp_path, {"toy": rows}), "")
    ((side, sentence),) = verdict_sentences(record)
    assert side == "on"
    assert sentence.startswith("toy is as good as a colder MLE here, within the uncertainty. It ")
    assert "cannot be distinguished from MLE's curve" in sentence


def test_one_seed_has_the_samplings_interval(tmp_path: Path) -> None:
    """The errors of both numbers are 0.01 and MLE's are known: 1.96 times 0.01 each way."""
    record = comparison(arms_of(tmp_path, {"toy": [scores(0.6, 0.9)]}), "")
    (verdict,) = record["frontier"]["verdicts"]
    assert verdict["interval_over"] == "sampling"
    assert verdict["p"] is None
    assert verdict["high"] - verdict["low"] == pytest.approx(2 * 1.96 * 0.01, rel=0.2)


def test_without_the_samplings_error_of_both_numbers_nothing_is_claimed(tmp_path: Path) -> None:
    arms = arms_of(tmp_path, {"toy": [scores(0.6, 0.9)]})
    path = tmp_path / "toy" / "0" / "scores.json"
    table = json.loads(path.read_text())
    for row in table["rows"]:
        row["errors"].pop("forward_kl", None)
    path.write_text(json.dumps(table))
    (verdict,) = comparison(arms, "")["frontier"]["verdicts"]
    assert (verdict["low"], verdict["high"], verdict["side"]) == (None, None, "unknown")


def test_no_axes_no_frontier(tmp_path: Path) -> None:
    record = comparison(arms_of(tmp_path, {"toy": [scores(1, 1)]}, columns=COLUMNS[2:]), "")
    assert [c["key"] for c in record["columns"]] == ["forward_kl", "skewed_kl", "validity"]
    columns = [{"key": "validity", "label": "v", "better": "higher", "digits": 3, "signature": "v"}]
    runs = [make_run(tmp_path / f"x{s}", s, MLE, columns=columns) for s in range(2)]
    assert comparison(collected_arms({"mle": runs}), "")["frontier"] is None


def test_bleu_is_shown_as_its_negative(tmp_path: Path) -> None:
    columns = [
        {"key": "bleu5", "label": "BLEU-5", "better": "higher", "digits": 3, "signature": "b"},
        {
            "key": "self_bleu5",
            "label": "S-BLEU-5",
            "better": "lower",
            "digits": 3,
            "signature": "s",
        },
    ]
    base = make_run(tmp_path / "m", 0, {"MLE": {"bleu5": 0.5, "self_bleu5": 0.5}}, columns=columns)
    toy = make_run(tmp_path / "t", 0, {"Toy": {"bleu5": 0.7, "self_bleu5": 0.4}}, columns=columns)
    frontier = comparison(collected_arms({"mle": [base], "toy": [toy]}), "")["frontier"]
    assert frontier["quality"]["label"] == "-BLEU-5"
    assert frontier["verdicts"][0]["side"] == "beyond"


def test_what_an_arm_is_for_is_read_from_its_settings(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "a", 0, MLE, config={"method": {"reward": "random"}})
    assert collected_arms({"null": [folder]})[0].role == "control"
