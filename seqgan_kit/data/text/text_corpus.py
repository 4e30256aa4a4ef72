"""An encoded text corpus: tensors, lines, tokenizer and account."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from seqgan_kit.core.feeds import Feed, TensorFeed
from seqgan_kit.data.text.source_vocabulary import BlankedVocabulary, SourceVocabulary
from seqgan_kit.data.text.text_account import Account
from seqgan_kit.data.text.tokenizer import Tokenizer
from seqgan_kit.data.text.tokenizers import load_tokenizer

SPLITS = ("train", "valid", "test")


@dataclass(frozen=True)
class TextCorpus:
    """A text corpus ready for training.

    Attributes:
        tokenizer: learned from the training split.
        train, valid, test: ``[N,S+T]`` int64: S given tokens, then tokens, EOS and PAD. All share one T.
        train_lines, valid_lines, test_lines: the same rows as normalised text, unknown words kept.
        account: what was read, cut and replaced.
        given: S, 0 where nothing is given.
        sources: the given side of the rows as text, by split.
        source_vocabulary: the sources' own, where they do not share the tokenizer's.
        classes: all of them, sorted, where the given side is a class.
        stream: makes a feed over the whole source where the tensors hold only its head.
    """

    tokenizer: Tokenizer
    train: Tensor
    valid: Tensor
    test: Tensor
    train_lines: list[str]
    valid_lines: list[str]
    test_lines: list[str]
    account: Account
    given: int = 0
    sources: Mapping[str, list[str]] = field(default_factory=dict)
    source_vocabulary: SourceVocabulary | None = None
    classes: tuple[str, ...] = ()
    stream: Callable[..., Feed] | None = None

    @property
    def has_blanks(self) -> bool:
        """Whether what is given is the text itself with blanks."""
        return isinstance(self.source_vocabulary, BlankedVocabulary)

    @property
    def length(self) -> int:
        """T, the columns of every tensor that are to be written."""
        return self.train.shape[1] - self.given

    @property
    def given_vocabulary(self) -> SourceVocabulary:
        """Converter of sources to the given tokens of rows."""
        return self.source_vocabulary or SourceVocabulary(self.tokenizer)

    @property
    def vocabulary(self) -> int:
        """Number of ids in rows: V, and those that only sources have."""
        return self.tokenizer.vocabulary_size + self.given_vocabulary.size

    def feed(
        self,
        batch_size: int,
        *,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
        device: torch.device | str = "cpu",
    ) -> Feed:
        """Batches ``{"real": [B,S+T]}`` of training rows, reshuffled every epoch."""
        make = self.stream or partial(TensorFeed, {"real": self.train})
        return make(batch_size, seed=seed, rank=rank, world_size=world_size, device=device)

    def pairs(self, split: str) -> list[tuple[str, str]]:
        """Return (source, line) of every row of a split; sources are empty where nothing is given."""
        lines = getattr(self, f"{split}_lines")
        return list(zip(self.sources.get(split) or [""] * len(lines), lines, strict=True))

    def with_training_lines(self, count: int | None) -> TextCorpus:
        """Return the corpus with its first ``count`` training rows, or all where that is None."""
        every = len(self.train_lines)
        if count is None or count >= every:
            return self
        note = f"the first {count:,} of {every:,} training lines are used."
        return replace(
            self,
            train=self.train[:count],
            train_lines=self.train_lines[:count],
            sources={s: x[:count] if s == "train" else x for s, x in self.sources.items()},
            account=replace(self.account, notes=(*self.account.notes, note)),
        )

    def tensors(self) -> dict[str, Tensor]:
        """Return the splits for storage, with four bytes per token."""
        return {split: getattr(self, split).to(torch.int32) for split in SPLITS}

    def values(self) -> dict[str, Any]:
        """Return everything except the tensors, as plain JSON values."""
        lines = {split: getattr(self, f"{split}_lines") for split in SPLITS}
        tokenizer, account = self.tokenizer.to_dict(), self.account.to_dict()
        return {"tokenizer": tokenizer, "account": account, "lines": lines}

    @classmethod
    def from_entry(cls, tensors: Mapping[str, Tensor], values: Mapping[str, Any]) -> TextCorpus:
        """Rebuild a corpus from the results of ``tensors`` and ``values``."""
        lines = values["lines"]
        return cls(
            tokenizer=load_tokenizer(values["tokenizer"]),
            train=tensors["train"].to(torch.int64),
            valid=tensors["valid"].to(torch.int64),
            test=tensors["test"].to(torch.int64),
            train_lines=lines["train"],
            valid_lines=lines["valid"],
            test_lines=lines["test"],
            account=Account.from_dict(values["account"]),
        )
