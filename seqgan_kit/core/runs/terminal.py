"""Escape control characters in text from files and models before it reaches a terminal.

On a terminal such characters appear as escapes, such as ``\\x1b`` for ESC. Files and pipes get the text
unchanged, since another program may need exactly what a model wrote.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, TextIO

_CONTROLS = {*range(0x20), *range(0x7F, 0xA0)} - {ord("\t"), ord("\n")}
_REORDERING = {*range(0x202A, 0x202F), *range(0x2066, 0x206A)}
"""Unicode's marks that change the display order of text."""
_SHOWN = {
    **{code: f"\\x{code:02x}" for code in _CONTROLS},
    **{code: f"\\u{code:04x}" for code in (*_REORDERING, *range(0xD800, 0xE000))},
}


def printable(value: Any) -> Any:
    """Return text without control characters; also converts text inside dictionaries and lists."""
    if isinstance(value, str):
        return value.translate(_SHOWN)
    if isinstance(value, Mapping):
        return {printable(key): printable(item) for key, item in value.items()}
    return [printable(item) for item in value] if isinstance(value, list | tuple) else value


def write_text(text: str, stream: TextIO | None = None) -> None:
    """Print text and a newline, by default to standard output; on a terminal, escape control characters."""
    stream = sys.stdout if stream is None else stream
    print(printable(text) if stream.isatty() else text, file=stream, flush=True)
