"""What every tokenizer is: a small protocol, the special ids, and how lines are cut.

The four special ids are the same for all tokenizers of text, so generators and saved tensors need no table;
numbers (``seqgan_kit.data.text.numbers``) have none.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

PAD, BOS, EOS, UNK = 0, 1, 2, 3
SPECIALS = ("<pad>", "<bos>", "<eos>", "<unk>")
UNKNOWN_WORD = SPECIALS[UNK]
UNKNOWN_CHARACTER = "\ufffd"


class Tokenizer(Protocol):
    """What feeds, metrics and saved models need to know of a tokenizer."""

    @property
    def kind(self) -> str:
        """``word``, ``char``, ``unigram``, ``bpe`` or ``number``."""

    @property
    def bos(self) -> int:
        """What a generator reads before the first token."""

    @property
    def eos(self) -> int | None:
        """The end of a line; None where all rows are full."""

    @property
    def pad(self) -> int | None:
        """What fills a row after its end; None where nothing does."""

    @property
    def vocabulary_size(self) -> int:
        """Number of ids, special ones included."""

    def encode(self, line: str) -> list[int]:
        """Ids of a line, without specials; what is not in the vocabulary becomes ``UNK``."""

    def decode(self, ids: Iterable[int]) -> str:
        """The line of some ids: stops at ``EOS``, skips ``PAD`` and ``BOS``."""

    def words(self, line: str) -> list[str]:
        """The line as n-gram metrics see it, unknown words kept."""

    def normalise(self, line: str) -> str:
        """The line as ``decode(encode(line))`` gives it back when nothing is unknown."""

    def to_dict(self) -> dict[str, Any]:
        """Everything needed to rebuild it, as plain JSON values."""

    def save(self, path: str | Path) -> None:
        """Writes ``to_dict()`` as JSON."""


@lru_cache(maxsize=1 << 16)
def split_edges(chunk: str) -> tuple[str, ...]:
    """Cuts punctuation off both ends of a chunk; what is inside (don't, wide-eyed, 3.5) stays."""
    start, end = 0, len(chunk)
    while start < end and _is_punctuation(chunk[start]):
        start += 1
    while end > start and _is_punctuation(chunk[end - 1]):
        end -= 1
    middle = (chunk[start:end],) if start < end else ()
    return (*chunk[:start], *middle, *chunk[end:])


def _is_punctuation(character: str) -> bool:
    return unicodedata.category(character).startswith("P")


def until_end(ids: Iterable[int]) -> Iterator[int]:
    """The ids before the first EOS, without PAD and BOS."""
    for i in ids:
        i = int(i)
        if i == EOS:
            return
        if i not in (PAD, BOS):
            yield i
