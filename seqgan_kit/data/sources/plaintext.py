"""Read plain text files: UTF-8, one sequence per line, without conversion to Arrow."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path

from seqgan_kit.errors import DataError

_CHUNK_BYTES = 1 << 20
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def check_text(path: Path) -> None:
    """Raise DataError with the position of the first byte that is not UTF-8 text."""
    if path.stat().st_size == 0:
        raise DataError(f"{path} is empty (0 bytes): give a file with text.")
    decoder = codecs.getincrementaldecoder("utf-8")()
    line, consumed = 1, 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            if consumed == 0 and chunk[:2] in _UTF16:
                raise DataError(f"{path} is UTF-16 text; {_convert(path, 'UTF-16')}.")
            if b"\0" in chunk:
                line += chunk.count(b"\n", 0, chunk.index(b"\0"))
                raise DataError(
                    f"{path} is not text: it has a zero byte in line {line}. "
                    "Give UTF-8 text; if the file is an archive, unpack it first."
                )
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError as error:
                raise DataError(_not_utf8(path, error, line)) from None
            line += chunk.count(b"\n")
            consumed += len(chunk)
    if decoder.getstate()[0]:
        raise DataError(f"{path} ends in the middle of a UTF-8 character; is it cut off?")


def _not_utf8(path: Path, error: UnicodeDecodeError, line: int) -> str:
    line += bytes(error.object[: error.start]).count(b"\n")
    byte = error.object[error.start]
    return (
        f"{path} is not UTF-8: byte 0x{byte:02x} in line {line}. If it is LATIN1, "
        f"{_convert(path, 'LATIN1')}."
    )


def _convert(path: Path, encoding: str) -> str:
    return f"convert it: iconv -f {encoding} -t UTF-8 {path} > {path.stem}-utf8.txt"


def read_lines(path: Path) -> Iterator[str]:
    """Yield the lines without their ends. Only newlines end a line, not form feeds or U+2028."""
    with path.open(encoding="utf-8-sig", newline="\n") as file:
        for line in file:
            yield line.rstrip("\r\n")


def count_lines(path: Path) -> int:
    """Return the number of lines; the last line counts with or without a newline."""
    lines, last = 0, b"\n"
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            lines += chunk.count(b"\n")
            last = chunk[-1:]
    return lines + (last != b"\n")
