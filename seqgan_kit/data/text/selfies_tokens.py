"""A tokenizer of molecules by SELFIES (Krenn et al. 2020), in which every sequence is a molecule.

Lines stay SMILES. ``encode`` translates a line to SELFIES and ``decode`` back, so a generator that writes
SELFIES tokens has no invalid samples but empty ones. The line comes back as the same molecule, in the way
that SELFIES writes it: ``c1ccccc1`` as ``C1=CC=CC=C1``.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from seqgan_kit.data.json_files import write_json
from seqgan_kit.data.text.tokenizer import (
    BOS,
    EOS,
    PAD,
    SPECIALS,
    UNK,
    UNKNOWN_WORD,
    numbered,
    until_end,
)
from seqgan_kit.errors import UsageError


class SelfiesTokenizer:
    """A tokenizer of SMILES lines with one id per SELFIES token.

    Args:
        tokens: the vocabulary without special tokens.
    """

    kind = "selfies"
    bos, eos, pad = BOS, EOS, PAD

    def __init__(self, tokens: Iterable[str]) -> None:
        _selfies()
        self.vocabulary = (*SPECIALS, *tokens)
        self._ids = numbered(self.vocabulary[len(SPECIALS) :])

    @property
    def vocabulary_size(self) -> int:
        return len(self.vocabulary)

    def words(self, line: str) -> list[str]:
        return list(selfies_tokens(line))

    def encode(self, line: str) -> list[int]:
        return [self._ids.get(token, UNK) for token in selfies_tokens(line)]

    def decode(self, ids: Iterable[int]) -> str:
        return _smiles("".join(self.vocabulary[i] for i in until_end(ids) if i != UNK))

    def normalise(self, line: str) -> str:
        tokens = selfies_tokens(line)
        return line if tokens == (UNKNOWN_WORD,) else _smiles("".join(tokens))

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "tokens": list(self.vocabulary[len(SPECIALS) :])}

    def save(self, path: str | Path) -> None:
        write_json(Path(path), self.to_dict())


@lru_cache(maxsize=1 << 16)
def selfies_tokens(line: str) -> tuple[str, ...]:
    """Return the SELFIES tokens of a SMILES line; ``<unk>`` alone if it cannot be translated."""
    library = _selfies()
    try:
        return tuple(library.split_selfies(library.encoder(line)))
    except library.EncoderError:
        return (UNKNOWN_WORD,)


def _smiles(text: str) -> str:
    """Return SELFIES as SMILES; empty if a token of a damaged vocabulary means nothing."""
    library = _selfies()
    try:
        return str(library.decoder(text))
    except library.DecoderError:
        return ""


def _selfies() -> ModuleType:
    try:
        import selfies
    except ImportError:
        raise UsageError(
            "the tokenizer selfies needs the package selfies, which is not installed: pip install "
            "'seqgan-kit[molecules]', or use --tokenizer smiles."
        ) from None
    return selfies
