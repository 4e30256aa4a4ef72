"""The final table: what counts as best, how numbers are written, that it fits a terminal."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from seqgan_kit.report.tables import best_rows, headed, print_scores, score_table


def record(models: int = 2) -> dict[str, Any]:
    names = ["MLE", "SeqGAN", "RelGAN", "MaliGAN", "LeakGAN", "CoT"][:models]
    keys = [("reverse_kl", "reverse KL", "lower", 2), ("validity", "validity", "higher", 3)]
    keys += [(f"bleu_{n}", f"BLEU-{n}", "higher", 3) for n in range(2, 6)]
    keys += [(f"self_bleu_{n}", f"Self-BLEU-{n}", "lower", 3) for n in range(2, 6)]
    columns = [
        {"key": k, "label": name, "better": better, "digits": d, "signature": f"{k[:4]}|v1"}
        for k, name, better, d in keys
    ]
    rows = [
        {"name": name, "values": {k: i + 0.5 for k, *_ in keys}, "errors": {"reverse_kl": 0.031}}
        for i, name in enumerate(names)
    ]
    rows.append({"name": "real data", "values": {"validity": 9.0}, "errors": {}})
    return {"title": "Models", "columns": columns, "rows": rows, "notes": ["Divergences in nats."]}


def printed(table: dict[str, Any], width: int, encoding: str = "utf-8") -> str:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    print_scores(table, Console(file=file, width=width, highlight=False))
    return raw.getvalue().decode(encoding)


COLUMN = {"key": "x", "label": "x", "digits": 2}


def rows(*pairs: tuple[float | None, float], names: str = "abcdef") -> list[dict[str, Any]]:
    return [
        {"name": name, "values": {} if v is None else {"x": v}, "errors": {"x": e}}
        for name, (v, e) in zip(names, pairs, strict=False)
    ]


@pytest.mark.parametrize(("better", "expected"), [("higher", {1}), ("lower", {0}), (None, set())])
def test_best_follows_the_direction(better: str | None, expected: set[int]) -> None:
    assert best_rows(COLUMN | {"better": better}, rows((1, 0), (3, 0), (2, 0))) == expected


def test_as_real_the_nearest_to_real_data_is_best_on_whichever_side() -> None:
    column = COLUMN | {"better": "as real"}
    entries = rows((0.1, 0), (3.2, 0), (5, 0), (3, 0))
    assert best_rows(column, entries) == set(), "nothing to be near to"
    entries[3]["name"] = "real data"
    assert best_rows(column, entries) == {1}
    entries[3]["values"] = {}
    assert best_rows(column, entries) == set()
    assert headed(column).endswith("≈")


def test_nobody_is_best_by_less_than_is_shown() -> None:
    """Self-BLEU has no standard error: 0.981 ★ beside 0.981 would be a star for nothing."""
    column = COLUMN | {"better": "higher"}
    assert best_rows(column, rows((0.981, 0), (0.983, 0))) == set()
    assert best_rows(column, rows((0.981, 0), (0.991, 0))) == {1}


def test_best_includes_what_two_standard_errors_do_not_tell_apart() -> None:
    """3.0 and 2.9 with errors 0.04: 2*sqrt(2)*0.04 = 0.113 > 0.1; 2.8 is 0.2 away."""
    column = COLUMN | {"better": "higher"}
    assert best_rows(column, rows((3.0, 0.04), (2.9, 0.04), (2.8, 0.04))) == {0, 1}


def test_nobody_is_best_alone_or_where_all_are_equal() -> None:
    column = COLUMN | {"better": "higher"}
    assert best_rows(column, rows((3.0, 0.1))) == set()
    assert best_rows(column, rows((3.0, 0.1), (3.05, 0.1))) == set()
    assert best_rows(column, rows((3.0, 0.1), (None, 0.1))) == set()


def test_real_data_are_no_rival() -> None:
    column = COLUMN | {"better": "higher"}
    entries = rows((1, 0), (2, 0), (9, 0))
    entries[2]["name"] = "Real data"
    assert best_rows(column, entries) == {1}
    entries[2] |= {"name": "human", "reference": True}
    assert best_rows(column, entries) == {1}


def test_errors_show_their_first_digit() -> None:
    entries = rows((1.234, 0.004), (2.0, 1.5))
    table = score_table({"columns": [COLUMN], "rows": entries})
    assert [(row[0].value, row[0].error) for row in table.cells] == [
        ("1.23", "0.004"),
        ("2.00", "1.50"),
    ]


@pytest.mark.parametrize(("models", "width"), [(2, 80), (3, 80), (4, 100)])
def test_fits_the_terminal_with_nothing_cut(models: int, width: int) -> None:
    text = printed(record(models), width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    for name in ("MLE", "SeqGAN", "real data", "reverse KL", "Self-BLEU-5", "0.50* ±0.03", "9.000"):
        assert name in text
    assert "Divergences in nats." in text
    assert "signatures in scores.json" in text


@pytest.mark.parametrize(("width", "tables"), [(200, 1), (100, 2), (80, 2), (60, 4), (40, 7)])
def test_models_that_do_not_fit_side_by_side_stand_below(width: int, tables: int) -> None:
    text = printed(record(6), width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    assert text.count("Self-BLEU-5") == tables
    for shown in ("LeakGAN", "real data", "0.50* ±0.03", "9.000"):
        assert text.count(shown) >= 1


def test_a_metric_that_was_not_run_is_absent() -> None:
    table = score_table(record())
    assert table.cells[-1][0].value == ""
    line = next(x for x in printed(record(), 80).splitlines() if "reverse KL" in x)
    assert "0.00" not in line


def test_signatures_are_told_once_for_all_that_share_them() -> None:
    told = {how: names for names, how in score_table(record()).signatures}
    assert told["bleu|v1"] == "BLEU-2, BLEU-3, BLEU-4, BLEU-5"
    assert told["self|v1"].startswith("Self-BLEU-2, Self-BLEU-3")


@pytest.mark.parametrize("value", [None, float("inf"), float("nan")])
def test_not_finite_is_said_and_is_no_rival(value: float | None) -> None:
    """A divergence may be infinite; null is what JSON has for it. That is not "not run"."""
    entries = rows((1.0, 0), (2.0, 0), (3.0, 0))
    entries[0]["values"]["x"] = value
    column = COLUMN | {"better": "lower"}
    assert best_rows(column, entries) == {1}
    shown = [row[0].value for row in score_table({"columns": [column], "rows": entries}).cells]
    assert shown == ["not finite", "2.00", "3.00"]


def test_an_ascii_terminal() -> None:
    assert "0.50* +-0.03" in printed(record(), 80, "ascii")


def test_an_empty_record_prints() -> None:
    assert "Scores" in printed({"columns": [], "rows": []}, 80)


def test_brackets_in_a_label_are_no_markup() -> None:
    column = {"key": "fd", "label": "FD[random-1a2b3c]", "better": "lower", "digits": 2}
    models = [{"name": f"model {i}", "values": {"fd": float(i)}} for i in range(6)]
    for some in (models[:2], models):
        assert "FD[random-1a2b3c]" in printed(
            {"title": "t", "columns": [column], "rows": some}, 100
        )
