"""Read rows from JSON: one object per line (.jsonl), a list of objects or texts, or an object of columns.

Python's own parser is used, since pyarrow's guesses dates and crashes the process on lines of ``null``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import chain, islice, zip_longest
from pathlib import Path
from typing import Any

from seqgan_kit.data.sources.plaintext import read_lines
from seqgan_kit.errors import DataError

Row = dict[str, Any]
_LOOKED_AT = 256
"""Number of first rows that are searched for column names."""
_EXAMPLE = 'an object such as {"text": "a line"} is needed'


def json_rows(paths: Iterable[Path]) -> tuple[list[str], Iterator[Row]]:
    """Return the column names and an iterator of rows."""
    rows = chain.from_iterable(_rows(path) for path in paths)
    head = list(islice(rows, _LOOKED_AT))
    columns = list(dict.fromkeys(name for row in head for name in row))
    return columns, chain(head, rows)


def _rows(path: Path) -> Iterator[Row]:
    for place, line in enumerate(read_lines(path), start=1):
        if not line.strip():
            continue
        where = f"line {place} of {path}"
        try:
            value = _parsed(line, where)
        except DataError:
            if place > 1 or line.strip() not in ("[", "{"):
                raise
            yield from _spread_over_lines(path)
            return
        if place == 1 and isinstance(value, list):
            yield from _listed(value, path)
        else:
            yield _object(value, where)


def _spread_over_lines(path: Path) -> Iterator[Row]:
    """Yield the rows of a file that is one JSON value."""
    value = _parsed("\n".join(read_lines(path)), str(path))
    if isinstance(value, list):
        yield from _listed(value, path)
    elif value and all(isinstance(column, list) for column in value.values()):
        for cells in zip_longest(*value.values()):
            yield dict(zip(value, cells, strict=True))
    else:
        yield value


def _listed(values: list[Any], path: Path) -> Iterator[Row]:
    for place, value in enumerate(values, start=1):
        yield (
            {"text": value} if isinstance(value, str) else _object(value, f"row {place} of {path}")
        )


def _object(value: Any, where: str) -> Row:
    if not isinstance(value, dict):
        raise DataError(f"{where} is {json.dumps(value)[:40]}; {_EXAMPLE}.")
    return value


def _parsed(text: str, where: str) -> Any:
    try:
        # A lone surrogate, which JSON allows as an escape, is not a character and cannot be written.
        value = json.loads(text)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise DataError(f"{where} holds half of a surrogate pair (such as \\ud800).") from None
    except RecursionError:
        raise DataError(f"{where} is nested too deeply; {_EXAMPLE}.") from None
    except ValueError as error:
        raise DataError(f"{where} is not JSON ({error}); {_EXAMPLE}.") from None
    return value
