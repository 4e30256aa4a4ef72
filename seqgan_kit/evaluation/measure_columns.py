"""Columns of an evaluation: label, better direction and signature of every score."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from seqgan_kit.evaluation.bleu_scores import bleu_columns
from seqgan_kit.evaluation.encoders.feature_scores import MAUVE
from seqgan_kit.evaluation.score_tables import AS_REAL, Column, column
from seqgan_kit.evaluation.text_measures import (
    NGRAM_ORDERS,
    REPETITION_ORDER,
    TextMeasures,
)
from seqgan_kit.metrics.features.mauve import default_clusters, mauve_signature
from seqgan_kit.metrics.signature import Signature
from seqgan_kit.metrics.text.language_model import DEFAULT_ORDER

MEANING = "what the lines mean"
MODEL, TEXT, JUDGED, NGRAMS, LINES, FEATURES = (
    "the model itself", "beside the test text", "language models", "n-grams", "sentences", "features"
)  # fmt: skip
"""Names of the groups of columns."""
_JUDGES = {"kneser-ney": f"kn{DEFAULT_ORDER}|modified", "lstm": "lstm", "none": ""}
_WORDS = {"kneser-ney": "train+unk", "lstm": "train-min2+unk", "none": ""}


Sign = Callable[..., Signature]


def measure_columns(measures: TextMeasures, samples: int) -> list[Column]:
    """Return all columns that samples can have with this text, in the order of the table."""
    text, compared = measures.text, measures.compared(samples)
    sign = partial(Signature, hyps=samples, tok=text.tok, case=text.case)
    of_part, alone = partial(sign, hyps=compared), measures.compared_alone(samples)
    groups = {
        TEXT: bleu_columns(samples, len(text.test), text.tok, text.case, alone),
        JUDGED: _judged_columns(sign, of_part, measures),
        NGRAMS: _ngram_columns(of_part, partial(sign, hyps=alone), len(text.test)),
        LINES: _line_columns(sign, partial(sign, hyps=alone), of_part, measures),
        FEATURES: _feature_columns(measures, compared),
    }
    return [{**entry, "group": name} for name, columns in groups.items() for entry in columns]


def _judged_columns(sign: Sign, of_part: Sign, measures: TextMeasures) -> list[Column]:
    text, kind = measures.text, measures.settings.lm
    forward = sign(f"lm|{_JUDGES[kind]}|vocab:{_WORDS[kind]}", refs=len(text.train))
    reverse = of_part(f"reverse-lm|{_JUDGES[kind]}|vocab:train+test+unk", refs=len(text.test))
    return [
        column("lm_token", "LM score/token", AS_REAL, 3, forward),
        column("reverse_lm_token", "reverse LM/token", "lower", 3, reverse),
        column("lm_sentence", "LM score/sentence", AS_REAL, 2, forward),
        column("reverse_lm_sentence", "reverse LM/sentence", "lower", 2, reverse),
    ]


def _ngram_columns(sign: Sign, alone: Sign, refs: int) -> list[Column]:
    shared = sign("ms-jaccard", NGRAM_ORDERS, refs=refs)
    longer = NGRAM_ORDERS[1:]
    return [
        *(
            column(f"js{n}", f"JS-{n} (bits)", "lower", 4, sign("js", (n,), refs=refs))
            for n in NGRAM_ORDERS
        ),
        column("ms_jaccard", f"MS-Jaccard-{max(NGRAM_ORDERS)}", "higher", 3, shared),
        *(
            column(f"known{n}", f"{n}-grams in test", AS_REAL, 3, sign("known", (n,), refs=refs))
            for n in longer
        ),
        *(
            column(f"distinct{n}", f"distinct-{n}", AS_REAL, 3, alone("distinct", (n,)))
            for n in longer
        ),
    ]


def _line_columns(sign: Sign, alone: Sign, of_part: Sign, measures: TextMeasures) -> list[Column]:
    refs, train = len(measures.text.test), len(measures.text.train)
    repeated = sign("repetition", (REPETITION_ORDER,))
    return [
        column("copies", "copies from train", AS_REAL, 4, sign("copies", refs=train)),
        column("duplicates", "duplicates", AS_REAL, 4, alone("duplicates")),
        column("repetition", "repetition", AS_REAL, 4, repeated),
        column("unknown", "unknown words", AS_REAL, 4, sign("unknown", refs=train)),
        column("length", "tokens per sentence", AS_REAL, 2, sign("length")),
        column("length_sd", "their deviation", AS_REAL, 2, sign("length-sd")),
        column("length_tv", "length TV", "lower", 3, of_part("length-tv", refs=refs)),
    ]


def _feature_columns(measures: TextMeasures, samples: int) -> list[Column]:
    if measures.settings.encoder == "none":
        return []
    compared = measures.features_compared(samples)
    name = measures.encoder.name if measures.encoder else ""

    def made(label: str, metric: str, better: str, key: str, digits: int = 3) -> Column:
        sign = Signature(
            f"{metric}|{name}", None, None, compared, compared, measures.text.tok, measures.text.case,
            seed=measures.settings.seed,
        )  # fmt: skip
        return column(key, label, better, digits, sign)

    mauve = mauve_signature(MAUVE, MAUVE.clusters or default_clusters(compared))
    return [
        made("FED", "frechet", "lower", "fed", 2),
        made("MAUVE", mauve, "higher", "mauve"),
        made("precision", "precision|k:3", AS_REAL, "precision"),
        made("recall", "recall|k:3", AS_REAL, "recall"),
        made("density", "density|k:5", AS_REAL, "density"),
        made("coverage", "coverage|k:5", "higher", "coverage_knn"),
        made("two-sample accuracy", "two-sample|logistic", "lower", "two_sample"),
    ]
