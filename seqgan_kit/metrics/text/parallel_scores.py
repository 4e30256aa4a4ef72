"""Corpus BLEU, chrF and TER of answers against all references of their sources, by sacrebleu.

BLEU (Papineni et al. 2002) and chrF (Popovic 2015) are similarities from 0 to 100. TER (Snover et al. 2006)
is the number of edits, moves of phrases included, per hundred words of the references: lower is better, and
it may exceed 100. A source may have more references than another; none is repeated.

None is a mean over sentences. Their standard errors come from resampled sentences (Koehn 2004): the interval
of 95 % of the scores of resamples has the width of 3.92 standard errors.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from seqgan_kit.metrics.statistics.bootstrap import DEFAULT_RESAMPLES, Floats, bootstrap_interval
from seqgan_kit.metrics.statistics.divergences import Estimate
from seqgan_kit.metrics.text.corpus_bleu import check_streams

References = Sequence[Sequence[str]]
"""The references of each answer, one or more."""

SCORES = {
    "corpus_bleu": ("corpus BLEU", "higher"),
    "chrf": ("chrF", "higher"),
    "ter": ("TER", "lower"),
}
"""Label and better direction of each score."""

_WIDTH = 2 * 1.96  # Interval of 95 % of a normal distribution, in standard deviations.
_SEED = 12345  # sacrebleu's


def parallel_scores(
    answers: Sequence[str],
    references: References,
    names: Sequence[str] = tuple(SCORES),
    *,
    resamples: int = DEFAULT_RESAMPLES,
) -> dict[str, Estimate]:
    """Return the scores of N answers against the references of each.

    Args:
        answers: N lines.
        references: one or more references of each.
        names: scores, of those in ``SCORES``.
        resamples: bootstrap samples for the standard errors, which are NaN with none and for a single line.
    """
    longest = max(map(len, references), default=0)
    padded = [[*texts, *[None] * (longest - len(texts))] for texts in references]
    streams = cast(list[list[str]], [list(stream) for stream in zip(*padded, strict=True)])
    check_streams(answers, streams)
    metrics = _metrics()
    return {name: _estimate(metrics[name], answers, streams, resamples) for name in names}


def _estimate(
    metric: Any, answers: Sequence[str], streams: Sequence[Sequence[str]], resamples: int
) -> Estimate:
    value = metric.corpus_score(answers, streams).score
    if not resamples or len(answers) < 2:
        return Estimate(value, math.nan)

    def score(sums: Floats) -> Floats:
        return np.array([metric._compute_score_from_stats(row).score for row in sums.tolist()])

    # Not sacrebleu's own resampling, which fails where a resample has no match.
    counts = np.array(metric._extract_corpus_statistics(answers, streams), float)
    rng = np.random.default_rng(_SEED)
    found = bootstrap_interval(counts, rng, statistic=score, resamples=resamples)
    return Estimate(value, (found.high - found.low) / _WIDTH)


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
