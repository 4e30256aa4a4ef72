"""Evaluate a run that writes after sources: its answers beside all references of each source."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor

from seqgan_kit import __version__
from seqgan_kit.core.runs.settings import to_dict
from seqgan_kit.data.text.tokenizer import Tokenizer
from seqgan_kit.evaluation.conditional.adversarial_success import (
    ReplyEvaluation,
    evaluator_notes,
    reply_columns,
    success_of_decodings,
)
from seqgan_kit.evaluation.conditional.answer_scores import answers, pair_columns
from seqgan_kit.evaluation.conditional.evaluation_pairs import EvaluationPairs
from seqgan_kit.evaluation.corpora.held_out import held_out_nll, likelihood_columns
from seqgan_kit.evaluation.evaluation_settings import EvaluationSettings, Say
from seqgan_kit.evaluation.measure_columns import LINES, MODEL, NGRAMS
from seqgan_kit.evaluation.score_tables import AS_REAL, Column, column, table_row
from seqgan_kit.evaluation.text_export import TextModel
from seqgan_kit.metrics.signature import Signature
from seqgan_kit.metrics.statistics.divergences import Estimate
from seqgan_kit.metrics.statistics.nll import perplexity
from seqgan_kit.metrics.text import ngram_statistics as stats
from seqgan_kit.metrics.text.ngram_divergence import NgramShares
from seqgan_kit.metrics.text.parallel_scores import parallel_scores
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.generators.tempered import tempered

DEFAULT_BEAM = 5
PER_SOURCE = 5
"""Samples of each source, whose variety is measured."""
FEW_SOURCES = 100
"""Number of sources below which corpus scores say little."""
KNOWN, BESIDE, VARIETY, ADVERSARY = (
    "the known task", "beside the references", "samples of one source", "evaluators trained apart"
)  # fmt: skip
_ORDERS = (1, 2)

Scores = dict[str, Estimate]


def evaluate_answers(
    model: TextModel,
    pairs: EvaluationPairs,
    settings: EvaluationSettings,
    say: Say,
    replies: ReplyEvaluation | None = None,
) -> dict[str, Any]:
    """Return the record: rows of greedy answers, of the beam's, of samples and of the references.

    With ``replies`` every row has AdverSuc, and the row of references the checks of its evaluators.
    """
    generator, given = cast(SequenceGenerator, model.generator), pairs.held_out.given
    rows, beams = [], tuple(dict.fromkeys((1, settings.beam or DEFAULT_BEAM)))
    for beam in beams:
        name = f"beam {beam}" if beam > 1 else "greedy"
        say(f"answering {len(given):,} sources: {name}")
        rows.append(
            table_row(name, _scores(answers(model.tokenizer, generator, given, beam), model, pairs))
        )
    say(f"sampling {PER_SOURCE} answers to each of {len(given):,} sources")
    sampled = _samples(model, generator, given, settings)
    of_samples = _scores([lines[0] for lines in sampled], model, pairs) | _variety(sampled)
    if not settings.cuts_off:
        of_samples |= _likelihood(generator, pairs.rows, settings.temperature)
    rows.append(table_row("samples", of_samples))
    of_people = table_row("references", _of_references(model.tokenizer, pairs))
    rows.append({**of_people, "reference": True})
    columns, notes = _columns(pairs, settings), _notes(pairs, settings)
    if replies is not None:
        say("training evaluators for AdverSuc: two for each row")
        how = {name: getattr(settings, name) for name in ("temperature", "top_k", "top_p")}
        _add(rows, success_of_decodings(generator, replies, beams, how))
        columns += [{**entry, "group": ADVERSARY} for entry in reply_columns(replies)]
        notes += evaluator_notes(rows[-1]["values"], rows[-1]["errors"])
    return {
        "kind": "evaluation",
        "title": f"answers to {len(given):,} sources ({pairs.name})",
        "columns": [c for c in columns if any(c["key"] in row["values"] for row in rows)],
        "rows": rows,
        "findings": _findings(rows, len(given)),
        "notes": notes,
        "settings": to_dict(settings),
        "version": __version__,
    }


def _add(rows: Sequence[dict[str, Any]], scores: Sequence[Scores]) -> None:
    """Add scores to rows of the table."""
    for row, of_row in zip(rows, scores, strict=True):
        more = table_row(row["name"], of_row)
        row["values"] |= more["values"]
        row["errors"] |= more["errors"]


def _samples(
    model: TextModel, generator: SequenceGenerator, given: Tensor, settings: EvaluationSettings
) -> list[list[str]]:
    """Return ``PER_SOURCE`` samples of each source."""
    tokens = generator.sample(
        PER_SOURCE * len(given),
        rng=torch.Generator().manual_seed(settings.seed),
        given=given.repeat_interleave(PER_SOURCE, 0),
        temperature=settings.temperature,
        top_k=settings.top_k,
        top_p=settings.top_p,
    )
    lines = [model.tokenizer.decode(row) for row in generator.written(tokens).tolist()]
    return [lines[i : i + PER_SOURCE] for i in range(0, len(lines), PER_SOURCE)]


def _scores(lines: Sequence[str], model: TextModel, pairs: EvaluationPairs) -> Scores:
    """Return the scores of one line for each source."""
    references = pairs.held_out.references
    scores = parallel_scores(lines, references)
    words = model.tokenizer.words
    wanted = sum(sum(len(words(x)) for x in texts) / len(texts) for texts in references)
    ratio = sum(len(words(line)) for line in lines) / wanted
    scores["length_ratio"] = Estimate(ratio, math.nan)
    if pairs.world is not None:
        scores |= pairs.world.line_scores(lines, pairs.sources)
    return scores | _of_lines([words(line) for line in lines])


def _of_lines(sentences: Sequence[Sequence[str]]) -> Scores:
    """Return what lines have without references."""
    shares = NgramShares(sentences, _ORDERS)
    found = {f"distinct{n}": stats.distinct(shares.counts[n]) for n in _ORDERS if shares.counts[n]}
    found["duplicates"] = stats.duplicates(sentences)
    scores = {name: Estimate(value, math.nan) for name, value in found.items()}
    return scores | {"length": stats.mean_length(sentences)}


def _variety(groups: Sequence[Sequence[str]]) -> Scores:
    """Return the variety of several lines of each source.

    Pairwise BLEU is the corpus BLEU of each line with the others of its source as references (Shen et al.
    2019), averaged over the places in the group.
    """
    most = min(map(len, groups))
    pairwise = [
        parallel_scores(
            [group[i] for group in groups],
            [[*group[:i], *group[i + 1 :]] for group in groups],
            ("corpus_bleu",),
            resamples=0,
        )["corpus_bleu"].value
        for i in range(most)
    ]
    different = [len(set(lines)) / len(lines) for lines in groups]
    mean = sum(different) / len(different)
    error = math.sqrt(sum((x - mean) ** 2 for x in different)) / len(different)
    return {
        "pairwise_bleu": Estimate(sum(pairwise) / len(pairwise), math.nan),
        "different": Estimate(mean, error),
    }


def _of_references(tokenizer: Tokenizer, pairs: EvaluationPairs) -> Scores:
    """Return the row of people: the first reference of each source, beside the others where there are any."""
    references = pairs.held_out.references
    scores = _of_lines([tokenizer.words(texts[0]) for texts in references])
    if pairs.world is not None:
        scores |= pairs.world.line_scores([texts[0] for texts in references], pairs.sources)
    if min(map(len, references)) < 2:
        return scores
    beside = parallel_scores([x[0] for x in references], [x[1:] for x in references])
    return scores | beside | _variety([texts[:PER_SOURCE] for texts in references])


def _likelihood(generator: SequenceGenerator, rows: Tensor, temperature: float) -> Scores:
    if len(rows) < 2:
        return {}
    judge = generator if temperature == 1 else tempered(generator, temperature)
    per_token, per_line = held_out_nll(judge, rows)
    scores = {"nll_test_token": per_token, "nll_test": per_line}
    return scores | {"perplexity": perplexity(per_token)}


def _columns(pairs: EvaluationPairs, settings: EvaluationSettings) -> list[Column]:
    n, rows = len(pairs.sources), len(pairs.rows)
    sampled = f"temperature:{settings.temperature:g}|top-k:{settings.top_k}|top-p:{settings.top_p}"
    drawn = f"{sampled}|seed:{settings.seed}"
    how = f"rows:greedy,beam:{settings.beam or DEFAULT_BEAM},sample|{drawn}"

    def sign(name: str, **options: Any) -> Signature:
        return Signature(f"{name}|{how}", hyps=n, **options)

    several = f"{PER_SOURCE}-per-source|{drawn}"
    exact = [] if pairs.world is None else pairs.world.columns(n, rows)
    groups = {
        KNOWN: [c for c in exact if c["key"] in ("validity", "faithfulness")],
        MODEL: [
            *likelihood_columns(rows),
            column("perplexity", "perplexity", "lower", 2, Signature("perplexity|token", refs=rows)),
        ],
        BESIDE: [
            *pair_columns(pairs.held_out, how),
            column("length_ratio", "length ratio", AS_REAL, 3, sign("length-ratio")),
        ],
        LINES: [
            column("duplicates", "duplicates", AS_REAL, 4, sign("duplicates")),
            column("length", "words/line", AS_REAL, 2, sign("length")),
        ],
        NGRAMS: [
            column(f"distinct{k}", f"distinct-{k}", AS_REAL, 3, sign("distinct", orders=(k,)))
            for k in _ORDERS
        ],
        VARIETY: [
            column(key, label, AS_REAL, 3, Signature(f"{key}|{several}", hyps=n))
            for key, label in (("pairwise_bleu", "pairwise BLEU"), ("different", "different"))
        ],
    }  # fmt: skip
    return [{**entry, "group": name} for name, columns in groups.items() for entry in columns]


def _findings(rows: Sequence[dict[str, Any]], sources: int) -> list[str]:
    """Return a sentence for each clear problem of the likeliest answers."""
    best, people = rows[-3]["values"], rows[-1]["values"]
    found = []
    if best["duplicates"] > 0.1 + 2 * people["duplicates"]:
        found.append(
            f"Dull: {best['duplicates']:.0%} of the answers of {rows[-3]['name']} repeat the answer to "
            f"another source; of the references {people['duplicates']:.0%}."
        )
    if not 0.8 < best["length_ratio"] < 1.25:
        what = "Short" if best["length_ratio"] < 1 else "Long"
        found.append(
            f"{what}: the answers of {rows[-3]['name']} have {best['length_ratio']:.2f} times the words of "
            "the references."
        )
    if sources < FEW_SOURCES:
        found.append(f"Few sources: corpus scores of {sources} answers say little.")
    return found


def _notes(pairs: EvaluationPairs, settings: EvaluationSettings) -> list[str]:
    counts = [len(texts) for texts in pairs.held_out.references]
    each = f"{min(counts)}" if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"
    notes = [
        f"Corpus BLEU, chrF and TER (sacrebleu): one answer to each source; references of each: {each}; "
        "'as real': closer to the references is better.",
        f"Samples: seed {settings.seed}, temperature {settings.temperature:g}; the variety is that of "
        f"{PER_SOURCE} samples of each source.",
    ]
    if min(counts) > 1:
        notes.append(
            "References: the first one of each source beside its others, so with one reference less than the "
            "model's rows."
        )
    if pairs.left_out:
        notes.append(
            f"{pairs.left_out:,} references are longer than the model's rows: they count in every score but "
            "the likelihood."
        )
    return notes
