"""A corpus of texts to be filled: each row is a text with blanks, then the text."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from seqgan_kit.core.runs.runtime import mixed_seed
from seqgan_kit.data.text.source_vocabulary import BlankedVocabulary
from seqgan_kit.data.text.text_corpus import SPLITS, TextCorpus
from seqgan_kit.errors import UsageError
from seqgan_kit.evaluation.conditional.filled_captions import FilledCaptions
from seqgan_kit.evaluation.corpora.known_worlds import CatCaptions
from seqgan_kit.evaluation.corpora.recipe_corpus import OracleData, TextData, load_corpus
from seqgan_kit.sequences.infilling.blanks import (
    Strategy,
    draw_blanks,
    rows_with_blanks,
    text_lengths,
)


def load_blanked(
    data: TextData, rate: float, strategy: Strategy
) -> tuple[TextCorpus, FilledCaptions | None]:
    """Load the text with blanks, and the exact distribution of fills if it is known."""
    corpus, world = load_corpus(data, OracleData())
    if isinstance(world, CatCaptions):
        return blanked_corpus(corpus, rate, strategy), FilledCaptions(world.world)
    return blanked_corpus(corpus, rate, strategy), None


def blanked_corpus(corpus: TextCorpus, rate: float, strategy: Strategy) -> TextCorpus:
    """Return the corpus with blanks in all its texts, the same ones in every run.

    Training draws its own; these are what evaluations and samples fill.
    """
    if corpus.given or corpus.stream is not None:
        raise UsageError(
            "blanks are made in texts that fit into memory and that nothing else is given for: leave out "
            "sources, classes and prompts, and --stream."
        )
    tokenizer = corpus.tokenizer
    vocabulary = BlankedVocabulary(tokenizer, length=corpus.length)
    changed: dict[str, Any] = {"sources": {}}
    for split in SPLITS:
        texts = getattr(corpus, split)
        rng = torch.Generator().manual_seed(mixed_seed(*f"blanks of {split}".encode()))
        counts = text_lengths(texts, tokenizer.eos)
        blank = draw_blanks(counts, corpus.length, rate, strategy, rng)
        rows = rows_with_blanks(texts, blank, tokenizer.bos)
        changed[split] = rows
        changed["sources"][split] = vocabulary.lines(rows[:, : corpus.length])
    return replace(corpus, **changed, given=corpus.length, source_vocabulary=vocabulary)
