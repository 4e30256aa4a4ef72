"""Sentencepiece tokenizers (unigram, BPE), whose small vocabularies of word pieces cover any text."""

from __future__ import annotations

import base64
import io
import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from seqgan_kit.data.json_files import write_json
from seqgan_kit.data.text.tokenizer import (
    BOS,
    EOS,
    PAD,
    SPECIALS,
    UNK,
    UNKNOWN_CHARACTER,
    split_edges,
    until_end,
)
from seqgan_kit.errors import DataError

DEFAULT_VOCABULARY = 4000
# In scripts without spaces, each character counts as a word for n-gram metrics.
_UNSPACED = re.compile(
    "([\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])"
)


def train_subwords(
    kind: Literal["unigram", "bpe"],
    lines: Sequence[str],
    *,
    vocabulary: int | None = None,
    lowercase: bool = False,
) -> SubwordTokenizer:
    """Train a sentencepiece tokenizer; a corpus too small for the vocabulary size gets a smaller vocabulary.

    Text is not normalised and no space is dropped, so decoding restores every line of known characters
    exactly.
    """
    library = _sentencepiece()
    model = io.BytesIO()
    sentences = [line.lower() if lowercase else line for line in lines]
    try:
        library.SentencePieceTrainer.train(
            sentence_iterator=iter(sentences),
            model_writer=model,
            model_type=kind,
            vocab_size=vocabulary or DEFAULT_VOCABULARY,
            hard_vocab_limit=False,
            character_coverage=1.0,
            normalization_rule_name="identity",
            remove_extra_whitespaces=False,
            max_sentence_length=max(4192, *(4 * len(s) + 8 for s in sentences)),
            num_threads=2,  # Fixed, because the number of threads changes the sums of EM and so the result.
            pad_id=PAD,
            bos_id=BOS,
            eos_id=EOS,
            unk_id=UNK,
            pad_piece=SPECIALS[PAD],
            bos_piece=SPECIALS[BOS],
            eos_piece=SPECIALS[EOS],
            unk_piece=SPECIALS[UNK],
            unk_surface=UNKNOWN_CHARACTER,
            minloglevel=2,
        )
    except (RuntimeError, OSError) as error:
        raise DataError(_reason(kind, vocabulary, sentences, str(error))) from None
    return SubwordTokenizer(kind, model.getvalue(), lowercase=lowercase)


class SubwordTokenizer:
    """A trained sentencepiece model with the toolkit's special ids."""

    bos, eos, pad = BOS, EOS, PAD

    def __init__(self, kind: Literal["unigram", "bpe"], model: bytes, *, lowercase: bool = False):
        self._kind, self.model, self.lowercase = kind, model, lowercase
        try:
            self._processor = _sentencepiece().SentencePieceProcessor(model_proto=model)
        except (RuntimeError, OSError, ValueError) as error:
            raise DataError(
                f"the {kind} tokenizer has no valid sentencepiece model ({error}): restore the file that "
                "the run wrote."
            ) from None

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> SubwordTokenizer:
        """Rebuild a tokenizer from the result of ``to_dict``."""
        return cls(state["kind"], base64.b64decode(state["model"]), lowercase=state["lowercase"])

    @property
    def kind(self) -> str:
        return self._kind

    @property
    def vocabulary_size(self) -> int:
        return int(self._processor.get_piece_size())

    def encode(self, line: str) -> list[int]:
        return list(self._processor.encode(self.normalise(line)))

    def decode(self, ids: Iterable[int]) -> str:
        return str(self._processor.decode(list(until_end(ids))))

    def words(self, line: str) -> list[str]:
        spaced = _UNSPACED.sub(r" \1 ", self.normalise(line))
        return [word for chunk in spaced.split() for word in split_edges(chunk)]

    def normalise(self, line: str) -> str:
        return line.lower() if self.lowercase else line

    def to_dict(self) -> dict[str, Any]:
        model = base64.b64encode(self.model).decode("ascii")
        return {"kind": self.kind, "lowercase": self.lowercase, "model": model}

    def save(self, path: str | Path) -> None:
        write_json(Path(path), self.to_dict())


def _sentencepiece() -> ModuleType:
    with warnings.catch_warnings():
        # sentencepiece's SWIG types have no __module__, which Python 3.12 and later warn about at import.
        warnings.filterwarnings("ignore", message="builtin type", category=DeprecationWarning)
        import sentencepiece
    return sentencepiece


def _reason(kind: str, vocabulary: int | None, lines: Sequence[str], error: str) -> str:
    characters = len({c for line in lines for c in line})
    size = vocabulary or DEFAULT_VOCABULARY
    if size <= characters + len(SPECIALS):
        return (
            f"a {kind} vocabulary of {size} is too small: the text has {characters} different characters, "
            f"and each needs a token besides the 4 special ones. Raise --vocabulary to more than "
            f"{characters + len(SPECIALS) + 1}."
        )
    return f"sentencepiece could not learn a {kind} vocabulary of {size}: {error.strip()}"
