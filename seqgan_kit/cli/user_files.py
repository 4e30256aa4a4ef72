"""Read files that the user named, with messages that say what to do instead of tracebacks."""

from __future__ import annotations

import difflib
import gzip
import io
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import BinaryIO, cast

from seqgan_kit.errors import DataError

STDIN = "-"
_GZIP_MAGIC = b"\x1f\x8b"

Tokenizer = Callable[[str], list[str]]

TOKENIZERS: dict[str, Tokenizer] = {
    "space": str.split,
    "char": lambda line: [character for character in line if not character.isspace()],
}


def missing(path: Path, what: str) -> DataError:
    """Return the error for a path that does not exist, with a similar name from the same folder."""
    if not path.parent.is_dir():
        return DataError(
            f"no such {what}: {path} (its folder {path.parent} does not exist either)."
        )
    names = [entry.name for entry in path.parent.iterdir()]
    near = difflib.get_close_matches(path.name, names, n=1, cutoff=0.6)
    hint = f" Did you mean {str(path.parent / near[0])!r}?" if near else ""
    return DataError(f"no such {what}: {path}.{hint}")


def read_sentences(source: str, tokenizer: str, *, lowercase: bool) -> list[list[str]]:
    """Return one token list per line of a text file; ``-`` is standard input, gzip is recognised.

    Args:
        source: the path, or ``-``.
        tokenizer: a name in ``TOKENIZERS``.
        lowercase: whether to lower-case the text first.
    """
    split = TOKENIZERS[tokenizer]
    return [split(line) for line in read_lines(source, lowercase=lowercase)]


def read_lines(source: str, *, lowercase: bool = False) -> list[str]:
    """Return the lines of a text file unchanged; ``-`` is standard input, gzip is recognised."""
    text = _decode(_read_bytes(source), shown(source))
    if not text.strip():
        raise DataError(f"{shown(source)} holds no text: give a file with one sentence per line.")
    if lowercase:
        text = text.lower()
    # str.splitlines would also split at form feeds and Unicode separators inside a sentence.
    return text.removesuffix("\n").split("\n")


def stream_lines(source: str, longest: int) -> Iterator[str]:
    """Yield the lines of a text file of any size, one at a time; ``-`` is standard input, gzip is recognised.

    Logs hold what programs write, so bytes that are not UTF-8 become U+FFFD.

    Args:
        source: the path, or ``-``.
        longest: number of characters after which the rest of a line is left out.
    """
    with _opened(source) as file:
        try:
            text = io.TextIOWrapper(_unpacked(file), "utf-8-sig", errors="replace", newline="\n")
            while line := text.readline(longest):
                rest = line
                while rest and not rest.endswith("\n"):
                    rest = text.readline(longest)
                yield line.rstrip("\r\n")
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise DataError(
                f"{shown(source)} is a damaged gzip file ({error}): create or download it again."
            ) from None


def _opened(source: str) -> AbstractContextManager[BinaryIO]:
    if source == STDIN:
        return nullcontext(sys.stdin.buffer)
    path = Path(source)
    if path.is_dir():
        raise DataError(f"{path} is a folder: give a text file with one line per record.")
    if not path.exists():
        raise missing(path, "file")
    return path.open("rb")


def _unpacked(file: BinaryIO) -> BinaryIO:
    buffered = io.BufferedReader(cast(io.RawIOBase, file))
    if buffered.peek(2).startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DataError(
            "the file is UTF-16, but must be UTF-8: convert it with 'iconv -f UTF-16 -t UTF-8'."
        )
    packed = buffered.peek(2).startswith(_GZIP_MAGIC)
    return cast(BinaryIO, gzip.GzipFile(fileobj=buffered) if packed else buffered)


def shown(source: str) -> str:
    """Return the name of an input in messages."""
    return "standard input" if source == STDIN else source


def _read_bytes(source: str) -> bytes:
    if source == STDIN:
        return _unzip(sys.stdin.buffer.read(), shown(source))
    path = Path(source)
    if path.is_dir():
        raise DataError(f"{path} is a folder: give a text file with one sentence per line.")
    try:
        return _unzip(path.read_bytes(), source)
    except FileNotFoundError:
        raise missing(path, "file") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from None


def _unzip(content: bytes, name: str) -> bytes:
    if not content.startswith(_GZIP_MAGIC):
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"{name} is a damaged gzip file ({error}): create or download it again."
        ) from None


def _decode(content: bytes, name: str) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DataError(
            f"{name} is UTF-16, but must be UTF-8: convert it with 'iconv -f UTF-16 -t UTF-8'."
        )
    if b"\0" in content:
        raise DataError(f"{name} is binary: give plain text (or gzip), one sentence per line.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{name} must be UTF-8, but line {line} is not: convert it, for example with "
            "'iconv -f LATIN1 -t UTF-8'."
        ) from None
