"""Long work is reported on stderr, short work is not."""

from __future__ import annotations

import re
import time

import pytest

from seqgan_kit.core.runs.long_work import long_work


def test_a_log_gets_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    with long_work("scoring", line_seconds=0.05) as step:
        step("MLE")
        time.sleep(0.2)
    out, err = capsys.readouterr()
    assert out == ""
    first, *_ = err.splitlines()
    assert re.fullmatch(r"\d\d:\d\d:\d\d  scoring: MLE  0:00 so far", first)


def test_short_work_and_quiet_work_say_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with long_work("scoring"):
        pass
    with long_work("scoring", quiet=True, line_seconds=0.01) as step:
        step("MLE")
        time.sleep(0.05)
    assert capsys.readouterr() == ("", "")


def test_an_error_ends_the_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="broken"), long_work("scoring", line_seconds=0.01):
        raise ValueError("broken")
    capsys.readouterr()
    time.sleep(0.05)
    assert capsys.readouterr().err == ""
