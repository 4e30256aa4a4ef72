"""JSON files with unexpected content are refused with one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from seqgan_kit.core.files.checked_json import parsed, read_checked, read_checked_lines
from seqgan_kit.core.files.json_kinds import (
    anything,
    flag,
    list_of,
    mapping_of,
    maybe,
    number,
    record,
    text,
    whole,
    word_of,
)
from seqgan_kit.errors import CheckpointError, UsageError

KIND = record(
    {"kind": word_of("text", "image"), "sizes": list_of(whole(1, 9), 1, 3)},
    {"share": maybe(number(0, 1)), "on": flag, "names": mapping_of(text(5, 1))},
)


@pytest.mark.parametrize(
    "content",
    [
        '{"kind": "text", "sizes": [1, 9]}',
        '{"kind": "image", "sizes": [2], "share": null, "on": true, "names": {"a": "b"}}',
        '{"kind": "image", "sizes": [2], "share": 1, "further": {"deep": [1.5, "x", null]}}',
    ],
)
def test_what_fits_is_given_back(content: str) -> None:
    assert parsed(content, KIND, "f")["kind"] in ("text", "image")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"f is damaged: it is not JSON"),
        ("[" * 100_000, r"f is damaged: it is not JSON \(it is nested too deeply"),
        ("9" * 5000, r"it is not JSON"),
        ("NaN", r"NaN is not a JSON number"),
        ("[]", r"the whole is a list of 0; allowed is an object with kind, sizes"),
        ("{}", r"kind is missing"),
        ('{"kind": "x", "sizes": [1]}', r'kind is "x"; allowed is "text" or "image"'),
        ('{"kind": "text", "sizes": []}', r"sizes is a list of 0; allowed is a list of 1 to 3"),
        ('{"kind": "text", "sizes": [1, 10]}', r"sizes\[1\] is 10; allowed is a whole number from 1"),
        ('{"kind": "text", "sizes": [true]}', r"sizes\[0\] is true"),
        ('{"kind": "text", "sizes": [1], "share": 2.0}', r"share is 2.0; .*from 0 to 1, or null"),
        ('{"kind": "text", "sizes": [1], "share": 1e999}', r"share is Infinity; .*finite"),
        ('{"kind": "text", "sizes": [1], "on": 1}', r"on is 1; allowed is true or false"),
        ('{"kind": "text", "sizes": [1], "names": {"a": ""}}', r"names\.a is \"\"; allowed is text"),
        ('{"kind": "text", "sizes": [1], "x": %s}' % ("[" * 40 + "]" * 40), "at most 32 levels"),
        ('{"kind": "text", "sizes": [1], "x": "\\ud800"}', "halves of surrogate pairs"),
        ('{"kind": "text", "sizes": [1], "x": %s}' % (10**30), "a number of too many digits"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(content: str, message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        parsed(content, KIND, "f")


def test_the_file_is_named_and_the_error_is_the_callers(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"a": 1}')
    message = r"a\.json is damaged or was edited: a is 1; allowed is text .* Fetch it again\."
    with pytest.raises(UsageError, match=message):
        read_checked(path, record({"a": text()}), error=UsageError, advice="Fetch it again.")
    with pytest.raises(CheckpointError, match=r"a\.json is larger than 0 MiB"):
        read_checked(path, anything, most_bytes=3)
    with pytest.raises(CheckpointError, match=r"cannot be read: Is a directory"):
        read_checked(tmp_path, anything)
    with pytest.raises(FileNotFoundError):
        read_checked(tmp_path / "none", anything)


def test_lines_are_checked_one_by_one(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": 1}\n{"a": "x"}\n{"a": 3')
    with pytest.raises(CheckpointError, match=r"a\.jsonl .* row \[1\]\.a is \"x\""):
        read_checked_lines(path, record({"a": whole()}))
    assert read_checked_lines(path, anything) == [{"a": 1}, {"a": "x"}]


def test_kinds_do_not_take_true_for_a_number() -> None:
    value: Any = '{"a": true}'
    with pytest.raises(CheckpointError, match="a is true"):
        parsed(value, record({"a": number()}), "f")
