"""Control characters in text from files do not reach a terminal; pipes get the text unchanged."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from seqgan_kit.core.runs.progress import Progress
from seqgan_kit.core.runs.terminal import printable, write_text
from seqgan_kit.report.tables import print_scores

HOSTILE = "red \x1b[31m\x9b0m \x07\r\u202e\ud800 end"
SHOWN = r"red \x1b[31m\x9b0m \x07\x0d\u202e\ud800 end"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_text_is_shown_with_escapes() -> None:
    assert printable(HOSTILE) == SHOWN
    assert printable("tab\tline\nçà 猫 ±") == "tab\tline\nçà 猫 ±"
    assert printable({HOSTILE: [HOSTILE, 3, None]}) == {SHOWN: [SHOWN, 3, None]}


@pytest.mark.parametrize(("stream", "text"), [(Terminal(), SHOWN), (io.StringIO(), HOSTILE)])
def test_only_a_terminal_gets_escapes(stream: io.StringIO, text: str) -> None:
    write_text(HOSTILE, stream)
    assert stream.getvalue() == f"{text}\n"


def test_tables_and_progress_show_no_control_characters_of_a_file() -> None:
    screen = Terminal()
    console = Console(file=screen, force_terminal=True, width=200, color_system=None)
    column = {"key": "a", "label": HOSTILE, "signature": HOSTILE, "better": HOSTILE}
    rows = [{"name": HOSTILE, "values": {"a": 1.0}, "errors": {}}]
    print_scores({"title": HOSTILE, "columns": [column], "rows": rows, "notes": [HOSTILE]}, console)
    progress = Progress("plain", console=console)
    progress.message(HOSTILE)
    progress.alarm(HOSTILE)
    assert "\x07" not in screen.getvalue()
    assert "\x1b[31m" not in screen.getvalue()
    assert screen.getvalue().count(r"\x1b[31m") >= 5
