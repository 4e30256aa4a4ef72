"""``bleu`` and ``self-bleu``: corpus mode, intervals, comparisons, samples, and their error messages."""

import gzip
import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sacrebleu

from seqgan_kit import __version__
from seqgan_kit.cli.main import main
from seqgan_kit.metrics.statistics.bootstrap import bootstrap_interval, paired_difference
from seqgan_kit.metrics.text.bleu import (
    ReferenceSet,
    self_bleu,
    self_sentence_scores,
    sentence_scores,
)

Capture = pytest.CaptureFixture[str]
A = ["a cat sits here", "a small dog runs off", "the bird sings", "it rains on the roof today"]
B = ["the cat sits there now", "a dog runs away", "the bird sings a song", "it rains on us"]
REFS = ["a cat sits there", "a dog runs off quickly", "the bird sings now", "it rains on the roof"]
OTHER = ["The cat sits here", "the dog ran off", "a bird sings", "rain falls on the roof today"]


def tokens(lines: list[str]) -> list[list[str]]:
    return [line.split() for line in lines]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the four texts."""
    for name, lines in (("a", A), ("b", B), ("refs", REFS), ("other", OTHER)):
        content = "".join(f"{line}\n" for line in lines)
        (tmp_path / f"{name}.txt").write_text(content, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def printed(capsys: Capture, words: str) -> str:
    assert main(words.split()) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


def as_json(capsys: Capture, words: str) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(printed(capsys, words))
    return result


def mistake(capsys: Capture, words: str) -> str:
    assert main(words.split()) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    return captured.err


def by_line() -> tuple[np.ndarray, np.ndarray]:
    """Sentence BLEU-2 of both texts."""
    references = ReferenceSet(tokens(REFS))
    first, second = (sentence_scores(tokens(lines), references, [2])[2] for lines in (A, B))
    return first, second


def test_corpus_mode_is_sacrebleus_number_with_both_signatures(capsys: Capture) -> None:
    result = as_json(capsys, "bleu a.txt --mode corpus --refs refs.txt other.txt")
    expected = sacrebleu.corpus_bleu(A, [REFS, OTHER])
    assert result == {
        "metric": "corpus-bleu",
        "scores": {"4": expected.score},
        "precisions": expected.precisions,
        "brevity_penalty": expected.bp,
        "hypothesis_tokens": expected.sys_len,
        "reference_tokens": expected.ref_len,
        "sacrebleu": "BLEU|nrefs:2|case:mixed|eff:no|tok:13a|smooth:exp"
        f"|version:{sacrebleu.__version__}",
        "signature": "corpus-bleu|n:4|smooth:exp|refs:2x4|hyps:4|tok:13a|case:mixed"
        f"|v:{__version__}",
    }


def test_corpus_mode_reads_as_the_other_does(capsys: Capture, monkeypatch: Any) -> None:
    """Standard input, gzip, tokenizer, case, orders: all reach sacrebleu."""
    Path("packed").write_bytes(gzip.compress("\n".join(OTHER).encode()))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("\n".join(A).encode())))
    words = "bleu - --mode corpus --refs packed --tok char --lowercase -n 2 3 --score-only"
    metrics = [sacrebleu.BLEU(lowercase=True, tokenize="char", max_ngram_order=n) for n in (2, 3)]
    expected = [metric.corpus_score(A, [OTHER]).score for metric in metrics]
    assert [float(line) for line in printed(capsys, words).splitlines()] == expected


def test_corpus_mode_for_people(capsys: Capture) -> None:
    shown = printed(capsys, "bleu a.txt --mode corpus --refs refs.txt --format text --confidence")
    score, _, parts, foreign, own = shown.splitlines()
    assert score.startswith(f"BLEU-4  {sacrebleu.corpus_bleu(A, [REFS]).score:.2f}  [")
    assert parts.startswith("precisions ")
    assert "18 tokens against 18" in parts
    assert foreign.startswith("sacrebleu: BLEU|nrefs:1|")
    assert own.startswith("corpus-bleu|n:4|")
    assert "|bs:1000|ci:95|seed:0|" in own


def test_confidence_is_the_bootstrap_of_the_sentence_scores(capsys: Capture) -> None:
    result = as_json(
        capsys, "bleu a.txt --refs refs.txt -n 2 5 --confidence --seed 7 --resamples 200"
    )
    rng = np.random.default_rng((7, 1))
    expected = bootstrap_interval(by_line()[0], rng, resamples=200)
    assert result["scores"]["2"] == pytest.approx(expected.value)
    assert result["intervals"]["2"] == [expected.low, expected.high]
    assert result["intervals"].keys() == {"2", "5"}
    assert result["signature"].endswith(f"|bs:200|ci:95|seed:7|v:{__version__}")


def test_confidence_of_self_bleu_keeps_the_references(capsys: Capture) -> None:
    shown = printed(capsys, "self-bleu a.txt -n 2 --confidence --format tsv")
    header, row = (line.split("\t") for line in shown.splitlines())
    assert header == ["metric", "order", "score", "low", "high", "signature"]
    scores = self_sentence_scores(tokens(A), [2])[2]
    expected = bootstrap_interval(scores, np.random.default_rng((0, 1)))
    assert [float(value) for value in row[2:5]] == [
        pytest.approx(expected.value), expected.low, expected.high
    ]  # fmt: skip


def test_confidence_for_people(capsys: Capture) -> None:
    lines = printed(capsys, "bleu a.txt --refs refs.txt --format text --confidence").splitlines()
    interval = bootstrap_interval(by_line()[0], np.random.default_rng((0, 1)))
    assert lines[0] == f"BLEU-2  {interval.value:.4f}  [{interval.low:.4f}, {interval.high:.4f}]"
    assert lines[4] == "[95 % intervals: bootstrap over the scored lines]"


def test_a_comparison_is_the_paired_difference_of_the_sentence_scores(capsys: Capture) -> None:
    result = as_json(capsys, "bleu --paired a.txt b.txt --refs refs.txt -n 2")
    first, second = by_line()
    expected = paired_difference(first, second, np.random.default_rng((0, 1)))
    assert result["first"] == {"text": "a.txt", "scores": {"2": float(first.mean())}}
    assert result["second"] == {"text": "b.txt", "scores": {"2": float(second.mean())}}
    assert result["second_less_first"] == {
        "2": {
            "value": expected.value,
            "low": expected.low,
            "high": expected.high,
            "p_value": expected.p_value,
        }
    }
    assert "|bs:1000|ci:95|ar:1000|seed:0|" in result["signature"]


def test_a_comparison_in_corpus_mode(capsys: Capture) -> None:
    shown = printed(capsys, "bleu --paired a.txt b.txt --mode corpus --refs refs.txt --format tsv")
    header, row = (line.split("\t") for line in shown.splitlines())
    assert header[1:8] == ["order", "first", "second", "second_less_first", "low", "high", "p"]
    first, second = (sacrebleu.corpus_bleu(lines, [REFS]).score for lines in (A, B))
    assert [float(value) for value in row[2:5]] == pytest.approx([first, second, second - first])
    assert 0 < float(row[7]) <= 1


def test_a_comparison_for_people(capsys: Capture) -> None:
    shown = printed(capsys, "bleu --paired a.txt b.txt --refs refs.txt -n 2 --format text")
    first, second = by_line()
    lines = shown.splitlines()
    assert lines[:2] == ["A: a.txt", "B: b.txt"]
    difference = second.mean() - first.mean()
    assert lines[3].startswith(f"BLEU-2  A {first.mean():.4f}  B {second.mean():.4f}  B-A "
                               f"{difference:+.4f}  [")  # fmt: skip


def test_a_sample_is_named_and_repeats_with_its_seed(capsys: Capture) -> None:
    words = "self-bleu a.txt -n 1 --sample 3 --seed"
    results = [as_json(capsys, f"{words} {seed}") for seed in (1, 1, 2, 3, 4, 5)]
    assert results[0] == results[1]
    assert "|hyps:3|" in results[0]["signature"]
    assert "|sample:3-of-4|seed:1|" in results[0]["signature"]
    possible = [self_bleu(tokens(A[:i] + A[i + 1 :]), [1])[1] for i in range(4)]
    found = {result["scores"]["1"] for result in results}
    assert len(found) > 1
    assert found <= set(possible)


def test_a_sample_takes_the_same_lines_of_all_that_correspond(capsys: Capture) -> None:
    """In corpus mode of texts and references, else of both compared texts: a text equals itself."""
    for mode in ("corpus", "sentence"):
        words = f"bleu --paired refs.txt refs.txt --mode {mode} --refs refs.txt --sample 3"
        result = as_json(capsys, f"{words} -n 3")
        assert result["first"]["scores"]["3"] == pytest.approx(100 if mode == "corpus" else 1)
        assert result["second_less_first"]["3"]["p_value"] == 1


def test_all_lines_are_scored_unless_a_sample_is_asked_for(capsys: Capture) -> None:
    assert "sample" not in as_json(capsys, "self-bleu a.txt")["signature"]
    assert "seed" not in as_json(capsys, "self-bleu a.txt")["signature"]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("bleu a.txt --mode corpus --refs short.txt", "a.txt has 4 lines and short.txt has 2: in "
         "corpus mode line i of every file belongs to line i of the others"),
        ("bleu --paired a.txt short.txt --refs refs.txt", "a.txt has 4 lines and short.txt has 2: a "
         "comparison pairs line with line."),
        ("bleu short.txt --mode corpus --refs short.txt a.txt", "short.txt has 2 lines and a.txt has"),
        ("bleu a.txt --mode corps --refs refs.txt", "Did you mean 'corpus'?"),
        ("bleu a.txt --mode corpus --refs refs.txt --tok 14a", "Did you mean '13a'?"),
        ("bleu a.txt --mode corpus --refs refs.txt --tok space", "use 'none' for 'space' of"),
        ("bleu a.txt --refs refs.txt --tok intl", "intl is a tokenizer of sacrebleu: add --mode corpus"),
        ("bleu a.txt --paired a.txt b.txt --refs refs.txt", "replaces HYP: leave out 'a.txt'"),
        ("bleu --paired a.txt --refs refs.txt", "argument --paired: expected 2 arguments"),
        ("bleu --paired a.txt b.txt --refs refs.txt --confidence", "leave out --confidence"),
        ("bleu --paired a.txt b.txt --refs refs.txt --score-only", "leave it out with"),
        ("self-bleu a.txt --confidence --score-only", "leave it out with --confidence"),
        ("self-bleu a.txt --seed 1", "--seed has no effect without --sample"),
        ("self-bleu a.txt --resamples 200", "--resamples has no effect without --confidence"),
        ("self-bleu a.txt --confidence --resamples 9", "a whole number from 100 to 1000000"),
        ("self-bleu a.txt --sample 5", "--sample 5: the text has only 4 lines; give a smaller number."),
        ("self-bleu a.txt --sample 0", "must be a whole number of 1 or more, got '0'"),
        ("self-bleu a.txt --sample 1", "at least 2 lines, and --sample 2 or more."),
        ("self-bleu a.txt --paired a.txt b.txt", "unknown option '--paired'"),
        ("bleu - --mode corpus --refs -", "standard input ('-') is named more than once"),
        ("bleu --paired - - --refs refs.txt", "standard input ('-') is named more than once"),
        ("bleu a.txt --mode corpus --refs no.txt", "no such file: no.txt"),
        ("bleu a.txt --mode corpus --refs empty.txt", "empty.txt holds no text"),
        ("bleu --paired a.txt binary --refs refs.txt", "binary is binary: give plain text"),
    ],
)  # fmt: skip
def test_mistakes_say_what_to_do(words: str, complaint: str, capsys: Capture) -> None:
    Path("short.txt").write_text("a cat\na dog\n", encoding="utf-8")
    Path("empty.txt").write_text("\n", encoding="utf-8")
    Path("binary").write_bytes(b"\0\1")
    assert complaint in mistake(capsys, words)


def test_empty_lines_in_corpus_mode_are_mentioned(capsys: Capture) -> None:
    Path("gaps.txt").write_text("a cat\n\na bird\nit rains\n", encoding="utf-8")
    words = ["bleu", "gaps.txt", "--mode", "corpus", "--refs", "refs.txt", "--score-only"]
    assert main(words) == 0
    captured = capsys.readouterr()
    expected = sacrebleu.corpus_bleu(["a cat", "", "a bird", "it rains"], [REFS])
    assert float(captured.out) == expected.score
    assert "note: gaps.txt: 1 of 4 lines are empty; they count" in captured.err
