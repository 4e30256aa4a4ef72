"""Cases of command lines: the recipes' parsers, with flags and settings files, and the other commands."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from fuzzing.damage import damaged_json
from fuzzing.texts import LINES

_VALUES = (
    "0",
    "1",
    "-1",
    "3",
    "1e3",
    "1e30",
    "nan",
    "inf",
    "-inf",
    "",
    " ",
    "x",
    "True",
    "None",
    "9" * 30,
    "0.5",
    "--",
    "-",
    "é",
    "\x1b[31m",
    "a b",
    "[1,2]",
    "{}",
    "word",
    "lstm",
    "catworld",
    "cpu",
    "none",
    "2",
    "\udc80",
    "/dev/null",
    "~nobody/x",
)
_FAST = (
    "ls",
    "cp",
    "sample",
    "report",
    "table",
    "compare",
    "evaluate",
    "interpolate",
    "bleu",
    "self-bleu",
    "world",
    "completion",
    "help",
    "bench",
)


@cache
def recipe_names() -> list[str]:
    from seqgan_kit.resources import recipes_dir

    return sorted(path.stem for path in recipes_dir().glob("*.py"))


@cache
def presets_of(recipe: str) -> Mapping[str, Any]:
    from seqgan_kit.cli.recipe_commands import find_recipe, load_recipe

    presets: Mapping[str, Any] = load_recipe(find_recipe(recipe)).PRESETS
    return presets


def recipe_case(folder: Path, rng: Random) -> Callable[[], object]:
    """A recipe's parser and the words for it."""
    from seqgan_kit.core.runs.launch import parse
    from seqgan_kit.core.runs.settings import to_dict

    presets = presets_of(rng.choice(recipe_names()))
    words = [rng.choice((*presets, *presets, "papr"))] if rng.random() < 0.5 else []
    flags = list(_flags(presets["smoke"]))
    for _ in range(rng.randint(0, 3)):
        flag = rng.choice(flags)
        words += rng.choice(
            (
                [flag, rng.choice(_VALUES)],
                [f"{flag}={rng.choice(_VALUES)}"],
                [flag],
                [flag[:-1], "1"],
            )
        )
    if rng.random() < 0.6:
        content = damaged_json(json.dumps(to_dict(presets["smoke"])).encode(), rng)
        if rng.random() < 0.5:
            (folder / "settings.yaml").write_bytes(content)
            words += ["--config", "settings.yaml"]
        else:
            record = {"recipe": "x", "config": "CONFIG", "versions": {"seqgan_kit": "0"}}
            text = json.dumps(record).encode().replace(b'"CONFIG"', content)
            (folder / "config.json").write_bytes(
                damaged_json(text, rng) if rng.random() < 0.5 else text
            )
            words += ["--resume", "."]
    return lambda: parse(presets, words, "A recipe.")


def _flags(config: Any) -> Any:
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            yield from _flags(value)
            yield from (f"--{field.name}.{flag[2:]}" for flag in _flags(value))
        yield f"--{field.name.replace('_', '-')}"


def cli_case(folder: Path, rng: Random) -> Callable[[], object]:
    """The command and words for it: its own options and files that are whole, empty, or not there."""
    from seqgan_kit.cli.command import build_parser, option_names
    from seqgan_kit.cli.main import all_commands, main

    (folder / "a.txt").write_text("\n".join(LINES))
    (folder / "b.txt").write_text("\n".join(LINES[::-1]))
    (folder / "empty").write_bytes(b"")
    (folder / "dir").mkdir()
    files = ("a.txt", "b.txt", "empty", "dir", "absent", "dir/absent/x")
    values = (*_VALUES, *files, *files)
    name = rng.choice(_FAST)
    command = {one.name: one for one in all_commands()}.get(name)
    options = option_names(build_parser(command)) if command else list(_FAST)
    words = [name, *rng.choices(files, k=rng.randint(0, 2))]
    if name in ("bleu", "self-bleu", "evaluate"):
        words += ["--refs", rng.choice(files)] if name != "self-bleu" and rng.random() < 0.8 else []
        words += ["--encoder", "none"] if name == "evaluate" else []
    if name in ("bench", "help", "cp"):
        words = [name, rng.choice((*_FAST, *recipe_names(), *_VALUES)), *words[1:]]
    if name == "compare":
        words = [name, rng.choice(recipe_names()), "--dry-run", *words[1:]]
    for _ in range(rng.randint(0, 3)):
        option = rng.choice(options or ["--x"])
        words += rng.choice(
            (
                [option, rng.choice(values)],
                [f"{option}={rng.choice(values)}"],
                [option],
                [rng.choice(values)],
            )
        )
    if name == "bench":
        words = [word for word in words if word not in ("seqgan", "mle", "discriminator")]

    def act() -> None:
        if main(words):
            raise SystemExit(2)

    return act
