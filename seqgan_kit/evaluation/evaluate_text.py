"""Evaluation of text: one record of scores, with real text beside them and findings."""

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
_NO_WORDS = "Scores of text are left out, because the tokens are numbers, not words."


def evaluate_sentences(
    samples: Sentences, text: RealText, settings: EvaluationSettings, say: Say
) -> dict[str, Any]:
    """Return the record of samples given as lists of words; ``settings.sample`` selects a random part.

    Args:
        samples: samples as lists of words.
        text: real text to compare with.
        settings: options.
        say: called with a line about each long step.
    """
    if settings.sample is not None and settings.sample > len(samples):
        raise DataError(
            f"--sample {settings.sample}: there are only {len(samples)} samples; give a smaller "
            "number."
        )
    if len(samples) < 2:
        raise DataError("one sample is too few for scores of variety: give at least 2 samples.")
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
    """Return rows of samples and of real text in the form of scores.json, with findings.

    Args:
        measures: measures to compute.
        samples: samples as lists of words.
        of_model: further scores of the samples, such as likelihoods and exact measures.
        of_world: the same scores of the world itself, for the real row.
        model_columns: columns of these scores.
        notes: notes for the reader.
        has_words: whether the tokens are words; numbers get only the further scores.
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
    """Return notes on the source of the real row and on scores left out for lack of text."""
    text = measures.text
    notes = ["± is the standard error; 'as real': closer to real text is better."]
    enough = len(text.held_out) >= count or not text.train
    peers, source = (text.held_out, "held-out") if enough else (text.train, "training")
    used = min(count, len(peers))
    if used:
        notes.append(f"Real text: {used:,} {source} sentences instead of samples. {_unseen(text)}")
    if (compared := measures.compared_alone(count)) < count:
        more = ", JS, MS-Jaccard, n-grams in test, reverse LM and features" if used else ""
        notes.append(
            f"Self-BLEU, duplicates and distinct-n{more} depend on the number of sentences, so "
            f"they use {compared:,} of the {count:,} samples, as many as there are real "
            "sentences."
        )
    if not used:
        notes.append(
            "Real text: the test text itself, only for scores that need no second text. With "
            "--train or --held-out all scores have a value for real text."
        )
    if not text.train:
        notes.append(
            "Without --train FILE there are no language models, copies, unknown words or own "
            "encoder."
        )
    return notes


def _unseen(text: RealText) -> str:
    if not text.train:
        return ""
    who = "held-out sentences" if text.held_out else "a random tenth of it, compared with the rest"
    return (
        f"LM score, copies and unknown words use the training text; their real sentences are {who}."
    )


def _errors(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return standard errors of the differences between two rows."""
    own, other = (_finite(row["errors"]) for row in rows)
    return {name: math.hypot(own[name], other[name]) for name in own.keys() & other.keys()}


def _finite(values: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in values.items() if math.isfinite(value)}
