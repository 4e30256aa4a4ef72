"""Rows of files in a notation: a molecule a line (.smi), or tunes between blank lines (.abc)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain, dropwhile

_FIELD = re.compile(r"([A-Za-z+]):\s*(.*)")
_MUSICAL = "MLK"
"""The fields that change what is played: metre, unit length and key. All others are dropped."""


def molecule_rows(lines: Iterable[str]) -> Iterator[str]:
    """Yield the first column of each line; what follows a SMILES string is the molecule's name."""
    for line in lines:
        yield line.split(maxsplit=1)[0] if line.strip() else ""


def tune_rows(lines: Iterable[str]) -> Iterator[str]:
    """Yield each tune of an ABC file on one line.

    Tunes lie between blank lines. The fields of metre, unit length and key are written in brackets before the
    notes that they govern, ``[M:6/8][L:1/8][K:D]def|``; titles, lyrics, other fields and comments are
    dropped. A block without notes (the head of a file) is not a tune. A file that begins with neither a field
    nor a comment has a tune a line already.
    """
    rest = dropwhile(lambda line: not line.strip(), lines)
    first = next(rest, "")
    if first[:1] != "%" and not _FIELD.fullmatch(first.strip()):
        yield from chain([first], rest)
        return
    block: list[str] = []
    for line in chain([first], rest, [""]):
        if line.strip():
            block.append(line)
            continue
        tune = _on_one_line(block)
        if tune:
            yield tune
        block = []


def _on_one_line(block: Iterable[str]) -> str:
    """Return a tune's line; empty if the block has no notes."""
    head: dict[str, str] = {}
    now: dict[str, str] = {}
    body = ""
    for raw in block:
        line = raw.partition("%")[0].strip().rstrip("\\").strip()
        field = _FIELD.fullmatch(line)
        if field is None:
            if not body:
                now = dict(head)
            joined = not body or not line or body[-1] in "|:]"
            body += line if joined else f" {line}"
        elif field[1] in _MUSICAL:
            name, value = field[1], field[2].strip()
            if not body:
                head[name] = value
            elif now.get(name) != value:
                now[name] = value
                body += f"[{name}:{value}]"
    if not body:
        return ""
    return "".join(f"[{name}:{head[name]}]" for name in _MUSICAL if name in head) + body
