"""``seqgan-kit bleu`` and ``self-bleu``: output, input forms, and every error message."""

import gzip
import io
import json
import sys
from pathlib import Path

import pytest

from seqgan_kit import __version__
from seqgan_kit.cli.main import main
from seqgan_kit.metrics.text.bleu import bleu, self_bleu

HYPS = "a cat sits here\na small dog runs off\n"
REFS = "a cat sits there\na dog runs off quickly\nthe cat sits here now\n"
Capture = pytest.CaptureFixture[str]


def tokens(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with ``hyps.txt`` and ``refs.txt``."""
    (tmp_path / "hyps.txt").write_text(HYPS, encoding="utf-8")
    (tmp_path / "refs.txt").write_text(REFS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def printed(capsys: Capture, *words: str) -> str:
    assert main(words) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


def mistake(capsys: Capture, *words: str) -> str:
    assert main(words) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    return captured.err


def score(capsys: Capture, *words: str) -> float:
    return float(printed(capsys, *words, "-n", "2", "--score-only"))


def give_stdin(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


def test_bleu_prints_json_with_a_signature(folder: Path, capsys: Capture) -> None:
    result = json.loads(printed(capsys, "bleu", "hyps.txt", "--refs", "refs.txt"))
    expected = bleu(tokens(HYPS), tokens(REFS))
    assert result == {
        "metric": "bleu",
        "scores": {str(order): score for order, score in expected.items()},
        "signature": "bleu|n:2-5|smooth:method1|refs:3|hyps:2|tok:space|case:mixed"
        f"|v:{__version__}",
    }


def test_self_bleu_prints_json_with_a_signature(folder: Path, capsys: Capture) -> None:
    result = json.loads(printed(capsys, "self-bleu", "refs.txt", "-n", "3"))
    assert result["scores"] == {"3": self_bleu(tokens(REFS), [3])[3]}
    assert result["signature"].startswith("self-bleu|n:3|smooth:method1|refs:leave-one-out|hyps:3|")


def test_text_for_people(folder: Path, capsys: Capture) -> None:
    lines = printed(capsys, "bleu", "hyps.txt", "--refs", "refs.txt", "--format", "text").split(
        "\n"
    )
    assert lines[0] == f"BLEU-2  {bleu(tokens(HYPS), tokens(REFS))[2]:.4f}"
    assert lines[4].startswith("bleu|n:2-5|")


def test_tsv_for_spreadsheets(folder: Path, capsys: Capture) -> None:
    shown = printed(capsys, "self-bleu", "refs.txt", "-n", "2", "4", "--format", "tsv")
    header, *rows = [line.split("\t") for line in shown.splitlines()]
    assert header == ["metric", "order", "score", "signature"]
    assert [(row[0], row[1], float(row[2])) for row in rows] == [
        ("self-bleu", "2", self_bleu(tokens(REFS))[2]),
        ("self-bleu", "4", self_bleu(tokens(REFS))[4]),
    ]
    assert rows[0][3].startswith("self-bleu|n:2,4|")


def test_score_only_prints_bare_numbers_in_the_order_asked(folder: Path, capsys: Capture) -> None:
    shown = printed(
        capsys, "bleu", "hyps.txt", "--refs", "refs.txt", "-n", "3", "2", "--score-only"
    )
    expected = bleu(tokens(HYPS), tokens(REFS))
    assert [float(line) for line in shown.splitlines()] == [expected[3], expected[2]]


def test_several_reference_files_make_one_set(folder: Path, capsys: Capture) -> None:
    first, rest = REFS.split("\n", 1)
    Path("one.txt").write_text(first, encoding="utf-8")  # no newline at the end
    Path("two.txt").write_text(rest, encoding="utf-8")
    whole = json.loads(printed(capsys, "bleu", "hyps.txt", "--refs", "refs.txt"))
    parts = json.loads(printed(capsys, "bleu", "hyps.txt", "--refs", "one.txt", "two.txt"))
    assert parts == whole


def test_standard_input(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    give_stdin(monkeypatch, HYPS.encode())
    assert score(capsys, "bleu", "-", "--refs", "refs.txt") == bleu(tokens(HYPS), tokens(REFS))[2]


def test_gzip_is_recognised_by_content(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    Path("refs.data").write_bytes(gzip.compress(REFS.encode()))
    give_stdin(monkeypatch, gzip.compress(HYPS.encode()))
    assert score(capsys, "bleu", "-", "--refs", "refs.data") == bleu(tokens(HYPS), tokens(REFS))[2]


@pytest.mark.parametrize("change", [lambda t: "\ufeff" + t, lambda t: t.replace("\n", "\r\n")])
def test_byte_order_mark_and_windows_lines_change_nothing(
    change: object, folder: Path, capsys: Capture
) -> None:
    assert callable(change)
    Path("other.txt").write_bytes(change(REFS).encode())
    as_given = score(capsys, "bleu", "hyps.txt", "--refs", "refs.txt")
    assert score(capsys, "bleu", "hyps.txt", "--refs", "other.txt") == as_given


def test_a_unicode_line_separator_stays_inside_its_sentence(folder: Path, capsys: Capture) -> None:
    Path("one.txt").write_text("a cat\u2028sits \x0c here\nb\n", encoding="utf-8")
    result = json.loads(printed(capsys, "self-bleu", "one.txt"))
    assert "|hyps:2|" in result["signature"]


def test_characters_as_tokens(folder: Path, capsys: Capture) -> None:
    Path("poem.txt").write_text("床前明月光\n疑是 地上霜\n", encoding="utf-8")
    Path("line.txt").write_text("床前明月\n", encoding="utf-8")
    result = json.loads(
        printed(capsys, "bleu", "line.txt", "--refs", "poem.txt", "--tok", "char", "-n", "4")
    )
    expected = bleu([list("床前明月")], [list("床前明月光"), list("疑是地上霜")], [4])
    assert result["scores"] == {"4": expected[4]}
    assert "|tok:char|" in result["signature"]


def test_lowercase_is_in_the_signature_and_in_the_score(folder: Path, capsys: Capture) -> None:
    Path("loud.txt").write_text(HYPS.upper(), encoding="utf-8")
    command = ("bleu", "loud.txt", "--refs", "refs.txt")
    assert score(capsys, *command) == 0.0
    result = json.loads(printed(capsys, *command, "--lowercase"))
    assert result["scores"]["2"] == bleu(tokens(HYPS), tokens(REFS))[2]
    assert "|case:lower|" in result["signature"]


def test_empty_lines_count_and_are_mentioned(folder: Path, capsys: Capture) -> None:
    Path("gaps.txt").write_text(HYPS + "\n  \n", encoding="utf-8")
    assert main(["bleu", "gaps.txt", "--refs", "refs.txt", "-n", "2", "--score-only"]) == 0
    captured = capsys.readouterr()
    expected = bleu([*tokens(HYPS), [], []], tokens(REFS))[2]
    assert float(captured.out) == expected
    assert "note: gaps.txt: 2 of 4 lines are empty; they count" in captured.err


def test_a_missing_file_suggests_a_near_name(folder: Path, capsys: Capture) -> None:
    message = mistake(capsys, "bleu", "hyp.txt", "--refs", "refs.txt")
    assert message == ("seqgan-kit bleu: error: no such file: hyp.txt. Did you mean 'hyps.txt'?\n")


def test_a_missing_folder_is_named(folder: Path, capsys: Capture) -> None:
    message = mistake(capsys, "bleu", "hyps.txt", "--refs", "no/refs.txt")
    assert "no such file: no/refs.txt (its folder no does not exist either)" in message


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "bad holds no text: give a file with one sentence per line"),
        (b"\n \n\n", "bad holds no text: give a file with one sentence per line"),
        (b"\x89PNG\r\n\x1a\n\0\0", "bad is binary: give plain text"),
        ("a cat\n".encode("utf-16"), "bad is UTF-16, but must be UTF-8: convert it"),
        (b"a cat\ncaf\xe9\n", "bad must be UTF-8, but line 2 is not: convert it"),
        (gzip.compress(b"a cat\n" * 9, mtime=0)[:-9], "bad is a damaged gzip file"),
        (b"\x1f\x8bnot gzip at all", "bad is a damaged gzip file"),
    ],
)
def test_unusable_content_says_what_to_do(
    content: bytes, complaint: str, folder: Path, capsys: Capture
) -> None:
    Path("bad").write_bytes(content)
    assert complaint in mistake(capsys, "bleu", "bad", "--refs", "refs.txt")
    assert complaint in mistake(capsys, "bleu", "hyps.txt", "--refs", "refs.txt", "bad")
    assert complaint in mistake(capsys, "self-bleu", "bad")


def test_empty_standard_input(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    give_stdin(monkeypatch, b"")
    assert "standard input holds no text" in mistake(capsys, "self-bleu", "-")


def test_a_folder_instead_of_a_file(folder: Path, capsys: Capture) -> None:
    assert ". is a folder: give a text file" in mistake(capsys, "self-bleu", ".")


def test_a_file_that_may_not_be_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert "hyps.txt cannot be read: Permission denied." in mistake(capsys, "self-bleu", "hyps.txt")


def test_standard_input_serves_once(folder: Path, capsys: Capture) -> None:
    message = mistake(capsys, "bleu", "-", "--refs", "refs.txt", "-")
    assert "standard input ('-') is named more than once" in message


def test_self_bleu_needs_two_lines(folder: Path, capsys: Capture) -> None:
    Path("one.txt").write_text("a cat\n", encoding="utf-8")
    assert "give a file of at least 2 lines" in mistake(capsys, "self-bleu", "one.txt")


@pytest.mark.parametrize("words", [["bleu", "--refs", "refs.txt", "hyps.txt"], ["self-bleu"]])
def test_the_text_to_score_is_named_first(words: list[str], folder: Path, capsys: Capture) -> None:
    message = mistake(capsys, *words)
    assert "HYP is missing: put the text to score first, before --refs and -n." in message


def test_references_are_required(folder: Path, capsys: Capture) -> None:
    assert "required: --refs. See 'seqgan-kit bleu --help'" in mistake(capsys, "bleu", "hyps.txt")


@pytest.mark.parametrize("order", ["0", "-1", "21", "two", "2.0"])
def test_orders_are_whole_numbers(order: str, folder: Path, capsys: Capture) -> None:
    message = mistake(capsys, "self-bleu", "refs.txt", "-n", order)
    assert f"-n/--orders: must be a whole number from 1 to 20, got {order!r}" in message


@pytest.mark.parametrize(
    ("option", "given", "kind"), [("--format", "jsn", "json"), ("--tok", "chars", "char")]
)
def test_a_mistyped_choice_suggests_the_nearest(
    option: str, given: str, kind: str, folder: Path, capsys: Capture
) -> None:
    message = mistake(capsys, "self-bleu", "refs.txt", option, given)
    assert f"Did you mean {kind!r}? Allowed: " in message
