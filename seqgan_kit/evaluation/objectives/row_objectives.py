"""Objectives of token rows: BLEU with references, a function of texts, and values that are remembered.

An objective reads whole rows, so it has each row's own source and needs no second argument.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seqgan_kit.data.text.source_vocabulary import SourceVocabulary
from seqgan_kit.data.text.text_corpus import TextCorpus
from seqgan_kit.data.text.tokenizer import Tokenizer
from seqgan_kit.errors import UsageError
from seqgan_kit.metrics.text.bleu import ReferenceSet, sentence_scores
from seqgan_kit.sequences.sampling.rollout import RowReward

BLEU_ORDER = 4
_REMEMBERED_ROWS = 1 << 17

TextFunction = Callable[[list[str], list[str]], Any]
"""(sources, texts) -> a number for each."""


def text_objective(
    function: TextFunction,
    tokenizer: Tokenizer,
    given: int = 0,
    source_vocabulary: SourceVocabulary | None = None,
) -> RowReward:
    """Return an objective of token rows [M,S+T] from a function of sources and texts; ``given`` is S.

    Sources are the texts of the given tokens, as the generator reads them.
    """
    read = source_vocabulary or SourceVocabulary(tokenizer)

    def score(rows: Tensor) -> Tensor:
        sources = read.lines(rows[:, :given])
        lines = [tokenizer.decode(row) for row in rows[:, given:].tolist()]
        values = np.asarray(function(sources, lines), dtype=np.float64)
        return torch.from_numpy(values).to(rows.device, torch.float32)

    return score


class ReferenceBleu:
    """Sentence BLEU-4 of token rows [M,S+T], as nltk's with smoothing ``method1``, from 0 to 1.

    The references of a row are all training lines of its source; without sources (S = 0) all training lines.

    Args:
        corpus: its training split has the sources and the references.
    """

    def __init__(self, corpus: TextCorpus):
        self.corpus = corpus
        self._places: dict[bytes, list[int]] = {}
        for place, key in enumerate(_keys(corpus.train[:, : corpus.given])):
            self._places.setdefault(key, []).append(place)
        self._references: dict[bytes, ReferenceSet] = {}

    def __call__(self, rows: Tensor) -> Tensor:
        """Return the BLEU [M] of rows [M,S+T]."""
        words, given = self.corpus.tokenizer.words, self.corpus.given
        sentences = [words(self.corpus.tokenizer.decode(row)) for row in rows[:, given:].tolist()]
        groups: dict[bytes, list[int]] = {}
        for place, key in enumerate(_keys(rows[:, :given])):
            groups.setdefault(key, []).append(place)
        values = np.zeros(len(rows))
        for key, places in groups.items():
            some = [sentences[place] for place in places]
            values[places] = sentence_scores(some, self._of(key), (BLEU_ORDER,))[BLEU_ORDER]
        return torch.from_numpy(values).to(rows.device, torch.float32)

    def _of(self, key: bytes) -> ReferenceSet:
        if key not in self._references:
            if key not in self._places:
                source = self.corpus.given_vocabulary.decode(np.frombuffer(key, np.int32).tolist())
                raise UsageError(
                    f"the objective bleu has no reference for the source {source[:60]!r}: it knows the "
                    "sources of the training split alone."
                )
            lines = [self.corpus.train_lines[place] for place in self._places[key]]
            words = [self.corpus.tokenizer.words(line) for line in lines]
            self._references[key] = ReferenceSet(words, BLEU_ORDER)
        return self._references[key]


class Remembered:
    """An objective of token rows that scores each row once.

    Args:
        objective: a function from rows [M,S+T] to values [M] that depends on the rows alone.
        most: number of rows that are remembered.
    """

    def __init__(self, objective: RowReward, most: int = _REMEMBERED_ROWS):
        self.objective, self.most = objective, most
        self._values: dict[bytes, float] = {}

    def __call__(self, rows: Tensor) -> Tensor:
        """Return the values [M] of rows [M,S+T]."""
        keys = _keys(rows)
        new = {key: place for place, key in enumerate(keys) if key not in self._values}
        known = {key: self._values[key] for key in keys if key not in new}
        if new:
            scored = self.objective(rows[list(new.values())])
            known |= dict(zip(new, scored.tolist(), strict=True))
            self._remember({key: known[key] for key in new})
        return torch.tensor([known[key] for key in keys], device=rows.device)

    def _remember(self, values: dict[bytes, float]) -> None:
        if len(self._values) + len(values) > self.most:
            self._values.clear()
        self._values |= values


def _keys(rows: Tensor) -> list[bytes]:
    table = np.ascontiguousarray(rows.detach().to("cpu", torch.int32).numpy())
    return [row.tobytes() for row in table]
