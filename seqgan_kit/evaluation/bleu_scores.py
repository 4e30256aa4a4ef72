"""BLEU, Self-BLEU and distinct trigrams of a set of sentences, as scores and table columns."""

from __future__ import annotations

import math
from collections.abc import Sequence

from seqgan_kit.evaluation.score_tables import AS_REAL, Column, column
from seqgan_kit.metrics.signature import Signature
from seqgan_kit.metrics.statistics.divergences import Estimate
from seqgan_kit.metrics.text.bleu import DEFAULT_ORDERS, ReferenceSet, self_bleu, sentence_scores
from seqgan_kit.metrics.text.ngram_index import Sentence


def bleu_scores(
    sentences: Sequence[Sentence], references: ReferenceSet | None
) -> dict[str, Estimate]:
    """Compute BLEU and Self-BLEU, each if there are enough sentences."""
    beside = {} if references is None else bleu_beside(sentences, references)
    return beside | self_bleu_scores(sentences)


def bleu_beside(sentences: Sequence[Sentence], references: ReferenceSet) -> dict[str, Estimate]:
    """Compute BLEU; its standard error is over sentences, with the references fixed."""
    scores: dict[str, Estimate] = {}
    if sentences:
        for order, values in sentence_scores(sentences, references).items():
            error = (
                float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.inf
            )
            scores[f"bleu{order}"] = Estimate(float(values.mean()), error)
    return scores


def self_bleu_scores(sentences: Sequence[Sentence]) -> dict[str, Estimate]:
    """Compute Self-BLEU; it has no standard error, because its sentences depend on each other."""
    if len(sentences) < 2:
        return {}
    return {f"self_bleu{n}": Estimate(v, math.nan) for n, v in self_bleu(sentences).items()}


def bleu_columns(
    hypotheses: int,
    references: int,
    tok: str,
    case: str | None = None,
    compared: int | None = None,
) -> list[Column]:
    """Return the columns of :func:`bleu_scores`.

    Args:
        hypotheses: sentences whose BLEU is averaged.
        references: sentences that they are compared with.
        tok: tokenizer that split the lines.
        case: ``mixed`` or ``lower``.
        compared: number of sentences of Self-BLEU, which grows with it (default: all hypotheses).
    """
    among = hypotheses if compared is None else compared
    columns = []
    for order in DEFAULT_ORDERS:
        sign = Signature("bleu", (order,), "method1", references, hypotheses, tok, case)
        columns.append(column(f"bleu{order}", f"BLEU-{order}", "higher", 3, sign))
    for order in DEFAULT_ORDERS:
        sign = Signature("self-bleu", (order,), "method1", "leave-one-out", among, tok, case)
        columns.append(column(f"self_bleu{order}", f"S-BLEU-{order}", AS_REAL, 3, sign))
    return columns


def diversity(sentences: Sequence[Sequence[str]]) -> float:
    """Return the share of distinct trigrams: near 0 if a generator repeats itself."""
    trigrams = [tuple(s[i : i + 3]) for s in sentences for i in range(len(s) - 2)]
    return len(set(trigrams)) / len(trigrams) if trigrams else 0.0
