"""Ways to damage a file: its bytes, or the values of its JSON."""

from __future__ import annotations

import json
from random import Random
from typing import Any

HOSTILE: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1,
    2,
    10**6,
    10**9,
    10**30,
    1e308,
    float("nan"),
    float("inf"),
    0.5,
    -0.0,
    "",
    " ",
    "x",
    "\x1b[2J\x1b]0;title\x07",
    "\x00",
    "../../etc/passwd",
    "-1",
    "nan",
    "é\u202e\ud800",
    "a" * 70_000,
    [],
    [[]],
    [None],
    [1, "a"],
    {},
    {"": None},
    {"kind": "text"},
)
"""Values that a careful reader has to refuse in most places."""

_MAGIC = (
    b"\x00",
    b"\xff",
    b"\xff\xfe",
    b"\xfe\xff",
    b"\xef\xbb\xbf",
    b"\x1f\x8b",
    b"\n",
    b"\r",
    b"\x0c",
    b'"',
    b"'",
    b",",
    b"{",
    b"[",
    b"}",
    b"&a [*a]",
    b"\x1b[31m",
    b"null",
    b"\xed\xa0\x80",
    b"9" * 500,
    b"PK\x03\x04",
    b"\x7f",
    b"\xff\xff\xff\xff",
    b"\x80\x00\x00\x00",
)


def damaged_bytes(content: bytes, rng: Random, most: int = 4) -> bytes:
    """The content after one to ``most`` injuries at random places."""
    for _ in range(rng.randint(1, most)):
        end = (
            min(len(content), 160) if rng.random() < 0.5 else len(content)
        )  # half of them in the header
        at = rng.randrange(end + 1)
        length = rng.choice((1, 2, 4, 16, 256))
        kind = rng.randrange(6)
        if kind == 0 and content:
            at = min(at, len(content) - 1)
            content = (
                content[:at] + bytes([content[at] ^ 1 << rng.randrange(8)]) + content[at + 1 :]
            )
        elif kind == 1:
            content = content[:at]
        elif kind == 2:
            content = content[:at] + rng.choice(_MAGIC) + content[at:]
        elif kind == 3:
            content = content[:at] + content[at + length :]
        elif kind == 4:
            content = content[:at] + content[at : at + length] * rng.choice((2, 50)) + content[at:]
        else:
            content = content[:at] + rng.randbytes(length) + content[at + length :]
    return content


def damaged_json(content: bytes, rng: Random) -> bytes:
    """A JSON text after one or two of its values were replaced, removed, renamed or nested too deep."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):  # damaged before
        return damaged_bytes(content, rng)
    for _ in range(rng.choice((1, 1, 1, 2))):
        value = _damaged_value(value, rng)
    text = json.dumps(value)
    if rng.random() < 0.05:
        depth = rng.choice((100, 5_000, 200_000))
        deep = "[" * depth + "]" * depth
        text = text.replace("null", deep, 1) if "null" in text else deep
    return text.encode()


def damaged_json_lines(content: bytes, rng: Random) -> bytes:
    """A text of JSON lines after one of them was damaged."""
    lines = content.splitlines()
    if not lines:
        return damaged_bytes(content, rng)
    at = rng.randrange(len(lines))
    lines[at] = damaged_json(lines[at], rng)
    return b"\n".join(lines) + b"\n"


def _damaged_value(value: Any, rng: Random) -> Any:
    if rng.random() < 0.05:
        return rng.choice(HOSTILE)
    places = list(_places(value))
    if not places:
        return rng.choice(HOSTILE)
    owner, key = rng.choice(places)
    kind = rng.random()
    if kind < 0.7:
        old = owner[key]
        near = [old * 10**6, old + 0.5, -old] if type(old) in (int, float) else []
        owner[key] = rng.choice((*HOSTILE, *near))
    elif kind < 0.85:
        del owner[key]
    elif isinstance(owner, dict):
        owner[f"{key}x"] = owner.pop(key)
    else:
        owner.insert(key, owner[key])
    return value


def _places(value: Any) -> Any:
    """(container, key) of every value inside, the outer ones first."""
    keys = (
        value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    )
    for key in list(keys)[:50]:
        yield value, key
        yield from _places(value[key])
