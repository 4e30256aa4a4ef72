"""Sentence BLEU and Self-BLEU of the texts that the options name."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from seqgan_kit.cli.bleu.score_inputs import (
    check_equally_long,
    hypothesis_sources,
    note_empty_lines,
    resampling,
    sampled,
    signed,
)
from seqgan_kit.cli.bleu.score_output import Compared, Scored
from seqgan_kit.cli.user_files import TOKENIZERS, read_sentences
from seqgan_kit.errors import DataError, UsageError, unknown
from seqgan_kit.metrics.signature import Signature
from seqgan_kit.metrics.statistics.bootstrap import bootstrap_interval, paired_difference
from seqgan_kit.metrics.text.bleu import (
    DEFAULT_ORDERS,
    ReferenceSet,
    Scores,
    means,
    self_sentence_scores,
    sentence_scores,
)
from seqgan_kit.metrics.text.corpus_bleu import TOKENIZERS as SACREBLEU_TOKENIZERS


def score_self(options: argparse.Namespace) -> Scored:
    """Compute Self-BLEU of a text."""
    (source,) = hypothesis_sources(options)
    sentences = _read(source, options)
    total = len(sentences)
    sentences = sampled(sentences, options)
    if len(sentences) < 2:
        raise DataError(
            "Self-BLEU compares lines with each other: give a file of at least 2 lines, and "
            "--sample 2 or more."
        )
    scores = self_sentence_scores(sentences, _orders(options))
    signature = _signature("self-bleu", options, "leave-one-out", len(sentences), total)
    return _with_intervals(scores, signature, options)


def score_sentences(options: argparse.Namespace) -> Scored | Compared:
    """Compute BLEU of a text against all references, or of two texts and their difference."""
    sources = hypothesis_sources(options)
    texts = [_read(source, options) for source in sources]
    references = [sentence for path in options.refs for sentence in _read(path, options)]
    check_equally_long(sources, [len(text) for text in texts], "a comparison pairs line with line.")
    table = ReferenceSet(references, max(_orders(options)))
    scores = [sentence_scores(sampled(text, options), table, _orders(options)) for text in texts]
    hyps = options.sample or len(texts[0])
    signature = _signature("bleu", options, len(references), hyps, len(texts[0]))
    if len(texts) == 1:
        return _with_intervals(scores[0], signature, options)
    first, second = scores
    differences = {
        order: paired_difference(
            first[order], second[order], resampling(options), resamples=options.resamples
        )
        for order in first
    }
    return Compared(signature, (sources[0], sources[1]), (means(first), means(second)), differences)


def _with_intervals(scores: Scores, signature: Signature, options: argparse.Namespace) -> Scored:
    if not options.confidence:
        return Scored(signature, means(scores))
    intervals = {
        order: bootstrap_interval(values, resampling(options), resamples=options.resamples)
        for order, values in scores.items()
    }
    return Scored(signature, means(scores), intervals)


def _read(source: str, options: argparse.Namespace) -> list[list[str]]:
    tokenizer = options.tok or "space"
    if tokenizer in SACREBLEU_TOKENIZERS and tokenizer not in TOKENIZERS:
        raise UsageError(f"--tok {tokenizer} is a tokenizer of sacrebleu: add --mode corpus.")
    if tokenizer not in TOKENIZERS:
        raise unknown("tokenizer", tokenizer, TOKENIZERS)
    sentences = read_sentences(source, tokenizer, lowercase=options.lowercase)
    note_empty_lines(source, sum(not sentence for sentence in sentences), len(sentences))
    return sentences


def _orders(options: argparse.Namespace) -> Sequence[int]:
    return options.orders or DEFAULT_ORDERS


def _signature(
    metric: str, options: argparse.Namespace, refs: int | str, hyps: int, total: int
) -> Signature:
    signature = Signature(
        metric,
        orders=tuple(_orders(options)),
        smooth="method1",
        refs=refs,
        hyps=hyps,
        tok=options.tok or "space",
        case="lower" if options.lowercase else "mixed",
    )
    return signed(signature, options, total)
