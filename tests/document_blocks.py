"""Runs what documents show: the blocks of a Markdown file, in a folder like a user's.

A block that is not to be run has a comment before it: ``<!-- not run: REASON -->``.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from one_process import OneProcess
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
_BLOCK = re.compile(
    r"(?:^<!-- not run: (?P<reason>.+?) -->\n)?^```(?P<language>bash|python)\n(?P<text>.*?)^```",
    flags=re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Block:
    """A block of code in a document."""

    language: str
    text: str
    not_run: str = ""
    """Why it is not run; empty if it is."""

    def commands(self) -> list[str]:
        """The command lines of a bash block."""
        return self.text.splitlines()


def blocks(markdown: str) -> list[Block]:
    """The bash and python blocks of a document, in their order."""
    return [
        Block(found["language"], found["text"], found["reason"] or "")
        for found in _BLOCK.finditer(markdown)
    ]


def make_home(folder: Path) -> Path:
    """Fills a folder with the checkout's recipes and data, a text and some photos."""
    for name in ("recipes", "data", "examples", "Makefile", "constraints.txt", "pyproject.toml"):
        if (ROOT / name).exists():
            (folder / name).symlink_to(ROOT / name)
    lines = (f"the {a} cat {b} ." for a in "abcdefgh" for b in ("sat", "ran", "ate", "hid") * 8)
    (folder / "my.txt").write_text("".join(f"{line}\n" for line in lines))
    (folder / "photos").mkdir()
    rng = np.random.default_rng(0)
    for i in range(80):
        pixels = rng.integers(0, 256, (70, 90, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "photos" / f"{i}.png")
    return folder


def as_smoke(words: list[str]) -> list[str]:
    """The command with the smoke preset, unless it resumes, names a preset or asks for help."""
    at = next((i for i, w in enumerate(words) if w.startswith("recipes/")), None)
    if at is None and words[:2] == ["seqgan-kit", "run"]:
        at = 2
    if at is None or {"--resume", "--help", "smoke"} & set(words):
        return words
    return [*words[: at + 1], "smoke", *words[at + 1 :]]


def run_command(command: str, home: Path, shell: OneProcess) -> None:
    """Runs a command line of a document; `make` and `pip` are checked, not run."""
    program, *words = as_smoke(shlex.split(command))
    match program:
        case "make":
            done = _in_a_process(["make", "-n", "-B", *words], home)
            shown = {"demo": "recipes/seqgan.py", "test": "pytest", "docs": "mkdocs"}
            assert shown[words[0]] in done.stdout
        case "pip":
            extras = re.findall(r"\[(\w+)\]", command)
            known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
            assert set(extras) <= set(known["optional-dependencies"])
            return
        case "torchrun":
            torchrun = [sys.executable, "-m", "torch.distributed.run"]
            done = _in_a_process([*torchrun, *words], home)
        case "python":
            done = shell.run(words)
        case _:  # the programs of this environment, whatever PATH says
            done = shell.run([str(Path(sys.executable).parent / program), *words])
    assert done.returncode == 0, f"{command}\n{done.stdout[-800:]}\n{done.stderr[-2000:]}"


def _in_a_process(words: list[str], home: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "MASTER_ADDR": "127.0.0.1"}
    return subprocess.run(words, cwd=home, env=environment, capture_output=True, text=True)
