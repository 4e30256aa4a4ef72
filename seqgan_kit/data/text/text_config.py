"""The options of a text corpus; the fields become command line flags."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from seqgan_kit.core.bounds import Bounds, Positive, Share, bounded
from seqgan_kit.data.text.tokenizers import TokenizerKind
from seqgan_kit.errors import UsageError


@dataclass(frozen=True)
@bounded
class TextData:
    """The text to learn from, and how it becomes tokens."""

    text: str = "catworld"
    """What to learn from: a bundled name (catworld), a .txt, .jsonl, .csv, .tsv or .parquet file, a folder
    with train, valid and test files, or hub:name[:config]."""
    valid_text: str | None = None
    """Validation text; without it the source's own split is taken, or one is cut from the training text."""
    test_text: str | None = None
    """Test text; without it the source's own split is taken, or one is cut from the training text."""
    column: str | None = None
    """Column that holds the text, where the source has several."""
    split: str | None = None
    """Training split of a hub dataset (default: train)."""
    revision: str | None = None
    """Revision (branch, tag or commit) of a hub dataset."""
    valid_share: Share = 0.05
    """Share of the training lines kept for validation where the source has no such split."""
    test_share: Share = 0.1
    """Share of the training lines kept for the test where the source has no such split."""
    tokenizer: TokenizerKind = "word"
    """word, char, or sentencepiece's unigram or bpe; learned from the training lines alone."""
    punctuation: Literal["split", "keep"] = "split"
    """Word tokenizer: split makes a comma at a word's edge a word of its own; keep cuts at spaces only
    (tokenised text, notes, SMILES)."""
    lowercase: bool = False
    """Fold case first."""
    vocabulary: int | None = None
    """Largest number of tokens, the 4 special ones included (default: all; 4000 for unigram and bpe)."""
    min_count: Positive = 1
    """Words or characters seen less often in the training lines become <unk>."""
    max_tokens: Positive | None = None
    """Longer lines are left out (default: none is)."""
    strict: bool = False
    """Stop at a line that would be left out (empty or too long) instead of counting it."""
    streaming: bool = False
    """Read while training, for text that does not fit in memory; needs max_tokens."""
    shuffle_buffer: Positive = 10_000
    """Streaming: lines shuffled together."""
    sample_lines: Annotated[int, Bounds(4)] = 100_000
    """Streaming: lines at the start that the tokenizer and the held-out splits are taken from."""

    def __post_init__(self) -> None:
        held_out = self.valid_share + self.test_share
        if not (min(self.valid_share, self.test_share) >= 0 and held_out < 1):  # false for nan too
            raise UsageError(
                f"valid_share {self.valid_share} and test_share {self.test_share} must be 0 or more and "
                "leave something to train on (sum below 1)."
            )
