"""The whole evaluation of a text: one record of scores, real text beside them, and what they mean."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from seqgan_kit import __version__
from seqgan_kit.core.runs.settings import to_dict
from seqgan_kit.errors import DataError
from seqgan_kit.evaluation.evaluation_settings import (
    EvaluationSettings,
    RealText,
    Say,
    Sentences,
    some_of,
)
from seqgan_kit.evaluation.measure_columns import measure_columns
from seqgan_kit.evaluation.score_tables import Column, table_row
from seqgan_kit.evaluation.text_measures import Scores, TextMeasures
from seqgan_kit.metrics.text.findings import findings

REAL = "real text"
SAMPLES = "samples"
_NO_WORDS = "The tokens are numbers, not words: scores of text are left out."


def evaluate_sentences(
    samples: Sentences, text: RealText, settings: EvaluationSettings, say: Say
) -> dict[str, Any]:
    """The record of samples as lists of words; with ``settings.sample`` of a random part of them.

    Args:
        samples: what is evaluated.
        text: the real text beside it.
        settings: the options.
        say: told what takes long.
    """
    if settings.sample is not None and settings.sample > len(samples):
        raise DataError(
            f"{settings.sample} samples were asked for, but there are {len(samples)}: give fewer."
        )
    if len(samples) < 2:
        raise DataError("at least 2 samples are needed; variety is not that of one sentence.")
    drawn = samples
    notes = []
    if settings.sample is not None:
        drawn = some_of(samples, settings.sample, np.random.default_rng((settings.seed, 0)))
        notes.append(
            f"{len(drawn):,} of {len(samples):,} samples, drawn with seed {settings.seed}."
        )
    return evaluation_record(TextMeasures(text, settings, say), drawn, {}, {}, (), notes)


def evaluation_record(
    measures: TextMeasures,
    samples: Sentences,
    of_model: Scores,
    of_world: Scores,
    model_columns: Sequence[Column],
    notes: Sequence[str],
    *,
    has_words: bool = True,
) -> dict[str, Any]:
    """Rows of samples and of real text in the form of scores.json, with findings.

    Args:
        measures: what to measure.
        samples: as lists of words.
        of_model: further scores of the samples' row: likelihoods, exact measures.
        of_world: the same of the world itself, for the real row.
        model_columns: columns of these.
        notes: what a reader must know.
        has_words: whether its tokens are words; of mere numbers there are the further scores alone.
    """
    count = len(samples)
    rows = [
        table_row(SAMPLES, of_model | (measures.of_samples(samples) if has_words else {})),
        table_row(REAL, of_world | (measures.of_real_text(count) if has_words else {})),
    ]
    columns = [*model_columns, *(measure_columns(measures, count) if has_words else [])]
    values = [row["values"] for row in rows]
    return {
        "kind": "evaluation",
        "title": f"{count:,} samples and real text",
        "columns": [c for c in columns if any(c["key"] in v for v in values)],
        "rows": rows,
        "findings": findings(_finite(values[0]), _finite(values[1]), count, _errors(rows)),
        "notes": [*notes, *(_notes(measures, count) if has_words else [_NO_WORDS])],
        "settings": to_dict(measures.settings),
        "version": __version__,
    }


def _notes(measures: TextMeasures, count: int) -> list[str]:
    """Who stands in the real row, and what was left out for want of text."""
    text = measures.text
    notes = ["± is the standard error; 'as real': the nearer to real text the better."]
    enough = len(text.held_out) >= count or not text.train
    peers, source = (text.held_out, "held-out") if enough else (text.train, "training")
    used = min(count, len(peers))
    if used:
        notes.append(
            f"Real text: {used:,} {source} sentences in the samples' place. {_unseen(text)}"
        )
    if (compared := measures.compared_alone(count)) < count:
        more = ", JS, MS-Jaccard, n-grams in test, reverse LM and features" if used else ""
        notes.append(
            f"Self-BLEU, duplicates and distinct-n{more} depend on the number of sentences: they are "
            f"computed from {compared:,} of the {count:,} samples, as many as there are real sentences."
        )
    if not used:
        notes.append(
            "Real text: the test text itself, and only for what a text has alone; with --train or --held-out "
            "real sentences take the samples' place in all scores."
        )
    if not text.train:
        notes.append(
            "Without --train FILE: no language models, copies, unknown words or own encoder."
        )
    return notes


def _unseen(text: RealText) -> str:
    if not text.train:
        return ""
    who = "held-out sentences" if text.held_out else "a random tenth of it, beside the rest"
    return f"LM score, copies and unknown words are beside the training text; the real ones: {who}."


def _errors(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Standard errors of the differences between two rows."""
    own, other = (_finite(row["errors"]) for row in rows)
    return {name: math.hypot(own[name], other[name]) for name in own.keys() & other.keys()}


def _finite(values: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in values.items() if math.isfinite(value)}
