"""Cases of text data: a corpus in any format, whole or damaged, and the options it is read with."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from fuzzing.damage import HOSTILE, damaged_bytes, damaged_json_lines

LINES = [
    f"the {a} cat sits on the {b}"
    for a in ("old", "red", "çà", "日本")
    for b in ("mat", "sofa", "hat")
]
FORMATS = ("txt", "jsonl", "json", "csv", "tsv", "parquet", "gz", "yaml", "toml", "npz", "vectors")


def text_case(folder: Path, rng: Random) -> Callable[[], object]:
    """Write a corpus into the folder; gives the call that reads it."""
    kind = rng.choice(FORMATS)
    content = _written(kind, rng)
    if rng.random() < 0.5:
        damage = damaged_json_lines if kind == "jsonl" and rng.random() < 0.7 else damaged_bytes
        try:
            content = damage(content, rng)
        except (ValueError, RecursionError):
            content = damaged_bytes(content, rng)
    path = folder / f"corpus.{'txt' if kind in ('gz', 'vectors') else kind}"
    path.write_bytes(content)
    if kind in ("yaml", "toml"):
        return lambda: _settings(path)
    if kind == "npz":
        return lambda: _oracle(path)
    if kind == "vectors":
        return lambda: _vectors(path)
    if kind == "gz" or (kind == "txt" and rng.random() < 0.3):
        words = rng.choice((["bleu", str(path), "--refs", str(path)], ["self-bleu", str(path)]))
        return lambda: _command(words)
    return _loading(path, rng)


def _loading(path: Path, rng: Random) -> Callable[[], object]:
    from seqgan_kit.data.text.load_text import TextData, load_text

    options: dict[str, Any] = {
        "text": str(path),
        "tokenizer": rng.choice(("word", "char", "bpe", "unigram")),
    }
    options["column"] = rng.choice((None, None, "text", "other", ""))
    options["streaming"] = rng.random() < 0.3
    if rng.random() < 0.2:
        options["test_text"] = str(path)
    strict, share = rng.random() < 0.2, rng.choice((0.05, 0.0))

    def act() -> None:
        corpus = load_text(TextData(strict=strict, valid_share=share, **options))
        corpus.feed(2, seed=0).next_batch()

    return act


def _settings(path: Path) -> None:
    from fuzzing.recipes import presets_of

    from seqgan_kit.core.files.settings_files import read_settings
    from seqgan_kit.core.runs.settings import merged

    merged(presets_of("seqgan")["smoke"], read_settings(path))


def _oracle(path: Path) -> None:
    from seqgan_kit.sequences.worlds.oracle import open_oracle

    open_oracle(str(path))


def _vectors(path: Path) -> None:
    import torch

    from seqgan_kit.data.text.foreign.torchtext_bridge import pretrained_embedding
    from seqgan_kit.data.text.tokenizers import WordTokenizer

    pretrained_embedding(path, WordTokenizer(["cat", "mat"]), rng=torch.Generator())


def _command(words: list[str]) -> None:
    from seqgan_kit.cli.main import main

    if main(words):
        raise SystemExit(2)


def _written(kind: str, rng: Random) -> bytes:
    special = rng.random() < 0.5
    lines = list(LINES) if rng.random() < 0.8 else []
    if special:
        lines[3:3] = rng.choices(
            ["", "\x1b[31mred", "\x00", "a" * 200_000, "\u2028", "\ufeff", '"', "null"], k=3
        )
    plain = "\n".join(lines).encode("utf-8", "surrogatepass")
    if kind == "txt":
        return rng.choice((plain, plain.decode().encode("utf-16"), b"", b"\n" * 9, plain * 20))
    if kind == "gz":
        return gzip.compress(plain)
    if kind in ("jsonl", "json"):
        return _json(lines, rng, special)
    if kind in ("csv", "tsv"):
        return _table("," if kind == "csv" else "\t", lines, rng, special)
    if kind in ("yaml", "toml"):
        return _settings_text(kind, rng, special)
    if kind == "vectors":
        return b"\n".join(b"%s 0.1 0.2 0.3" % word for word in (b"cat", b"mat", b"the"))
    return _arrays(rng) if kind == "npz" else _parquet(lines, rng, special)


def _json(lines: list[str], rng: Random, special: bool) -> bytes:
    rows: list[Any] = [{"text": line, "n": i} for i, line in enumerate(lines)]
    if special:
        rows = rng.choice(
            (
                [None] * 20,
                [1, 2, 3],
                [[]] * 5,
                [{}] * 4,
                ["a", "b"],
                [{"text": None}] * 4,
                [{"text": value} for value in rng.choices(HOSTILE, k=4)],
                [*rows, None],
                [*rows, {"text": {"a": 1}}],
            )
        )
    if rng.random() < 0.2:
        return json.dumps(rows).encode()
    return "\n".join(json.dumps(row) for row in rows).encode()


def _table(mark: str, lines: list[str], rng: Random, special: bool) -> bytes:
    rows = [["text", "n"], *([line, "1"] for line in lines)]
    if special:
        rows = rng.choice(
            (
                [["x" * 140_000, "b"], *rows],
                [["text", "text"], *rows[1:]],
                [[""], *rows[1:]],
                [*rows, ["a", "b", "c"]],
                [[str(i) for i in range(5000)]],
                [["text"], ["x" * 140_000]],
                [['"text'], *rows[1:]],
                [["text", "n"]],
            )
        )
    return "\n".join(mark.join(row) for row in rows).encode()


def _settings_text(kind: str, rng: Random, special: bool) -> bytes:
    if kind == "toml":
        deep = rng.choice((50, 5_000, 100_000))
        values = (
            f"seed = {rng.choice(('3', '-1', '1e999', 'nan', '9' * 5000, '1979-05-27'))}",
            f"a = {'[' * deep}",
            "[run]\nseed = 3",
            ".".join("a" * 2000) + " = 1",
        )
        return rng.choice(values if special else values[2:3]).encode()
    bomb = "a0: &a0 [x, x]\n" + "".join(
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12)
    )
    depth = rng.choice((50, 2_000, 50_000))
    values = (
        bomb + "seed: *a11\n",
        "seed: " + "[" * depth + "]" * depth,
        "{a: " * depth,
        "&a [*a]",
        "seed: &a {b: *a}",
        "? [a]\n: b",
        "2001-01-01: 3",
        "seed: 1e3",
        "!!python/object:os.system {}",
        "? {a: b}\n: c",
        "seed: 0x" + "f" * 9000,
        "seed: .nan",
        "- a",
        "1: 2",
        "null: 3",
        "seed: 2001-99-99",
        "<<: 3",
        "seed: !!binary x",
        "seed: 1:60:99:9",
    )
    return rng.choice(values if special else ("seed: 3\nrounds: 2\n",)).encode()


def _arrays(rng: Random) -> bytes:
    import numpy as np

    from seqgan_kit.sequences.worlds.oracle import AXES

    size = {"V": 7, "E": 3, "H": 4}
    arrays = {
        name: np.zeros([size[axis] for axis in axes], np.float32) for name, axes in AXES.items()
    }
    file = io.BytesIO()
    np.savez(file, **arrays)
    content = bytearray(file.getvalue())
    if rng.random() < 0.2:  # says that its members are encrypted
        content[6] |= 1
        at = content.find(b"PK\x01\x02")
        content[at + 8] |= 1
    return bytes(content)


def _parquet(lines: list[str], rng: Random, special: bool) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    columns: dict[str, Any] = {"text": lines, "n": list(range(len(lines)))}
    if special:
        columns = rng.choice(
            (
                {"text": [None] * 4},
                {"text": [{"a": 1}] * 3},
                {"text": [["a", "b"], []]},
                {"text": [b"\xff", b"a"]},
                {"a": [1]},
                {"text": [1.5, float("nan")]},
                {"": ["a", "b", "c"]},
                {},
            )
        )
    file = io.BytesIO()
    parquet.write_table(pa.table(columns), file)
    return file.getvalue()
