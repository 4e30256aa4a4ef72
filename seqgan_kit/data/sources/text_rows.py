"""Read the text rows of a source in any format."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from itertools import chain, islice
from typing import Any

from seqgan_kit.data.sources.json_rows import json_rows
from seqgan_kit.data.sources.library import column_names, hub_splits, iterate, open_rows
from seqgan_kit.data.sources.notation_rows import molecule_rows, tune_rows
from seqgan_kit.data.sources.plaintext import check_text, count_lines, read_lines
from seqgan_kit.data.sources.resolve import PLAIN_FORMATS, SPLIT_NAMES, Source
from seqgan_kit.errors import DataError

_LINES: Mapping[str, Callable[[Iterable[str]], Iterable[str]]] = {
    "txt": lambda lines: lines,
    "smi": molecule_rows,
    "abc": tune_rows,
}
"""Formats of plain text: from the lines of a file to its rows."""
_USUAL_COLUMNS = ("text", "caption", "sentence", "line", "content")


def check_source(source: Source) -> None:
    """Raise DataError, with the position, if a text file is not UTF-8."""
    if source.format in (*PLAIN_FORMATS, "json", "csv"):
        for path in source.files:
            check_text(path)


def read_text(
    source: Source, column: str | None, *, start: int = 0, streaming: bool = False
) -> Iterator[str]:
    """Yield the raw text rows of a source in order, from row ``start`` on."""
    if source.format in _LINES:
        rows_of = _LINES[source.format]
        lines = chain.from_iterable(rows_of(read_lines(path)) for path in source.files)
        yield from islice(lines, start, None)
        return
    if source.format == "json":
        columns, found = json_rows(source.files)
        name = pick_column(source, columns, column)
        for row in islice(found, start, None):
            yield as_text(source, name, row.get(name))
        return
    rows = open_rows(source, streaming=streaming)
    name = pick_column(source, column_names(source, rows), column)
    rows = rows.select_columns([name])
    for row in iterate(source, rows.skip(start) if start else rows):
        yield as_text(source, name, row[name])


def row_count(source: Source) -> int | None:
    """Return the number of rows if it is known without reading all rows, else None."""
    if source.format == "imagefolder":
        return len(source.files)
    if source.format == "abc":
        return sum(1 for _ in read_text(source, None))
    if source.format in ("txt", "smi", "json", "csv"):
        return sum(count_lines(path) for path in source.files)
    if source.format == "parquet":
        from pyarrow import ArrowException, parquet

        try:
            return sum(int(parquet.read_metadata(path).num_rows) for path in source.files)
        except (ArrowException, OSError):
            return None  # Reading the rows reports what is wrong.
    return None


def pick_column(source: Source, columns: Sequence[str], wanted: str | None) -> str:
    """Return the requested column, else the only column, else the column with a usual name."""
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
    """Convert a cell to text: None becomes empty text, and a list of words is joined by spaces."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return str(value)
    if isinstance(value, list) and all(isinstance(word, str) for word in value):
        return " ".join(value)
    raise DataError(
        f"column {column!r} of {source} has {type(value).__name__} values, not text; "
        "choose another with --column."
    )


def held_out_on_hub(train: Source) -> dict[str, Source]:
    """Return the hub dataset's own validation and test splits."""
    names = hub_splits(train)
    found = {}
    for split in ("valid", "test"):
        own = [name for name in SPLIT_NAMES[split] if name in names and name != train.hub_split]
        if own:
            found[split] = replace(train, hub_split=own[0])
    return found


def rows_digest(rows: Iterable[str]) -> str:
    """Return a hash of the rows, for sources without files."""
    total = hashlib.sha256()
    for row in rows:
        data = row.encode("utf-8", "surrogatepass")
        total.update(len(data).to_bytes(8) + data)
    return total.hexdigest()


def library_versions(tokenizer: str) -> dict[str, str]:
    """Return the versions of the libraries that an encoding depends on."""
    names = {"unigram": "sentencepiece", "bpe": "sentencepiece", "selfies": "selfies"}
    needed = ["datasets", names[tokenizer]] if tokenizer in names else ["datasets"]
    try:
        return {name: version(name) for name in needed}
    except PackageNotFoundError as error:
        return {str(error): "missing"}  # The tokenizer says what to install.
