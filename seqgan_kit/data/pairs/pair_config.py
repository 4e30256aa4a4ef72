"""The options of conditional text; the fields become command line flags."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from seqgan_kit.core.bounds import Bounds, Count, Positive, bounded
from seqgan_kit.data.text.tokenizers import TokenizerKind
from seqgan_kit.errors import UsageError


@dataclass(frozen=True)
@bounded
class PairData:
    """What each line of the text is written from; nothing unless one of the first five is given."""

    sources: str | None = None
    """File with a source for each line of --text, such as the same sentences in another language."""
    source_column: str | None = None
    """Column of the table that holds the sources, or a field of it (translation.de, beside --column
    translation.en); a list (the turns of a conversation) is joined."""
    label_column: str | None = None
    """Column that holds a class for each line; the generator is given the class."""
    prompt_words: Count = 0
    """First words of each line that are given; the rest is to be written (0: none)."""
    valid_sources: str | None = None
    """Sources of --valid-text."""
    test_sources: str | None = None
    """Sources of --test-text."""
    source_tokenizer: TokenizerKind | None = None
    """Tokenizer of the sources, which then have a vocabulary of their own (default: one vocabulary for
    sources and text)."""
    source_vocabulary: Annotated[int, Bounds(5)] | None = None
    """Largest vocabulary of the sources, which they then have of their own (default: as --vocabulary)."""
    source_tokens: Positive | None = None
    """S: the most tokens of a source (default: those of the longest)."""
    long_sources: Literal["cut", "drop"] = "cut"
    """What happens to a longer source: keep its last tokens, or leave the pair out."""

    def __post_init__(self) -> None:
        chosen = [
            flag
            for flag, value in (
                ("--sources", self.sources),
                ("--source-column", self.source_column),
                ("--label-column", self.label_column),
                ("--prompt-words", self.prompt_words),
            )
            if value
        ]
        if len(chosen) > 1:
            raise UsageError(
                f"{' and '.join(chosen)} both say what is given: leave all but one out."
            )
        if not self.sources and (self.valid_sources or self.test_sources):
            raise UsageError(
                "--valid-sources and --test-sources go with --sources: give the sources of --text too."
            )

        if self.has_own_vocabulary and not (self.sources or self.source_column):
            raise UsageError(
                "--source-tokenizer and --source-vocabulary go with --sources or --source-column: a class "
                "has a token of its own, and a prompt shares the text's vocabulary."
            )

    @property
    def has_own_vocabulary(self) -> bool:
        """Whether sources have a vocabulary apart from the text's."""
        return self.source_tokenizer is not None or self.source_vocabulary is not None

    @property
    def is_given(self) -> bool:
        """Whether the text is conditional."""
        return bool(self.sources or self.source_column or self.label_column or self.prompt_words)
