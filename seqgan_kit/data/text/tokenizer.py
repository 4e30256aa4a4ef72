"""The protocol of all tokenizers, the special ids, and functions that split lines.

The four special ids are the same for all text tokenizers, so generators and saved tensors need no table of
them. The tokenizer of numbers (``seqgan_kit.data.text.numbers``) has none.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from seqgan_kit.errors import DataError

PAD, BOS, EOS, UNK = 0, 1, 2, 3
SPECIALS = ("<pad>", "<bos>", "<eos>", "<unk>")
UNKNOWN_WORD = SPECIALS[UNK]
UNKNOWN_CHARACTER = "\ufffd"


class Tokenizer(Protocol):
    """The methods of a tokenizer that feeds, metrics and saved models use."""

    @property
    def kind(self) -> str:
        """Name of the kind: ``word``, ``char``, ``unigram``, ``bpe``, ``smiles``, ``selfies``, ``abc``,
        ``number`` or ``class``."""

    @property
    def bos(self) -> int:
        """Id that a generator reads before the first token."""

    @property
    def eos(self) -> int | None:
        """Id of the end of a line; None if all rows have full length."""

    @property
    def pad(self) -> int | None:
        """Id of the padding after the end of a row; None if there is no padding."""

    @property
    def vocabulary_size(self) -> int:
        """Number of ids, including special ones."""

    def encode(self, line: str) -> list[int]:
        """Return the ids of a line, without special ids; unknown tokens become ``UNK``."""

    def decode(self, ids: Iterable[int]) -> str:
        """Return the line of some ids; stop at ``EOS``, skip ``PAD`` and ``BOS``."""

    def words(self, line: str) -> list[str]:
        """Return the words of a line for n-gram metrics, with unknown words kept."""

    def normalise(self, line: str) -> str:
        """Return ``decode(encode(line))`` as it would be if all tokens were known."""

    def to_dict(self) -> dict[str, Any]:
        """Return everything needed to rebuild the tokenizer, as plain JSON values."""

    def save(self, path: str | Path) -> None:
        """Write ``to_dict()`` as a JSON file."""


@lru_cache(maxsize=1 << 16)
def split_edges(chunk: str) -> tuple[str, ...]:
    """Split punctuation off both ends of a chunk; punctuation inside (don't, wide-eyed, 3.5) stays."""
    start, end = 0, len(chunk)
    while start < end and _is_punctuation(chunk[start]):
        start += 1
    while end > start and _is_punctuation(chunk[end - 1]):
        end -= 1
    middle = (chunk[start:end],) if start < end else ()
    return (*chunk[:start], *middle, *chunk[end:])


def _is_punctuation(character: str) -> bool:
    return unicodedata.category(character).startswith("P")


def numbered(tokens: Sequence[str]) -> dict[str, int]:
    """Return the id of each token of a vocabulary, counted after the special ones; refuse duplicates."""
    ids = {token: i for i, token in enumerate(tokens, start=len(SPECIALS))}
    if len(ids) != len(tokens):
        raise DataError(
            f"the vocabulary has {len(tokens) - len(ids)} duplicate tokens: list each token once."
        )
    return ids


def until_end(ids: Iterable[int]) -> Iterator[int]:
    """Yield the ids before the first EOS, without PAD and BOS."""
    for i in ids:
        i = int(i)
        if i == EOS:
            return
        if i not in (PAD, BOS):
            yield i
