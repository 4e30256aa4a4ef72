"""Cases of run directories: finished runs of which one file was damaged, and what reads them."""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from fuzzing.damage import damaged_bytes, damaged_json, damaged_json_lines
from fuzzing.recipes import presets_of
from fuzzing.texts import LINES


class Runs:
    """Finished runs, trained once for a whole session of fuzzing."""

    def __init__(self, folder: Path, kinds: tuple[str, ...] = ("word", "char", "bpe", "image")):
        self.folder, self.kinds = folder, kinds

    @cache  # noqa: B019
    def folder_of(self, kind: str) -> Path:
        """The run of a kind, trained in a child: this process must not start torch's threads."""
        folder = self.folder / kind
        child = os.fork()
        if child == 0:
            try:
                null = os.open(os.devnull, os.O_RDWR)
                for stream in (0, 1, 2):
                    os.dup2(null, stream)
                train(kind, folder)
                os._exit(0)
            finally:
                os._exit(1)
        os.waitpid(child, 0)
        if not (folder / "scores.json").is_file():
            raise RuntimeError(f"the {kind} run to be damaged could not be trained in {folder}.")
        return folder


def train(kind: str, folder: Path) -> None:
    from seqgan_kit.cli.recipe_commands import find_recipe, load_recipe

    recipe = "cgan" if kind == "image" else "mle"
    module: Any = load_recipe(find_recipe(recipe))
    cfg = module.PRESETS["smoke"]
    run = dataclasses.replace(cfg.run, out=folder, quiet=True, device="cpu", threads=1)
    if kind != "image":
        text = folder.parent / "corpus.txt"
        text.write_text("\n".join(f"{line} {i}" for i, line in enumerate(LINES * 5)))
        data = dataclasses.replace(cfg.data, text=str(text), tokenizer=kind)
        scores = dataclasses.replace(cfg.scores, score_samples=20, evaluation_samples=10, bleu="no")
        method = dataclasses.replace(cfg.method, batch_size=8, mle_epochs=1)
        cfg = dataclasses.replace(cfg, data=data, scores=scores, method=method)
    module.main(dataclasses.replace(cfg, run=run))


def run_case(folder: Path, rng: Random, runs: Runs) -> Callable[[], object]:
    """Copies a run, damages one of its files; gives a call that reads it."""
    kind = rng.choice(runs.kinds)
    copy = folder / "run"
    shutil.copytree(runs.folder_of(kind), copy)
    files = sorted(
        path
        for path in copy.rglob("*")
        if path.is_file() and path.suffix in (".json", ".jsonl", ".pt", ".safetensors")
    )
    for path in rng.sample(files, rng.choice((1, 1, 1, 2))):
        content = path.read_bytes()
        ways = {".json": damaged_json, ".jsonl": damaged_json_lines}
        way = ways.get(path.suffix, damaged_bytes) if rng.random() < 0.8 else damaged_bytes
        path.write_bytes(way(content, rng))
    return _reader(kind, copy, rng)


def _reader(kind: str, run: Path, rng: Random) -> Callable[[], object]:
    lines = (
        ["sample", "run", "-n", "2"],
        ["sample", "run", "-n", "2"],
        ["report", "run"],
        ["table", "run", "--format", rng.choice(("text", "markdown", "tsv", "json"))],
        ["compare", "--runs", "mle=run", "b=run", "--out", "comparison"],
        *(
            (
                ["interpolate", "run", "--rows", "1", "--steps", "2"],
                ["evaluate", "run", "--sample", "20", "--features", "none"],
            )
            if kind == "image"
            else (["evaluate", "run", "--sample", "5", "--encoder", "none"],)
        ),
    )
    if rng.random() < 0.25:
        recipe = "cgan" if kind == "image" else "mle"
        return lambda: _resume(recipe, rng.random() < 0.5)
    words = rng.choice(lines)
    return lambda: _command(words)


def _command(words: list[str]) -> None:
    from seqgan_kit.cli.main import main

    if main(words):
        raise SystemExit(2)


def _resume(recipe: str, whole: bool) -> None:
    from seqgan_kit.cli.recipe_commands import find_recipe, load_recipe
    from seqgan_kit.core.runs.launch import parse

    cfg = parse(presets_of(recipe), ["--resume", "run"], "")
    if whole:
        load_recipe(find_recipe(recipe)).main(cfg)
