"""Settings of a text corpus; the fields become command-line flags."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from seqgan_kit.core.bounds import Bounds, Positive, Share, bounded
from seqgan_kit.data.text.tokenizers import TokenizerKind
from seqgan_kit.errors import UsageError


@dataclass(frozen=True)
@bounded
class TextData:
    """Settings of the training text and its tokenizer."""

    text: str = "catworld"
    """Training text: a bundled name (catworld; or catworld:translate, catworld:answer and catworld:describe,
    which are pairs with known probabilities, or catworld:faces, captions with labels in a table), a .txt,
    .jsonl, .csv, .tsv, .parquet, .smi (molecules) or .abc (tunes) file, a folder with train, valid and test
    files, or hub:name[:config]."""
    valid_text: str | None = None
    """Validation text (default: the source's own split, or lines cut from the training text)."""
    test_text: str | None = None
    """Test text (default: the source's own split, or lines cut from the training text)."""
    column: str | None = None
    """Column with the text, if the source has several columns."""
    split: str | None = None
    """Training split of a hub dataset (default: train)."""
    revision: str | None = None
    """Revision (branch, tag or commit) of a hub dataset."""
    valid_share: Share = 0.05
    """Share of the training lines used for validation, if the source has no such split."""
    test_share: Share = 0.1
    """Share of the training lines used as test text, if the source has no such split."""
    train_lines: Positive | None = None
    """Number of training lines that are used: the first ones, for learning from little text. The tokenizer
    is learned from all (default: all)."""
    tokenizer: TokenizerKind = "word"
    """Tokenizer: word, char, sentencepiece's unigram or bpe, or a notation: smiles or selfies (molecules),
    abc (tunes). It is trained only on training lines. hf:MODEL is that of a language model."""
    tokenizer_model: str = ""
    """Folder or hub name of the language model whose tokenizer is used (--tokenizer hf:MODEL sets both)."""
    punctuation: Literal["split", "keep"] = "split"
    """Punctuation in the word tokenizer. split: punctuation at a word's edge becomes a separate token. keep:
    split at spaces only (for tokenised text)."""
    lowercase: bool = False
    """Convert text to lower case first."""
    vocabulary: int | None = None
    """Largest vocabulary, including the 4 special tokens (default: all tokens; 4000 for unigram and bpe)."""
    min_count: Positive = 1
    """Minimum count in the training lines; rarer words or characters become <unk>."""
    max_tokens: Positive | None = None
    """Largest number of tokens per line; longer lines are dropped (default: no limit)."""
    strict: bool = False
    """Strict reading: stop with an error at an empty or too long line instead of dropping it."""
    streaming: bool = False
    """Streaming: read the text during training, for text that does not fit in memory; needs max_tokens."""
    shuffle_buffer: Positive = 10_000
    """Streaming: number of lines in the shuffle buffer."""
    sample_lines: Annotated[int, Bounds(4)] = 100_000
    """Streaming: number of first lines used for the tokenizer and the held-out splits."""

    def __post_init__(self) -> None:
        held_out = self.valid_share + self.test_share
        if not (
            min(self.valid_share, self.test_share) >= 0 and held_out < 1
        ):  # This is false for nan too.
            raise UsageError(
                f"valid_share is {self.valid_share} and test_share is {self.test_share}; both must be 0 or "
                "more, and their sum below 1."
            )
        if self.streaming and self.train_lines is not None:
            raise UsageError(
                "a streamed text is read to its end: leave --train-lines or --streaming out."
            )
