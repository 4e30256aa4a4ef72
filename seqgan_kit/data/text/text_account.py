"""Counts of what was read, dropped and replaced while a text corpus was encoded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class SplitAccount:
    """Counts of one split of a text corpus."""

    source: str
    read: int = 0
    empty: int = 0
    too_long: int = 0
    kept: int = 0
    tokens: int = 0
    unknown_tokens: int = 0
    empty_sources: int = 0
    long_sources: int = 0
    cut_sources: int = 0
    """Pairs whose source was longer than S tokens and is given by its last ones."""

    def line(self, name: str, knows_unknown: bool = True) -> str:
        """One printable line; a tokenizer that has every token knows no unknown ones."""
        reasons = (
            (self.empty, "empty"),
            (self.too_long, "too long"),
            (self.empty_sources, "without a source"),
            (self.long_sources, "with too long a source"),
        )
        dropped = [f"{n:,} {why}" for n, why in reasons if n]
        parts = [f"{name}: {self.kept:,} of {self.read:,} lines"]
        parts += [f"dropped {' and '.join(dropped)}"] if dropped else []
        parts += [f"{self.cut_sources:,} sources cut"] if self.cut_sources else []
        if self.tokens:
            share = f" ({self.unknown_tokens / self.tokens:.2%})" if self.unknown_tokens else ""
            lost = f", {self.unknown_tokens:,}{share} became <unk>" if knows_unknown else ""
            parts.append(f"{self.tokens:,} tokens{lost}")
        return f"{'; '.join(parts)}  [{self.source}]"


@dataclass(frozen=True)
class Account:
    """Counts of a text corpus: rows read and dropped, tokens that became ``<unk>``."""

    tokenizer: str
    vocabulary: int
    cut_from_vocabulary: int
    """Number of distinct training words or characters that are not in the vocabulary."""
    longest: int
    """Number of tokens in the longest kept line, without EOS; a tensor row has one more."""
    splits: Mapping[str, SplitAccount]
    notes: tuple[str, ...] = field(default=())
    special: int = 4
    """Number of special tokens: begin, end, padding and unknown."""

    def lines(self) -> list[str]:
        """Return the account as lines for a terminal."""
        cut = (
            f", {self.cut_from_vocabulary:,} rarer ones replaced by <unk>"
            if self.cut_from_vocabulary
            else ""
        )
        special = f" ({self.special} special)" if self.special else ""
        first = (
            f"{self.tokenizer} tokenizer: {self.vocabulary:,} tokens{special}{cut}; "
            f"longest line {self.longest} tokens"
        )
        rows = [split.line(name, self.special > 0) for name, split in self.splits.items()]
        return [first, *rows, *(f"note: {note}" for note in self.notes)]

    def to_dict(self) -> dict[str, Any]:
        """Return the account as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Account:
        """Rebuild an account from the result of ``to_dict``."""
        splits = {name: SplitAccount(**split) for name, split in state["splits"].items()}
        return cls(**{**state, "splits": splits, "notes": tuple(state["notes"])})
