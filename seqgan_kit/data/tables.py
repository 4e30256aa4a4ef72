"""The text of a source, row by row, whatever its format."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import Any

from seqgan_kit.data.library import column_names, hub_splits, iterate, open_rows
from seqgan_kit.data.plaintext import check_text, read_lines
from seqgan_kit.data.sources import SPLIT_NAMES, Source
from seqgan_kit.errors import DataError

_USUAL_COLUMNS = ("text", "caption", "sentence", "line", "content")


def read_text(source: Source, column: str | None, *, streaming: bool = False) -> Iterator[str]:
    """Raw text rows of a source, in order."""
    if source.format == "txt":
        for path in source.files:
            check_text(path)
            yield from read_lines(path)
        return
    rows = open_rows(source, streaming=streaming)
    name = pick_column(source, column_names(source, rows), column)
    for row in iterate(source, rows.select_columns([name])):
        yield as_text(source, name, row[name])


def pick_column(source: Source, columns: Sequence[str], wanted: str | None) -> str:
    """The wanted column, or the only one, or the one with a usual name."""
    if not columns:
        raise DataError(f"{source} is empty: it has no rows.")
    if wanted is not None:
        if wanted in columns:
            return wanted
        near = difflib.get_close_matches(wanted, columns, n=1, cutoff=0.5)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise DataError(f"{source} has no column {wanted!r}.{hint} It has: {', '.join(columns)}.")
    if len(columns) == 1:
        return columns[0]
    for name in _USUAL_COLUMNS:
        if name in columns:
            return name
    raise DataError(
        f"{source} has several columns; choose one with --column: {', '.join(columns)}."
    )


def as_text(source: Source, column: str, value: Any) -> str:
    """A cell as text: nothing is empty text, a list of words is joined by spaces."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return str(value)
    if isinstance(value, list) and all(isinstance(word, str) for word in value):
        return " ".join(value)
    raise DataError(
        f"column {column!r} of {source} holds {type(value).__name__} values, not text; "
        "choose another with --column."
    )


def held_out_on_hub(train: Source) -> dict[str, Source]:
    """The validation and test splits that a hub dataset has of its own."""
    names = hub_splits(train)
    found = {}
    for split in ("valid", "test"):
        own = [name for name in SPLIT_NAMES[split] if name in names and name != train.hub_split]
        if own:
            found[split] = replace(train, hub_split=own[0])
    return found


def rows_digest(rows: Iterable[str]) -> str:
    """Hash of the rows themselves, where there are no files to hash."""
    total = hashlib.sha256()
    for row in rows:
        data = row.encode("utf-8", "surrogatepass")
        total.update(len(data).to_bytes(8) + data)
    return total.hexdigest()


def library_versions(tokenizer: str) -> dict[str, str]:
    """Versions of the libraries that an encoding depends on."""
    names = ["datasets"] + (["sentencepiece"] if tokenizer in ("unigram", "bpe") else [])
    return {name: version(name) for name in names}
