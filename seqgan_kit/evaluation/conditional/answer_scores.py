"""Scores of conditional generation: corpus BLEU, chrF and TER of the likeliest outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import cycle, islice
from typing import Any, cast

import torch
from torch import Tensor, nn

from seqgan_kit.data.text.text_corpus import SPLITS, TextCorpus
from seqgan_kit.data.text.tokenizer import Tokenizer
from seqgan_kit.evaluation.score_tables import Column, column
from seqgan_kit.metrics.signature import Signature
from seqgan_kit.metrics.statistics.divergences import Estimate
from seqgan_kit.metrics.text.parallel_scores import SCORES, parallel_scores, parallel_signatures
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.generators.given_tokens import conditions_of
from seqgan_kit.sequences.sampling.beam_search import beam_search

MOST_CLASS_ROWS = 10
"""Classes that have rows of their own in the final table."""


@dataclass(frozen=True)
class HeldOutPairs:
    """The distinct sources of a split, each with all its references."""

    given: Tensor
    """[N,S]."""
    references: list[list[str]]


def held_out_pairs(corpus: TextCorpus, most: int | None = None) -> HeldOutPairs | None:
    """Return the first ``most`` sources (default: all) of the test split, or else of the validation split."""
    for split, rows, lines in (
        ("test", corpus.test, corpus.test_lines),
        ("valid", corpus.valid, corpus.valid_lines),
    ):
        if len(rows):
            places: dict[str, tuple[int, list[str]]] = {}
            for place, source in enumerate(corpus.sources[split]):
                places.setdefault(source, (place, []))[1].append(lines[place])
            chosen = list(places.values())[:most]
            given = rows[torch.tensor([place for place, _ in chosen]), : corpus.given]
            return HeldOutPairs(given, [references for _, references in chosen])
    return None


def drawn_rows(corpus: TextCorpus, generator: nn.Module, n: int, rng: torch.Generator) -> Tensor:
    """Draw ``n`` rows; conditions come from the first split with rows of test, valid and train."""
    writer = cast(SequenceGenerator, generator)
    if not corpus.given:
        return writer.sample(n, rng=rng)
    rows = next(rows for rows in (corpus.test, corpus.valid, corpus.train) if len(rows))
    return writer.sample(n, rng=rng, given=conditions_of(rows, n, corpus.given))


def sources_of_rows(corpus: TextCorpus, n: int) -> list[str]:
    """Return the whole sources of the ``n`` rows of :func:`drawn_rows`, which may have read them cut."""
    split = next(name for name in ("test", "valid", "train") if len(getattr(corpus, name)))
    return list(islice(cycle(corpus.sources[split]), n))


def class_part(corpus: TextCorpus, label: str) -> TextCorpus:
    """Return the corpus with the lines of one class only."""
    part: dict[str, Any] = {"classes": (label,), "sources": {}}
    for split in SPLITS:
        chosen = [i for i, source in enumerate(corpus.sources[split]) if source == label]
        lines = getattr(corpus, f"{split}_lines")
        part[split] = getattr(corpus, split)[chosen]
        part[f"{split}_lines"] = [lines[i] for i in chosen]
        part["sources"][split] = [label] * len(chosen)
    return replace(corpus, **part)


def source_lines(corpus: TextCorpus, tokens: Tensor) -> list[str]:
    """Return the conditions of rows [N,S+T] as text, as the generator reads them."""
    return corpus.given_vocabulary.lines(tokens[:, : corpus.given])


def with_sources(corpus: TextCorpus, tokens: Tensor, lines: Sequence[str]) -> list[str]:
    """Return the lines of rows [N,S+T], each after its condition."""
    if not corpus.given:
        return list(lines)
    given = source_lines(corpus, tokens)
    return [f"{source} => {line}" for source, line in zip(given, lines, strict=True)]


def answers(
    tokenizer: Tokenizer, generator: SequenceGenerator, given: Tensor, beam: int
) -> list[str]:
    """Return the likeliest line for each condition [N,S], found by beam search."""
    rows = likeliest(generator, given, beam)
    return [tokenizer.decode(row) for row in generator.written(rows).tolist()]


def likeliest(generator: SequenceGenerator, given: Tensor, beam: int) -> Tensor:
    """Return the likeliest row [N,S+T] after each condition [N,S], found by beam search."""
    return beam_search(generator, given, beam, length_penalty=1.0).rows[:, 0].cpu()


def text_scores_of(lines: Sequence[str], pairs: HeldOutPairs) -> dict[str, Estimate]:
    """Return the scores of lines, one for each source."""
    return parallel_scores(lines, pairs.references)


def pair_columns(pairs: HeldOutPairs, how: str) -> list[Column]:
    """Return the columns of these scores; ``how`` says in the signature how the lines were found."""
    signs, count = parallel_signatures(pairs.references), sum(map(len, pairs.references))
    return [
        column(
            name,
            label,
            better,
            2,
            Signature(f"{signs[name]}|{how}", refs=count, hyps=len(pairs.given)),
        )
        for name, (label, better) in SCORES.items()
    ]
