"""Corpus BLEU as in machine translation, computed by sacrebleu.

For conditional generation: hypothesis i answers the same input as reference i of every stream, and
the counts of all lines are added up before the precisions are taken (Papineni et al. 2002; Post
2018). The text-GAN score, each line against all references, is ``seqgan_kit.metrics.text.bleu``.

sacrebleu reads references as *streams*, ``streams[k][i]`` = reference k of line i, and silently cuts all to
the shortest, so transposed references give a wrong number. Here they are an error.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from seqgan_kit.errors import DataError, UsageError, unknown
from seqgan_kit.metrics.statistics.bootstrap import Floats, Statistic

if TYPE_CHECKING:
    from sacrebleu.metrics import BLEU

TOKENIZERS = ("13a", "intl", "char", "zh", "none")
DEFAULT_TOKENIZER = "13a"
DEFAULT_ORDER = 4  # The usual order, as in sacrebleu.
SMOOTHING = "exp"  # sacrebleu's default


@dataclass(frozen=True)
class CorpusScore:
    """Corpus BLEU, from 0 to 100, with its parts."""

    value: float
    """The score."""
    precisions: tuple[float, ...]
    """Smoothed n-gram precisions in percent, from order 1."""
    brevity_penalty: float
    """exp(1 - ratio) if the hypotheses are shorter, else 1."""
    hypothesis_tokens: int
    """Length of all hypotheses."""
    reference_tokens: int
    """Length of the nearest references of all lines."""
    signature: str
    """Signature of sacrebleu, which does not include the order."""


def corpus_bleu(
    hypotheses: Sequence[str],
    streams: Sequence[Sequence[str]],
    order: int = DEFAULT_ORDER,
    *,
    tokenizer: str = DEFAULT_TOKENIZER,
    lowercase: bool = False,
) -> CorpusScore:
    """Compute BLEU of lines of text against parallel references.

    Args:
        hypotheses: N lines.
        streams: one or more lists of N references; ``streams[k][i]`` belongs to ``hypotheses[i]``.
        order: maximum n-gram order.
        tokenizer: one of ``TOKENIZERS``; ``none`` splits at white space.
        lowercase: whether to ignore case.
    """
    metric = _metric(order, tokenizer, lowercase)
    check_streams(hypotheses, streams)
    score = metric.corpus_score(hypotheses, streams)
    _refuse_transposed(metric, hypotheses, streams, score.score)
    return CorpusScore(
        score.score,
        tuple(score.precisions),
        score.bp,
        score.sys_len,
        score.ref_len,
        f"BLEU|{metric.get_signature()}",
    )


def line_counts(
    hypotheses: Sequence[str],
    streams: Sequence[Sequence[str]],
    order: int = DEFAULT_ORDER,
    *,
    tokenizer: str = DEFAULT_TOKENIZER,
    lowercase: bool = False,
) -> Floats:
    """Return counts [N, 2 + 2 order] of each line: its length, the reference length, matches and n-grams
    per order.

    ``score_of_counts`` computes corpus BLEU from their sums, so lines can be resampled.
    """
    metric = _metric(order, tokenizer, lowercase)
    metric.effective_order = True  # This changes no count and avoids a warning of sacrebleu.
    check_streams(hypotheses, streams)
    lines = zip(hypotheses, zip(*streams, strict=True), strict=True)
    scores = [metric.sentence_score(line, references) for line, references in lines]
    return np.array([[s.sys_len, s.ref_len, *s.counts, *s.totals] for s in scores], float)


def score_of_counts(order: int = DEFAULT_ORDER) -> Statistic:
    """Return a function from summed ``line_counts`` [R, 2 + 2 order] to corpus BLEU [R]."""
    from sacrebleu.metrics import BLEU

    def score(sums: Floats) -> Floats:
        return np.array(
            [
                BLEU.compute_bleu(
                    list(row[2 : 2 + order]),
                    list(row[2 + order :]),
                    int(row[0]),
                    int(row[1]),
                    smooth_method=SMOOTHING,
                    max_ngram_order=order,
                ).score
                for row in sums.tolist()
            ]
        )

    return score


def check_streams(hypotheses: Sequence[str], streams: Sequence[Sequence[str]]) -> None:
    """Refuse references that are not parallel to the hypotheses."""
    if isinstance(hypotheses, str) or isinstance(streams, str):
        raise UsageError("corpus BLEU takes a list of lines and a list of lists of references.")
    if not hypotheses:
        raise DataError("corpus BLEU needs at least one hypothesis: none was given.")
    if not streams:
        raise DataError("corpus BLEU needs at least one list of references; none was given.")
    if any(isinstance(stream, str) for stream in streams):
        raise UsageError(
            "references is a list of lines; give a list of such lists, one per set of references: "
            "[references]."
        )
    lengths = [len(stream) for stream in streams]
    wrong = next((k for k, n in enumerate(lengths) if n != len(hypotheses)), None)
    if wrong is None:
        return
    if len(streams) == len(hypotheses) and len(set(lengths)) == 1:
        raise DataError(_TRANSPOSED.format(n=len(hypotheses), k=lengths[0]))
    raise DataError(
        f"reference list {wrong + 1} has {lengths[wrong]} lines and there are {len(hypotheses)} "
        "hypotheses: corpus BLEU needs line i of every list to be a reference of hypothesis i."
    )


_TRANSPOSED = (
    "the references look transposed: {n} lists of {k} for {n} hypotheses. Give one list per set of "
    "references, each with a line per hypothesis: list(zip(*references))."
)


def _refuse_transposed(
    metric: BLEU, hypotheses: Sequence[str], streams: Sequence[Sequence[str]], value: float
) -> None:
    """Refuse transposed references: with as many lists as lines, the given reading must fit better."""
    n = len(hypotheses)
    if 1 < n == len(streams):
        turned = metric.corpus_score(
            hypotheses, [list(line) for line in zip(*streams, strict=True)]
        )
        if turned.score > value and not math.isclose(turned.score, value):
            raise DataError(_TRANSPOSED.format(n=n, k=n))


def _metric(order: int, tokenizer: str, lowercase: bool) -> BLEU:
    if order < 1:
        raise UsageError(f"the n-gram order must be a whole number of 1 or more, got {order}.")
    if tokenizer not in TOKENIZERS:
        raise unknown("tokenizer of corpus BLEU", tokenizer, TOKENIZERS)
    from sacrebleu.metrics import BLEU

    return BLEU(
        tokenize=tokenizer,
        lowercase=lowercase,
        max_ngram_order=order,
        smooth_method=SMOOTHING,
        force=True,  # Avoid a warning on lines that end in " .", because generators write tokens.
    )
