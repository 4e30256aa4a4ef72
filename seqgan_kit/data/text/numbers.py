"""A tokenizer for sequences of numbers, such as those of the SeqGAN paper's oracle."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from seqgan_kit.data.json_files import write_json
from seqgan_kit.errors import DataError, UsageError


class NumberTokenizer:
    """A tokenizer whose tokens are the ids as text: ``17 4 3999``.

    It has no special ids; generators start from 0, which is also an ordinary token.
    """

    kind = "number"
    bos = 0
    eos: int | None = None
    pad: int | None = None

    def __init__(self, vocabulary_size: int) -> None:
        if vocabulary_size < 2:
            raise UsageError(f"the vocabulary size is {vocabulary_size}; it must be at least 2.")
        self._size = vocabulary_size

    @property
    def vocabulary_size(self) -> int:
        return self._size

    def encode(self, line: str) -> list[int]:
        return [self._id(word) for word in line.split()]

    def decode(self, ids: Iterable[int]) -> str:
        return " ".join(str(int(i)) for i in ids)

    def words(self, line: str) -> list[str]:
        return line.split()

    def normalise(self, line: str) -> str:
        return self.decode(self.encode(line))

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "vocabulary": self._size}

    def save(self, path: str | Path) -> None:
        write_json(Path(path), self.to_dict())

    def _id(self, word: str) -> int:
        if not (word.isascii() and word.isdigit() and int(word) < self._size):
            raise DataError(
                f"{word!r} is not a token: tokens are whole numbers from 0 to {self._size - 1}."
            )
        return int(word)
