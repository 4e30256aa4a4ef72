"""Corpus BLEU, chrF and TER of answers against all references of their sources, by sacrebleu.

BLEU (Papineni et al. 2002) and chrF (Popovic 2015) are similarities from 0 to 100. TER (Snover et al. 2006)
is the number of edits, moves of phrases included, per hundred words of the references: lower is better, and
it may exceed 100. A source may have more references than another; none is repeated.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from seqgan_kit.metrics.text.corpus_bleu import check_streams

References = Sequence[Sequence[str]]
"""The references of each answer, one or more."""

SCORES = {
    "corpus_bleu": ("corpus BLEU", "higher"),
    "chrf": ("chrF", "higher"),
    "ter": ("TER", "lower"),
}
"""Label and better direction of each score."""


def parallel_scores(
    answers: Sequence[str], references: References, names: Sequence[str] = tuple(SCORES)
) -> dict[str, float]:
    """Return the scores of N answers against the references of each."""
    longest = max(map(len, references), default=0)
    padded = [[*texts, *[None] * (longest - len(texts))] for texts in references]
    streams = cast(list[list[str]], [list(stream) for stream in zip(*padded, strict=True)])
    check_streams(answers, streams)
    metrics = _metrics()
    return {name: metrics[name].corpus_score(answers, streams).score for name in names}


def parallel_signatures(references: References) -> dict[str, str]:
    """Return sacrebleu's signature of each score."""
    counts = {len(texts) for texts in references}
    signatures = {}
    for name, metric in _metrics().items():
        metric.num_refs = min(counts) if len(counts) == 1 else -1  # sacrebleu's "var"
        signatures[name] = f"{name}|{metric.get_signature()}"
    return signatures


def _metrics() -> dict[str, Any]:
    from sacrebleu.metrics import BLEU, CHRF, TER

    # Generators write tokens, so lines end in " .", of which sacrebleu would warn.
    return {"corpus_bleu": BLEU(force=True), "chrf": CHRF(), "ter": TER()}
