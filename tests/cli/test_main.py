"""The command as a whole: help, errors, interruption, and imported modules."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from seqgan_kit import __version__
from seqgan_kit.cli.main import all_commands, main

RUN_MAIN = [sys.executable, "-m", "seqgan_kit.cli.main"]
NAMES = [command.name for command in all_commands()]


def mistake(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The message of a command line that must fail with status 2 and print nothing else."""
    assert main(words) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return captured.err


def test_the_package_runs_as_a_module() -> None:
    command = [sys.executable, "-m", "seqgan_kit", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"seqgan-kit {__version__}\n"


@pytest.mark.parametrize("words", [[], ["-h"], ["--help"], ["help"]])
def test_the_overview_names_every_command(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 0
    shown = capsys.readouterr().out
    for command in all_commands():
        assert f"\n  {command.name} " in shown
        assert command.summary in shown


@pytest.mark.parametrize("name", NAMES)
def test_every_command_explains_itself_with_examples(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="0"):
        main([name, "--help"])
    shown = capsys.readouterr().out
    assert shown.startswith(f"usage: seqgan-kit {name} ")
    assert f"examples:\n  seqgan-kit {name}" in shown
    assert main(["help", name]) == 0
    assert capsys.readouterr().out == shown


@pytest.mark.parametrize("name", NAMES)
def test_help_fits_an_ordinary_terminal(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["help", name])
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 100


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"seqgan-kit {__version__}\n"


def test_a_mistyped_command_suggests_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    message = mistake(capsys, "smaple", "runs/x")
    assert message.startswith("seqgan-kit: error: unknown command 'smaple'.")
    assert "Did you mean 'sample'?" in message


def test_help_on_a_mistyped_command_suggests_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert "Did you mean 'bleu'?" in mistake(capsys, "help", "blue")


def test_a_mistyped_option_of_the_program(capsys: pytest.CaptureFixture[str]) -> None:
    assert "unknown option '--verson'. Did you mean '--version'?" in mistake(capsys, "--verson")


def test_a_mistyped_option_of_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    message = mistake(capsys, "bleu", "a.txt", "--rfes=b.txt")
    assert message.startswith("seqgan-kit bleu: error: unknown option '--rfes'.")
    assert "Did you mean '--refs'?" in message


def test_an_abbreviated_option_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert "'--temp' is abbreviated: write '--temperature'" in mistake(
        capsys, "sample", "r", "--temp", "1"
    )


def test_an_unknown_short_option(capsys: pytest.CaptureFixture[str]) -> None:
    message = mistake(capsys, "report", "runs/x", "-z")
    assert "unexpected argument '-z'. See 'seqgan-kit report --help'." in message


def test_one_word_too_many(capsys: pytest.CaptureFixture[str]) -> None:
    assert "unexpected argument 'b'" in mistake(capsys, "report", "a", "b")


@pytest.mark.parametrize(
    ("command", "what"),
    [("run", "RECIPE"), ("cp", "RECIPE, FILE"), ("bench", "NAME"), ("sample", "RUN")],
)
def test_a_missing_word_is_named(
    command: str, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    message = mistake(capsys, command)
    assert f"arguments are required: {what}. See 'seqgan-kit {command} --help'." in message


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqgan_kit.cli.main.overview", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError, match="division by zero"):
        main(["--help"])


def loaded_modules(code: str) -> set[str]:
    """The names in ``sys.modules`` after a piece of code has run in a fresh interpreter."""
    code += "\nimport sys; print('\\n'.join(sys.modules), file=sys.stderr)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return set(result.stderr.split())


@pytest.mark.parametrize("words", [["--help"], ["ls", "--names"], ["bleu", "{0}", "--refs", "{0}"]])
def test_light_commands_load_nothing_heavy(words: list[str], tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("a b c\n", encoding="utf-8")
    words = [word.format(text) for word in words]
    code = (
        "from pathlib import Path\n"
        "from seqgan_kit.cli import main, recipe_commands\n"
        f"recipe_commands.recipes_dir = lambda: Path({str(tmp_path)!r})\n"
        f"assert main.main({words!r}) == 0"
    )
    heavy = {"torch", "datasets", "nltk", "sacrebleu", "tyro", "rich", "PIL"}
    assert not (heavy | ({"numpy"} if words[0] != "bleu" else set())) & loaded_modules(code)


def test_help_starts_fast() -> None:
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        subprocess.run([*RUN_MAIN, "--help"], check=True, stdout=subprocess.DEVNULL)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.3


def test_a_reader_that_goes_away_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    result = subprocess.run([*RUN_MAIN, "--help"], stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert (result.returncode, result.stderr) == (141, b"")


@pytest.mark.skipif(os.name == "nt", reason="sends SIGINT")
def test_an_interruption_ends_with_130_and_one_line() -> None:
    process = subprocess.Popen(
        [*RUN_MAIN, "self-bleu", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(0.5)  # it waits for its input by then
    process.send_signal(signal.SIGINT)
    out, complaint = process.communicate(timeout=20)
    assert process.returncode == 130
    assert (out, complaint) == ("", "seqgan-kit self-bleu: interrupted\n")


def test_a_mistake_leaves_the_process_with_status_2() -> None:
    result = subprocess.run([*RUN_MAIN, "bleuu"], capture_output=True, text=True)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
