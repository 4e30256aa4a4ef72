"""Settings files that would exhaust time, memory or Python's recursion limit are refused."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from seqgan_kit.core.files.settings_files import read_settings
from seqgan_kit.errors import UsageError

BOMB = "a0: &a0 [x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 30)
)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.yaml", BOMB, "more than 100,000 values when its aliases"),
        ("a.yaml", "a: &a [*a]", r"\*a is inside the value that it repeats"),
        ("a.yaml", "a: " + "[" * 20_000, "nested more than 32 levels"),
        ("a.json", '{"a": ' * 50_000, "nested more than 32 levels"),
        ("a.yaml", "a: 0x" + "f" * 9000, "whole number of more than 64 bits"),
        ("a.yaml", "a: " + "9" * 9000, "cannot be read: Exceeds the limit"),
        ("a.yaml", "a: 2001-99-99", "cannot be read: month must be in"),
        ("a.yaml", "a: *b", "cannot be read: found undefined alias"),
        ("a.yaml", "a: " + "x" * (1 << 20), "larger than 1 MiB"),
        ("a.toml", "a = " + "[" * 100_000, "nested more than 32 levels"),
        ("a.toml", ".".join("a" * 900) + " = 1", "nested more than 32 levels"),
    ],
    ids=range(11),
)
def test_hostile_settings_are_refused_at_once(
    tmp_path: Path, name: str, content: str, message: str
) -> None:
    (tmp_path / name).write_text(content)
    began = time.monotonic()
    with pytest.raises(UsageError, match=message):
        read_settings(tmp_path / name)
    assert time.monotonic() - began < 5


def test_aliases_are_fine_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("a: &a {seed: 3}\nb: *a\nc: [*a, *a]\n")
    assert read_settings(path) == {"a": {"seed": 3}, "b": {"seed": 3}, "c": [{"seed": 3}] * 2}
