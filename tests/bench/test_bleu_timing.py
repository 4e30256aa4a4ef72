"""``bench bleu`` on a few lines: its rows, and what it says of what is missing."""

import re
from pathlib import Path

import pytest

from seqgan_kit.bench import bleu_timing as bench_bleu
from seqgan_kit.cli.main import main

Capture = pytest.CaptureFixture[str]
SMALL = ["--lines", "30", "--repeats", "1", "--nltk-lines", "2"]


def without(monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    found = bench_bleu.find_spec
    monkeypatch.setattr(bench_bleu, "find_spec", lambda name: name not in packages and found(name))


def rows_of(printed: str) -> list[tuple[str, str]]:
    return re.findall(r"^  (BLEU|Self-BLEU) +(\S+(?: kept)?) +[\d.,]+ s  x [\d.,]+", printed, re.M)


def test_every_way_has_a_row_and_a_missing_one_is_named(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, "fast_bleu")
    assert main(["bench", "bleu", *SMALL]) == 0
    printed = capsys.readouterr().out
    assert "generated: 30 lines, 30 references, orders 2 to 5" in printed
    assert rows_of(printed) == [
        ("BLEU", "command"),
        ("BLEU", "library"),
        ("BLEU", "refs kept"),
        ("BLEU", "nltk"),
        ("Self-BLEU", "command"),
        ("Self-BLEU", "library"),
        ("Self-BLEU", "nltk"),
    ]
    assert (
        "fast_bleu is not installed; add its rows with: pip install 'seqgan-kit[bench]'" in printed
    )
    assert printed.count("extrapolated from 2 of the 30 lines") == 2
    differences = re.findall(r"scores differ by at most (\S+)", printed)
    assert len(differences) + printed.count("the same scores") == 5
    assert all(float(difference) < 1e-12 for difference in differences)


def test_a_text_of_the_user_is_measured_too(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, "fast_bleu", "nltk")
    mine = tmp_path / "mine.txt"
    mine.write_text("a cat sat\na dog ran off\n" * 3, encoding="utf-8")
    assert main(["bench", "bleu", *SMALL, "--hyp", str(mine), "--refs", str(mine)]) == 0
    printed = capsys.readouterr().out
    assert f"{mine}: 6 lines, 6 references" in printed
    assert len(rows_of(printed)) == 10
    assert "nltk is not installed" in printed


def test_scores_that_differ_would_be_seen() -> None:
    scores = {order: [0.5, 0.25] for order in bench_bleu.ORDERS}
    assert (
        bench_bleu._difference(scores, scores | {5: [0.5, 0.26]})
        == "scores differ by at most 1e-02"
    )


def test_both_files_or_neither(capsys: Capture) -> None:
    assert main(["bench", "bleu", "--hyp", "a.txt"]) == 2
    assert "only one of --hyp and --refs is given: give both files" in capsys.readouterr().err


def test_help(capsys: Capture) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["bench", "bleu", "--help"])
    assert "usage: seqgan-kit bench bleu" in capsys.readouterr().out
