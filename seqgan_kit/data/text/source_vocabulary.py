"""Ids of given tokens: those of the written text, or a vocabulary of their own.

A row holds given and written tokens in one tensor. Sources with a vocabulary of their own therefore have ids
that begin where those of the written text end, so no id means two things. Only PAD is shared.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from seqgan_kit.data.json_files import write_json
from seqgan_kit.data.text.tokenizer import BOS, EOS, PAD, SPECIALS, UNK, Tokenizer
from seqgan_kit.errors import UsageError, unknown


@dataclass(frozen=True)
class SourceVocabulary:
    """Converter of sources to the ids of rows.

    Attributes:
        tokenizer: tokenizer of the sources.
        first: V, where the sources have a vocabulary of their own; 0 where they share the written text's.
    """

    tokenizer: Tokenizer
    first: int = 0

    @property
    def size(self) -> int:
        """Number of ids that only sources have."""
        return self.tokenizer.vocabulary_size - UNK if self.first else 0

    @property
    def unknown(self) -> int:
        """Id of an unknown token of a source."""
        return UNK + self._shift

    def encode(self, line: str) -> list[int]:
        """Return the ids of a source."""
        return [i + self._shift for i in self.tokenizer.encode(line)]

    def decode(self, ids: Iterable[int]) -> str:
        """Return the source of ids; PAD is skipped."""
        return self.tokenizer.decode(i - self._shift for i in ids if i != PAD)

    def lines(self, given: Tensor) -> list[str]:
        """Return the sources of given tokens [N,S]."""
        return [self.decode(row) for row in given.tolist()]

    @property
    def _shift(self) -> int:
        return self.first - UNK if self.first else 0


BLANK = "_"
"""Mark of a blank in a text."""


@dataclass(frozen=True)
class BlankedVocabulary(SourceVocabulary):
    """Converter of texts with blanks to given tokens: the ids of a text, BOS at blanks, EOS and PAD.

    A blank is one token. A text of blanks alone is written from nothing: all T of its tokens are BOS.

    Attributes:
        length: T.
    """

    length: int = 0

    def encode(self, line: str) -> list[int]:
        """Return the ids [at most T] of a text with blanks, without PAD."""
        parts = line.split(BLANK)
        if len(parts) > 1 and not any(part.strip() for part in parts):
            return [BOS] * self.length
        ids = self.tokenizer.encode(parts[0])
        for part in parts[1:]:
            ids += [BOS, *self.tokenizer.encode(part)]
        if len(ids) >= self.length:
            raise UsageError(
                f"the text {line[:60]!r} has {len(ids)} tokens, and the model fills texts of at most "
                f"{self.length - 1}: shorten it."
            )
        return [*ids, EOS]

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of ids, with a mark for each blank."""
        texts: list[list[int]] = [[]]
        for i in ids:
            if i == EOS:
                break
            texts[-1].append(i)
            if i == BOS:
                texts.append([])
        parts = [self.tokenizer.decode(text) for text in texts]
        if self.tokenizer.kind in ("char", "smiles", "selfies"):
            return BLANK.join(parts)
        return " ".join(f" {BLANK} ".join(parts).split())


class ClassTokenizer:
    """A tokenizer whose lines are class names, one token each."""

    kind = "class"
    bos, eos, pad = BOS, EOS, PAD

    def __init__(self, classes: Iterable[str]) -> None:
        self.classes = tuple(classes)
        self._ids = {name: i for i, name in enumerate(self.classes, start=len(SPECIALS))}

    @property
    def vocabulary_size(self) -> int:
        return len(SPECIALS) + len(self.classes)

    def encode(self, line: str) -> list[int]:
        """Return the id of a class; an unknown one is an error, since no model has learned it."""
        name = self.normalise(line)
        if name not in self._ids:
            raise unknown("class", name, self.classes)
        return [self._ids[name]]

    def decode(self, ids: Iterable[int]) -> str:
        return " ".join(self.classes[i - len(SPECIALS)] for i in ids if i >= len(SPECIALS))

    def words(self, line: str) -> list[str]:
        return [self.normalise(line)]

    def normalise(self, line: str) -> str:
        return " ".join(line.split())

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "classes": list(self.classes)}

    def save(self, path: str | Path) -> None:
        write_json(Path(path), self.to_dict())
