"""Text from files and models on its way to a terminal, which would obey the control characters in it.

On a terminal such characters are shown as escapes, ``\\x1b`` for ESC; files and pipes get the text unchanged,
since another program may want exactly what a model wrote.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, TextIO

_CONTROLS = {*range(0x20), *range(0x7F, 0xA0)} - {ord("\t"), ord("\n")}
_REORDERING = {*range(0x202A, 0x202F), *range(0x2066, 0x206A)}
"""Unicode's marks that show text in another order than it is in."""
_SHOWN = {
    **{code: f"\\x{code:02x}" for code in _CONTROLS},
    **{code: f"\\u{code:04x}" for code in (*_REORDERING, *range(0xD800, 0xE000))},
}


def printable(value: Any) -> Any:
    """Text that only prints; inside dictionaries and lists too, whatever else they hold."""
    if isinstance(value, str):
        return value.translate(_SHOWN)
    if isinstance(value, Mapping):
        return {printable(key): printable(item) for key, item in value.items()}
    return [printable(item) for item in value] if isinstance(value, list | tuple) else value


def write_text(text: str, stream: TextIO | None = None) -> None:
    """Print text and a newline, to standard output unless told otherwise; printable on a terminal."""
    stream = sys.stdout if stream is None else stream
    print(printable(text) if stream.isatty() else text, file=stream, flush=True)
