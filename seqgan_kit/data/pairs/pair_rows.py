"""Read pairs from two parallel files, two columns of a table, or the first words of lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Any

from seqgan_kit.data.pairs.pair_config import PairData
from seqgan_kit.data.sources.json_rows import json_rows
from seqgan_kit.data.sources.library import column_names, iterate, open_rows
from seqgan_kit.data.sources.resolve import PLAIN_FORMATS, Source, locate_text
from seqgan_kit.data.sources.text_rows import as_text, check_source, pick_column, read_text
from seqgan_kit.data.text.load_text import text_sources
from seqgan_kit.data.text.text_config import TextData
from seqgan_kit.errors import DataError

TURN = " | "
"""Separator between two turns of a conversation."""


@dataclass(frozen=True)
class RawPairs:
    """The pairs of one split, in the order of the file, and their origin."""

    name: str
    pairs: list[tuple[str, str]]
    """(source, target); a source with several targets occurs once for each."""


def read_pairs(cfg: TextData, given: PairData) -> dict[str, RawPairs]:
    """Read every available split."""
    if cfg.streaming:
        raise DataError("pairs are not streamed: leave --streaming out.")
    texts = text_sources(cfg)
    for source in texts.values():
        check_source(source)
    if given.sources:
        return _parallel(texts, cfg, given)
    if given.prompt_words:
        return {
            split: RawPairs(
                str(text),
                [_prompted(line, given.prompt_words) for line in read_text(text, cfg.column)],
            )
            for split, text in texts.items()
        }
    column = given.source_column or given.label_column or ""
    return {
        split: RawPairs(str(text), list(_of_columns(text, column, cfg.column)))
        for split, text in texts.items()
    }


def _parallel(texts: dict[str, Source], cfg: TextData, given: PairData) -> dict[str, RawPairs]:
    if cfg.text == TextData.text:
        raise DataError(
            f"--sources {given.sources} belongs to a text of its own: give the file with --text."
        )
    sources = locate_text(given.sources or "")
    for split, name in (("valid", given.valid_sources), ("test", given.test_sources)):
        if name is not None:
            found = locate_text(name)
            sources[split] = found.get(split, found["train"])
    if set(texts) != set(sources):
        lone = sorted(set(texts) ^ set(sources))[0]
        has, lacks = ("text", "sources") if lone in texts else ("sources", "text")
        raise DataError(
            f"the {lone} split has {has} and no {lacks}: give --{lone}-{lacks}, or leave --{lone}-{has} out."
        )
    return {split: _in_step(texts[split], source) for split, source in sources.items()}


def _in_step(text: Source, source: Source) -> RawPairs:
    """Pair two files line by line; unequal lengths are an error, since earlier pairs may be misaligned."""
    check_source(source)
    pairs: list[tuple[str, str]] = []
    lines = zip_longest(read_text(source, None), read_text(text, None))
    for place, (given, written) in enumerate(lines, start=1):
        if given is None or written is None:
            longer, shorter = (source, text) if written is None else (text, source)
            raise DataError(
                f"line {place} of {longer} has no partner: {shorter} ends after {place - 1} lines. Parallel "
                "files have as many lines, and line n of the one belongs to line n of the other."
            )
        pairs.append((given, written))
    return RawPairs(f"{source} -> {text}", pairs)


def _prompted(line: str, words: int) -> tuple[str, str]:
    """Return the first words of a line, and the rest."""
    parts = line.split()
    return " ".join(parts[:words]), " ".join(parts[words:])


def _of_columns(table: Source, given: str, written: str | None) -> Iterator[tuple[str, str]]:
    """Yield pairs from two columns of a table; a list of targets holds several references."""
    if table.format in PLAIN_FORMATS:
        raise DataError(
            f"{table} is plain text, a line each, and has no columns: give a .csv, .jsonl or .parquet file, "
            "or the sources as a parallel file with --sources."
        )
    if table.format == "json":
        columns, found = json_rows(table.files)
        rows: Iterator[dict[str, Any]] = iter(found)
    else:
        opened = open_rows(table)
        columns, rows = column_names(table, opened), iterate(table, opened)
    columns, rows = _with_fields(columns, rows)
    given = pick_column(table, columns, given)
    others = [name for name in columns if name != given]
    if not others:
        raise DataError(f"{table} has the column {given!r} alone: nothing is written from it.")
    target = pick_column(table, others, written)
    for row in rows:
        source = TURN.join(_texts(table, given, _cell(row, given)))
        for answer in _texts(table, target, _cell(row, target)):
            yield source, answer


def _with_fields(
    columns: Sequence[str], rows: Iterator[dict[str, Any]]
) -> tuple[list[str], Iterator[dict[str, Any]]]:
    """Replace columns of records, such as ``{"translation": {"de": ...}}``, by ``translation.de``."""
    first = next(rows, {})
    named: list[str] = []
    for name in columns:
        fields = first.get(name)
        named += [f"{name}.{field}" for field in fields] if isinstance(fields, dict) else [name]
    return named, chain([first] if first else [], rows)


def _cell(row: Mapping[str, Any], column: str) -> Any:
    if column in row or "." not in column:
        return row.get(column)
    name, field = column.split(".", 1)
    return (row.get(name) or {}).get(field)


def _texts(table: Source, column: str, value: Any) -> list[str]:
    """Return the texts of a cell: the turns or references of a list, or a single text."""
    if isinstance(value, list) and value and all(isinstance(text, str) for text in value):
        return value
    if isinstance(value, list) and any(not isinstance(text, str) for text in value):
        other = next(text for text in value if not isinstance(text, str))
        raise DataError(
            f"a list in the column {column!r} of {table} holds {other!r}, which is not text: give lists of "
            "strings, or choose another column."
        )
    return [as_text(table, column, value)]
