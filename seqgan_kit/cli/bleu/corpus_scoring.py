"""``bleu --mode corpus``: sacrebleu's scores against parallel references."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from seqgan_kit.cli.bleu.score_inputs import (
    check_equally_long,
    hypothesis_sources,
    note_empty_lines,
    resampling,
    sampled,
    signed,
)
from seqgan_kit.cli.bleu.score_output import Compared, Scored
from seqgan_kit.cli.user_files import TOKENIZERS as SENTENCE_TOKENIZERS
from seqgan_kit.cli.user_files import read_lines
from seqgan_kit.errors import UsageError, unknown
from seqgan_kit.metrics.signature import Signature
from seqgan_kit.metrics.statistics.bootstrap import bootstrap_interval, paired_difference
from seqgan_kit.metrics.text.corpus_bleu import (
    DEFAULT_ORDER,
    DEFAULT_TOKENIZER,
    SMOOTHING,
    TOKENIZERS,
    CorpusScore,
    corpus_bleu,
    line_counts,
    score_of_counts,
)


def score_corpus(options: argparse.Namespace) -> Scored | Compared:
    """Compute corpus BLEU of one text, or of two texts and their difference."""
    settings = {"tokenizer": _tokenizer(options), "lowercase": options.lowercase}
    sources = hypothesis_sources(options)
    texts = [_read(source) for source in [*sources, *options.refs]]
    check_equally_long(
        [*sources, *options.refs],
        [len(text) for text in texts],
        "in corpus mode line i of every file belongs to line i of the others "
        "(--mode sentence scores each line against a whole set).",
    )
    total = len(texts[0])
    texts = [sampled(text, options) for text in texts]
    hypotheses, streams = texts[: len(sources)], texts[len(sources) :]
    orders = options.orders or [DEFAULT_ORDER]
    found = [{n: corpus_bleu(h, streams, n, **settings) for n in orders} for h in hypotheses]
    values = [{n: score.value for n, score in scores.items()} for scores in found]
    signature = _signature(options, len(streams), len(texts[0]), total)
    if len(hypotheses) == 1:
        return _scored(hypotheses[0], streams, found[0], signature, options, settings)
    differences = {}
    for n in orders:
        first, second = (line_counts(h, streams, n, **settings) for h in hypotheses)
        differences[n] = paired_difference(
            first,
            second,
            resampling(options),
            statistic=score_of_counts(n),
            resamples=options.resamples,
        )
    details = {"sacrebleu": found[0][orders[0]].signature}
    return Compared(
        signature, (sources[0], sources[1]), (values[0], values[1]), differences, details
    )


def _scored(
    hypotheses: Sequence[str],
    streams: Sequence[Sequence[str]],
    found: dict[int, CorpusScore],
    signature: Signature,
    options: argparse.Namespace,
    settings: dict[str, Any],
) -> Scored:
    intervals = {}
    for n in found if options.confidence else ():
        intervals[n] = bootstrap_interval(
            line_counts(hypotheses, streams, n, **settings),
            resampling(options),
            statistic=score_of_counts(n),
            resamples=options.resamples,
        )
    longest = found[max(found)]
    details = {
        "precisions": list(longest.precisions),
        "brevity_penalty": longest.brevity_penalty,
        "hypothesis_tokens": longest.hypothesis_tokens,
        "reference_tokens": longest.reference_tokens,
        "sacrebleu": longest.signature,
    }
    precisions = "/".join(f"{precision:.1f}" for precision in longest.precisions)
    notes = (
        f"precisions {precisions}, brevity penalty {longest.brevity_penalty:.3f}, "
        f"{longest.hypothesis_tokens} tokens against {longest.reference_tokens}",
        f"sacrebleu: {longest.signature}",
    )
    values = {n: score.value for n, score in found.items()}
    return Scored(signature, values, intervals, details, notes)


def _read(source: str) -> list[str]:
    lines = read_lines(source)
    note_empty_lines(source, sum(not line.strip() for line in lines), len(lines))
    return lines


def _tokenizer(options: argparse.Namespace) -> str:
    tokenizer = options.tok or DEFAULT_TOKENIZER
    if tokenizer in SENTENCE_TOKENIZERS and tokenizer not in TOKENIZERS:
        raise UsageError(
            f"--tok {tokenizer}: corpus mode takes sacrebleu's tokenizers "
            f"{', '.join(TOKENIZERS)}; use 'none' for {tokenizer!r} of sentence mode."
        )
    if tokenizer not in TOKENIZERS:
        raise unknown("tokenizer of corpus mode", tokenizer, TOKENIZERS)
    return str(tokenizer)


def _signature(options: argparse.Namespace, streams: int, hyps: int, total: int) -> Signature:
    signature = Signature(
        "corpus-bleu",
        orders=tuple(options.orders or [DEFAULT_ORDER]),
        smooth=SMOOTHING,
        refs=f"{streams}x{hyps}",
        hyps=hyps,
        tok=_tokenizer(options),
        case="lower" if options.lowercase else "mixed",
    )
    return signed(signature, options, total)
