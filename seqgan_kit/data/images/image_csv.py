"""Images that a CSV file lists: a column of file names, further columns of labels."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from seqgan_kit.data.sources.library import quiet_datasets
from seqgan_kit.data.sources.resolve import Source
from seqgan_kit.errors import DataError

_USUAL_FILES = ("file_name", "file", "filename", "path", "image")
_SEPARATORS = {".csv": ",", ".tsv": "\t"}
CSV_SUFFIXES = frozenset(_SEPARATORS)
"""Suffixes of such files."""


def csv_source(path: Path, column: str | None) -> Source:
    """Return the source of a CSV file: the file itself and the images that it names.

    Args:
        path: the file; its first line names the columns.
        column: column of file names, relative to the folder of the file; None: a usual name.
    """
    rows = _read(path)
    names = _file_column(path, rows, column)
    images = tuple(path.parent / row[names] for row in rows)
    if missing := [str(image) for image in images if not image.is_file()]:
        raise DataError(
            f"{path} names {len(missing):,} images that are not there, first {missing[0]}. File names are "
            f"relative to {path.parent}."
        )
    return Source("csv", (path, *images))


def csv_rows(source: Source, column: str | None) -> Any:
    """Return the rows as a ``Dataset``: ``image`` and the other columns as text."""
    library = quiet_datasets(online=False)
    path, *images = source.files
    rows = _read(path)
    names = _file_column(path, rows, column)
    columns: dict[str, list[Any]] = {"image": [str(image) for image in images]}
    features: dict[str, Any] = {"image": library.Image(decode=False)}
    for name in rows[0]:
        if name not in (names, "image"):
            columns[name] = [row[name] or None for row in rows]
            features[name] = library.Value("string")
    return library.Dataset.from_dict(columns, features=library.Features(features))


def _read(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file, delimiter=_SEPARATORS[path.suffix.lower()]))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is no CSV file in UTF-8: {error}.") from None
    if not rows:
        raise DataError(f"{path} lists no images: give a line of column names, then one per image.")
    if bad := [n for n, row in enumerate(rows, 2) if None in row or None in row.values()]:
        raise DataError(
            f"{path}, line {bad[0]} has another number of columns than the first: quote values with "
            "separators in them."
        )
    return rows


def _file_column(path: Path, rows: list[dict[str, str]], wanted: str | None) -> str:
    columns = list(rows[0])
    if wanted is not None and wanted not in columns:
        raise DataError(f"{path} has no column {wanted!r}; its columns are {', '.join(columns)}.")
    found = wanted or next((name for name in _USUAL_FILES if name in columns), None)
    if found is None:
        raise DataError(
            f"{path} has no column of file names ({', '.join(_USUAL_FILES)}); its columns are "
            f"{', '.join(columns)}. Choose one with --column."
        )
    return found
