"""Tokenizers for words and characters, and functions that train or load any tokenizer.

A tokenizer is trained only on training lines, and is saved as plain JSON.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args

from seqgan_kit.data.json_files import write_json
from seqgan_kit.data.text.foreign.huggingface_tokens import (
    HuggingFaceTokenizer,
    huggingface_tokenizer,
)
from seqgan_kit.data.text.notations import NOTATIONS, NotationTokenizer, split_notation
from seqgan_kit.data.text.numbers import NumberTokenizer
from seqgan_kit.data.text.selfies_tokens import SelfiesTokenizer, selfies_tokens
from seqgan_kit.data.text.source_vocabulary import ClassTokenizer
from seqgan_kit.data.text.subwords import SubwordTokenizer, train_subwords
from seqgan_kit.data.text.tokenizer import (
    BOS,
    EOS,
    PAD,
    SPECIALS,
    UNK,
    UNKNOWN_CHARACTER,
    UNKNOWN_WORD,
    Tokenizer,
    numbered,
    split_edges,
    until_end,
)
from seqgan_kit.data.text.tokenizer_files import tokenizer_state
from seqgan_kit.errors import UsageError, unknown

TokenizerKind = Literal["word", "char", "unigram", "bpe", "smiles", "selfies", "abc", "hf"]
TOKENIZERS: tuple[TokenizerKind, ...] = get_args(TokenizerKind)
Punctuation = Literal["split", "keep"]


def load_tokenizer(saved: str | Path | Mapping[str, Any]) -> Tokenizer:
    """Rebuild a tokenizer from ``to_dict()`` or from the file that ``save`` wrote."""
    state = tokenizer_state(saved)
    kind = state["kind"]
    if kind == "word":
        return WordTokenizer(
            state["words"], lowercase=state["lowercase"], punctuation=state["punctuation"]
        )
    if kind == "char":
        return CharTokenizer(state["characters"], lowercase=state["lowercase"])
    if kind in ("unigram", "bpe"):
        return SubwordTokenizer.from_dict(state)
    if kind in NOTATIONS:
        return NotationTokenizer(kind, state["tokens"])
    if kind == "selfies":
        return SelfiesTokenizer(state["tokens"])
    if kind == "hf":
        return HuggingFaceTokenizer.from_dict(state)
    if kind == "class":
        return ClassTokenizer(state["classes"])
    return NumberTokenizer(state["vocabulary"])


def train_tokenizer(
    kind: TokenizerKind,
    lines: Sequence[str],
    *,
    vocabulary: int | None = None,
    min_count: int = 1,
    lowercase: bool = False,
    punctuation: Punctuation = "split",
    model: str = "",
) -> Tokenizer:
    """Train a tokenizer on training lines, or load that of a language model.

    Args:
        kind: ``word``, ``char``, ``unigram``, ``bpe``, ``smiles``, ``selfies``, ``abc`` or ``hf``.
        lines: the training split only.
        vocabulary: largest number of ids, including the four special ones.
        min_count: rarer tokens become ``<unk>`` (not for unigram and bpe).
        lowercase: convert lines to lower case first.
        punctuation: ``split`` separates punctuation from the edges of words (word only).
        model: folder or hub name of the language model (hf only, which uses no other argument).
    """
    if kind == "hf":
        return huggingface_tokenizer(model)
    if vocabulary is not None and vocabulary <= len(SPECIALS):
        raise UsageError(
            f"the vocabulary is {vocabulary}; it must be above 4, the number of special tokens."
        )
    if kind == "word":
        word = WordTokenizer((), lowercase=lowercase, punctuation=punctuation)
        kept = _most_frequent(map(word.words, lines), vocabulary, min_count)
        return WordTokenizer(kept, lowercase=lowercase, punctuation=punctuation)
    if kind == "char":
        char = CharTokenizer((), lowercase=lowercase)
        return CharTokenizer(
            _most_frequent(map(char.words, lines), vocabulary, min_count), lowercase=lowercase
        )
    if kind in ("unigram", "bpe"):
        return train_subwords(kind, lines, vocabulary=vocabulary, lowercase=lowercase)
    if kind == "selfies" or kind in NOTATIONS:
        if lowercase:
            raise UsageError(
                f"lower case changes what {kind} notation says: leave --lowercase out, or use "
                "another tokenizer."
            )
        if kind == "selfies":
            molecules = map(list, map(selfies_tokens, lines))
            return SelfiesTokenizer(_most_frequent(molecules, vocabulary, min_count))
        split = partial(split_notation, kind)
        return NotationTokenizer(kind, _most_frequent(map(split, lines), vocabulary, min_count))
    raise unknown("tokenizer", kind, TOKENIZERS)


class WordTokenizer:
    """A tokenizer of words separated by whitespace; by default, punctuation at a word's edge is its own word.

    ``decode`` joins words with single spaces, so ``decode(encode(line)) == normalise(line)``, and normalising
    twice equals normalising once.
    """

    kind = "word"
    bos, eos, pad = BOS, EOS, PAD

    def __init__(
        self, words: Iterable[str], *, lowercase: bool = False, punctuation: Punctuation = "split"
    ) -> None:
        if punctuation not in ("split", "keep"):
            raise unknown("punctuation rule", punctuation, ("split", "keep"))
        self.lowercase = lowercase
        self.punctuation = punctuation
        self.vocabulary = (*SPECIALS, *words)
        self._ids = numbered(self.vocabulary[len(SPECIALS) :])
        self._ids[UNKNOWN_WORD] = UNK

    @property
    def vocabulary_size(self) -> int:
        return len(self.vocabulary)

    def words(self, line: str) -> list[str]:
        chunks = (line.lower() if self.lowercase else line).split()
        if self.punctuation == "keep":
            return chunks
        return [word for chunk in chunks for word in split_edges(chunk)]

    def encode(self, line: str) -> list[int]:
        ids = self._ids
        return [ids.get(word, UNK) for word in self.words(line)]

    def decode(self, ids: Iterable[int]) -> str:
        return " ".join(self.vocabulary[i] for i in until_end(ids))

    def normalise(self, line: str) -> str:
        return " ".join(self.words(line))

    def to_dict(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "lowercase": self.lowercase,
            "punctuation": self.punctuation,
            "words": list(self.vocabulary[len(SPECIALS) :]),
        }

    def save(self, path: str | Path) -> None:
        write_json(Path(path), self.to_dict())


class CharTokenizer:
    """A tokenizer with one id per Unicode code point; decoding restores lines of known characters exactly."""

    kind = "char"
    bos, eos, pad = BOS, EOS, PAD

    def __init__(self, characters: Iterable[str], *, lowercase: bool = False) -> None:
        self.lowercase = lowercase
        self.vocabulary = (*SPECIALS[:UNK], UNKNOWN_CHARACTER, *characters)
        self._ids = numbered(self.vocabulary[len(SPECIALS) :])
        self._ids[UNKNOWN_CHARACTER] = UNK

    @property
    def vocabulary_size(self) -> int:
        return len(self.vocabulary)

    def words(self, line: str) -> list[str]:
        return list(self.normalise(line))

    def encode(self, line: str) -> list[int]:
        ids = self._ids
        return [ids.get(character, UNK) for character in self.normalise(line)]

    def decode(self, ids: Iterable[int]) -> str:
        return "".join(self.vocabulary[i] for i in until_end(ids))

    def normalise(self, line: str) -> str:
        return line.lower() if self.lowercase else line

    def to_dict(self) -> dict[str, Any]:
        characters = list(self.vocabulary[len(SPECIALS) :])
        return {"kind": self.kind, "lowercase": self.lowercase, "characters": characters}

    def save(self, path: str | Path) -> None:
        write_json(Path(path), self.to_dict())


def _most_frequent(lines: Iterable[list[str]], vocabulary: int | None, min_count: int) -> list[str]:
    """Return tokens by decreasing count; ties are in code point order, so ids do not depend on file order."""
    counts: Counter[str] = Counter()
    for tokens in lines:
        counts.update(tokens)
    for reserved in (UNKNOWN_WORD, UNKNOWN_CHARACTER):
        counts.pop(reserved, None)
    kept = sorted((t for t, n in counts.items() if n >= min_count), key=lambda t: (-counts[t], t))
    return kept if vocabulary is None else kept[: vocabulary - len(SPECIALS)]
