"""``world``, ``bench`` and ``completion``."""

import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from seqgan_kit.cli.command import build_parser, option_names
from seqgan_kit.cli.main import all_commands, main

Capture = pytest.CaptureFixture[str]

made: dict[str, Any] = {}


@pytest.fixture(autouse=True)
def stand_ins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working directory, and stand-ins for the builder and the measurement."""

    def write_world(out: Path, **how: int) -> None:
        made.update(out=out, **how)

    builder, bench = ModuleType("builder"), ModuleType("bench")
    builder.write_world = write_world  # type: ignore[attr-defined]
    bench.seqgan = lambda words: print("measured", words)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "seqgan_kit.data.catworld.build", builder)
    monkeypatch.setitem(sys.modules, "seqgan_kit.bench.bench_commands", bench)
    monkeypatch.chdir(tmp_path)
    made.clear()


def mistake(capsys: Capture, *words: str) -> str:
    assert main(words) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert made == {}
    return captured.err


def test_world_hands_its_numbers_on(capsys: Capture) -> None:
    words = (
        "world --images 20 --size 64 --captions 7 --pairs 5 --task answer --planted 4 --seed 3 "
        "--out new/cats"
    )
    assert main(words.split()) == 0
    numbers = {"images": 20, "size": 64, "captions": 7, "pairs": 5, "planted": 4, "seed": 3}
    assert made == {"out": Path("new/cats"), "task": "answer", **numbers}
    assert capsys.readouterr().out == (
        "wrote 20 images, 7 captions, 5 pairs, 4 captions for each kind of error to new/cats\n"
    )


def test_world_needs_something_to_make(capsys: Capture) -> None:
    message = mistake(capsys, "world", "--out", "cats")
    assert "nothing to generate: give --images N, --captions N, --pairs N or --planted N" in message


def test_world_needs_a_place(capsys: Capture) -> None:
    assert "required: --out" in mistake(capsys, "world", "--images", "3")


@pytest.mark.parametrize("size", ["15", "257"])
def test_world_draws_16_to_256_pixels(size: str, capsys: Capture) -> None:
    message = mistake(capsys, "world", "--images", "1", "--size", size, "--out", "cats")
    assert f"--size: must be a whole number from 16 to 256, got {size!r}" in message


def test_world_leaves_a_full_folder_alone(capsys: Capture) -> None:
    Path("full").mkdir()
    Path("full/file").write_text("", encoding="utf-8")
    message = mistake(capsys, "world", "--images", "1", "--out", "full")
    assert "full is not empty: give a new or empty folder" in message
    message = mistake(capsys, "world", "--images", "1", "--out", "full/file")
    assert "full/file is a file: give a new or empty folder" in message


def test_bench_hands_all_words_on(capsys: Capture) -> None:
    assert main(["bench", "seqgan", "--threads", "1", "--help"]) == 0
    assert capsys.readouterr().out == "measured ['--threads', '1', '--help']\n"


def test_a_mistyped_bench_suggests_the_nearest(capsys: Capture) -> None:
    message = mistake(capsys, "bench", "seqgn")
    assert "unknown bench 'seqgn'. Did you mean 'seqgan'? Allowed: " in message


def test_a_mistyped_shell_suggests_the_nearest(capsys: Capture) -> None:
    assert "unknown shell 'bahs'. Did you mean 'bash'?" in mistake(capsys, "completion", "bahs")


def completion(shell: str, capsys: Capture) -> str:
    assert main(["completion", shell]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_every_command_and_option(shell: str, capsys: Capture) -> None:
    script = completion(shell, capsys)
    for command in all_commands():
        assert command.name in script
        for option in option_names(build_parser(command)):
            flag = option.replace("--", "-l ") if "--" in option else option.replace("-", "-s ")
            assert (flag if shell == "fish" else option) in script


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_have_valid_syntax(shell: str, capsys: Capture) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    script = completion(shell, capsys)
    result = subprocess.run([shell, "-n"], input=script, capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (["ble"], ["bleu"]),
        (["s"], ["sample", "sweep", "self-bleu"]),
        (["bleu", "x", "--sc"], ["--score-only"]),
        (["sample", "run", "--top"], ["--top-k", "--top-p"]),
        (["bench", "se"], ["seqgan"]),
        (["completion", ""], ["bash", "zsh", "fish"]),
        (["run", "seq"], ["seqgan"]),
        (["cp", ""], ["mle", "seqgan"]),
        (["bleu", "x"], []),
    ],
)
def test_bash_completes(typed: list[str], offered: list[str], capsys: Capture) -> None:
    words = " ".join(f"'{word}'" for word in ["seqgan-kit", *typed])
    program = f"""
    seqgan-kit() {{ printf 'mle\\nseqgan\\n'; }}
    {completion("bash", capsys)}
    COMP_WORDS=({words}); COMP_CWORD={len(typed)}
    _seqgan_kit
    printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    result = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.split() == offered
