"""Errors of the operating system end with one sentence and exit status 2; existing files are kept."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from seqgan_kit.cli.main import main
from seqgan_kit.core.runs.log import write_whole

PROGRAM = [sys.executable, "-m", "seqgan_kit.cli.main"]
LONG = "a" * 300


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """Return the message of a refused command line."""
    assert main([str(word) for word in words]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") <= 2
    assert "Traceback" not in told
    return told


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text("a cat sat\na dog ran\n" * 3)
    return path


class TestOutput:
    @pytest.mark.parametrize("words", [["ls"], ["--help"]])
    def test_a_full_disk_behind_standard_output(self, words: list[str]) -> None:
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                [*PROGRAM, *words], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60
            )
        assert done.returncode == 2
        assert done.stderr.endswith(
            "the output cannot be written: No space left on device. Make room, or write to another disk.\n"
        )
        assert done.stderr.count("\n") == 1

    def test_a_device_is_written_to_and_not_replaced(self) -> None:
        with pytest.raises(OSError, match=r"No space left.*/dev/full"):
            write_whole(Path("/dev/full"), b"x")
        assert Path("/dev/full").is_char_device()
        write_whole(Path("/dev/null"), b"x")
        assert Path("/dev/null").is_char_device()

    def test_a_letter_that_the_output_cannot_show(self, tmp_path: Path) -> None:
        text = tmp_path / "text.txt"
        text.write_text("ein Käfer\n" * 3)
        code = "from seqgan_kit.cli.main import main; import sys; sys.exit(main(sys.argv[1:]))"
        words = ["bleu", "nowhere-ä.txt", "--refs", str(text)]
        done = subprocess.run(
            [sys.executable, "-c", code, *words],
            env=os.environ | {"PYTHONIOENCODING": "ascii:strict"},
            capture_output=True,
            timeout=60,
        )
        assert done.returncode == 2
        assert b"Traceback" not in done.stderr


class TestPaths:
    @pytest.mark.parametrize(
        "words",
        [
            ["sample", LONG],
            ["report", LONG],
            ["table", LONG],
            ["evaluate", LONG],
            ["bleu", LONG, "--refs", LONG],
            ["self-bleu", LONG],
            ["world", "--captions", "1", "--out", LONG],
            ["compare", "--runs", f"mle={LONG}"],
            ["cp", "mle", LONG],
        ],
        ids=lambda words: words[0],
    )
    def test_over_long_names(self, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        told = refused(capsys, *words)
        assert "aaaa" in told

    def test_no_home_folder(self, text: Path, capsys: pytest.CaptureFixture[str]) -> None:
        words = ["evaluate", text, "--refs", text, "--train", text, "--encoder", "~nosuchuser/x"]
        assert "no home folder of '~nosuchuser'" in refused(capsys, *words)

    def test_a_folder_that_may_not_be_written(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Root may write everywhere, so the test simulates the refusal."""

        def refuse(self: Path, *_: object, **__: object) -> None:
            raise PermissionError(13, "Permission denied", str(self))

        monkeypatch.setattr(Path, "mkdir", refuse)
        told = refused(capsys, "world", "--captions", "2", "--out", tmp_path / "world")
        assert "world may not be read or written: Permission denied. Choose another place" in told

    def test_a_name_that_is_no_utf_8(self, tmp_path: Path) -> None:
        folder = os.fsencode(tmp_path) + b"/run-\xff"
        for words in (["report"], ["table"], ["evaluate"]):
            done = subprocess.run(
                [*map(str.encode, [*PROGRAM, *words]), folder], capture_output=True, timeout=60
            )
            assert done.returncode == 2, words
            assert b"Traceback" not in done.stderr, words
        assert list(tmp_path.iterdir()) == []
