"""Tokenizers of notations: SMILES for molecules, ABC for tunes.

Both split a line by one regular expression that covers every character, so ``"".join(split(line)) == line``
for any line, and decoding restores every line of known tokens exactly.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from seqgan_kit.data.json_files import write_json
from seqgan_kit.data.text.tokenizer import (
    BOS,
    EOS,
    PAD,
    SPECIALS,
    UNK,
    UNKNOWN_CHARACTER,
    numbered,
    until_end,
)
from seqgan_kit.errors import unknown

Notation = Literal["smiles", "abc"]
NOTATIONS: tuple[Notation, ...] = get_args(Notation)

_SMILES = re.compile(
    r"""\[[^\[\]]*\]        # an atom in brackets: [nH], [O-], [C@@H], [13C]
    | Br | Cl               # the two-letter atoms that need no brackets
    | %\d\d | %\(\d+\)      # a ring number of several digits
    | .                     # an atom, a bond, a branch, a ring digit, a dot, a chirality mark
    """,
    re.VERBOSE | re.DOTALL,
)
_LENGTH = r"(?: \d+ (?:/+\d*)? | /+\d* )"
_ABC = re.compile(
    rf"""\[[A-Za-z]:[^\[\]]*\]                       # a field: [M:6/8], [K:Dmin]
    | "[^"]*"                                        # a chord symbol or an annotation: "Am7"
    | ![^!\s]*!                                      # a decoration: !trill!
    | (?: \^\^? | __? | = )? [A-Ga-g] [,']* {_LENGTH}?   # a note: ^c'3/2
    | [zxZX] {_LENGTH}?                              # a rest
    | \(\d (?: :\d? (?: :\d? )? )?                   # a tuplet: (3 or (3:2:2
    | (?: \[\| | :+\|+\]?:* | \|+\]?:* | ::+ ) \d?   # a bar line, perhaps with the number of an ending
    | \[\d                                           # an ending: [1
    | {_LENGTH}                                      # the length of a chord of notes
    | [<>]+ | [ ]+ | .
    """,
    re.VERBOSE | re.DOTALL,
)
_SPLITTERS: Mapping[str, re.Pattern[str]] = {"smiles": _SMILES, "abc": _ABC}


def split_notation(kind: str, line: str) -> list[str]:
    """Return the tokens of a line, whose concatenation is the line.

    Args:
        kind: ``smiles`` or ``abc``.
        line: a molecule, or a tune on one line.
    """
    if kind not in _SPLITTERS:
        raise unknown("notation", kind, NOTATIONS)
    return _SPLITTERS[kind].findall(line)


class NotationTokenizer:
    """A tokenizer of SMILES or ABC notation, with one id per token of the notation.

    Args:
        kind: ``smiles`` or ``abc``.
        tokens: the vocabulary without special tokens.
    """

    bos, eos, pad = BOS, EOS, PAD

    def __init__(self, kind: Notation, tokens: Iterable[str]) -> None:
        if kind not in NOTATIONS:
            raise unknown("notation", kind, NOTATIONS)
        self._kind = kind
        self.vocabulary = (*SPECIALS[:UNK], UNKNOWN_CHARACTER, *tokens)
        self._ids = numbered(self.vocabulary[len(SPECIALS) :])

    @property
    def kind(self) -> str:
        return self._kind

    @property
    def vocabulary_size(self) -> int:
        return len(self.vocabulary)

    def words(self, line: str) -> list[str]:
        return split_notation(self._kind, line)

    def encode(self, line: str) -> list[int]:
        return [self._ids.get(token, UNK) for token in self.words(line)]

    def decode(self, ids: Iterable[int]) -> str:
        return "".join(self.vocabulary[i] for i in until_end(ids))

    def normalise(self, line: str) -> str:
        return line

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self._kind, "tokens": list(self.vocabulary[len(SPECIALS) :])}

    def save(self, path: str | Path) -> None:
        write_json(Path(path), self.to_dict())
