"""Evaluate a run with classes: a row for the samples of each class, and one for its real lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from seqgan_kit import __version__
from seqgan_kit.core.runs.settings import to_dict
from seqgan_kit.evaluation.bleu_scores import bleu_scores
from seqgan_kit.evaluation.conditional.evaluation_pairs import EvaluationPairs
from seqgan_kit.evaluation.corpora.held_out import held_out_nll, likelihood_columns
from seqgan_kit.evaluation.evaluation_settings import EvaluationSettings, Say, some_of
from seqgan_kit.evaluation.score_tables import AS_REAL, Column, column, table_row
from seqgan_kit.evaluation.text_export import TextModel
from seqgan_kit.metrics.signature import Signature
from seqgan_kit.metrics.statistics.divergences import Estimate
from seqgan_kit.metrics.text import ngram_statistics as stats
from seqgan_kit.metrics.text.bleu import DEFAULT_ORDERS, ReferenceSet
from seqgan_kit.metrics.text.language_model import KneserNey
from seqgan_kit.metrics.text.ngram_divergence import NgramShares
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.generators.tempered import tempered

PER_CLASS = 1000
"""Default number of samples of each class."""
_BLEU, _DISTINCT = 4, 2

Scores = dict[str, Estimate]
Sentences = Sequence[Sequence[str]]


class ClassJudge:
    """Assigns a sentence to the class whose Kneser-Ney model gives it the highest probability.

    All classes are equally likely beforehand, and all models share one vocabulary.

    Args:
        training: training sentences by class.
    """

    def __init__(self, training: Mapping[str, Sentences]):
        words = {word for sentences in training.values() for line in sentences for word in line}
        self.classes = list(training)
        self._models = [KneserNey(training[name], 3, vocabulary=words) for name in self.classes]

    def share(self, sentences: Sentences, label: str) -> Estimate:
        """Return the share of the sentences that are assigned to a class."""
        scores = np.stack([model.sentence_log_probs(sentences)[0] for model in self._models])
        hits = scores.argmax(0) == self.classes.index(label)
        share = float(hits.mean())
        return Estimate(share, float(np.sqrt(share * (1 - share) / len(hits))))


def evaluate_classes(
    model: TextModel,
    pairs: EvaluationPairs,
    training: Mapping[str, Sentences],
    settings: EvaluationSettings,
    say: Say,
) -> dict[str, Any]:
    """Return the record: for every class of the test text, a row of samples and one of real lines.

    Args:
        model: a model that is given a class.
        pairs: test lines by class.
        training: training sentences by class, which stand in for samples in the rows of real lines.
        settings: ``sample`` is the number of samples of each class.
        say: called with a line about each long step.
    """
    say("training a language model of each class")
    judge, rows = ClassJudge(training), []
    wanted = settings.sample or PER_CLASS
    for place, label in enumerate(pairs.sources):
        say(f"sampling {wanted:,} lines of {label}")
        test = [model.tokenizer.words(line) for line in pairs.held_out.references[place]]
        references = ReferenceSet(test, max(DEFAULT_ORDERS))
        rng = np.random.default_rng((settings.seed, place))
        peers = some_of(training[label], wanted, rng)
        samples = _samples(model, pairs.held_out.given[place], wanted, settings)
        own = _of_rows(pairs.rows, pairs.held_out.given[place])
        of_samples = _scores(samples[: len(peers)], references) | {
            "own_class": judge.share(samples, label)
        }
        rows.append(table_row(label, of_samples | _likelihood(model, own, settings)))
        of_people = _scores(peers, references) | {"own_class": judge.share(test, label)}
        rows.append({**table_row(f"{label}, real text", of_people), "reference": True})
    columns = _columns(pairs, settings, wanted)
    return {
        "kind": "evaluation",
        "title": f"{wanted:,} samples of each of {len(pairs.sources)} classes ({pairs.name})",
        "columns": [c for c in columns if any(c["key"] in row["values"] for row in rows)],
        "rows": rows,
        "findings": _findings(rows),
        "notes": [
            "A row of samples beside one of as many training lines of the class, both compared with its test "
            "lines; 'as real': closer to real text is better.",
            "Own class: share of the lines that the class's language model (Kneser-Ney on its training "
            "lines) finds likelier than any other class's; for real text, of the test lines.",
        ],
        "settings": to_dict(settings),
        "version": __version__,
    }


def _samples(
    model: TextModel, given: Tensor, n: int, settings: EvaluationSettings
) -> list[list[str]]:
    generator = cast(SequenceGenerator, model.generator)
    tokens = generator.sample(
        n,
        rng=torch.Generator().manual_seed(settings.seed),
        given=given.expand(n, -1),
        temperature=settings.temperature,
        top_k=settings.top_k,
        top_p=settings.top_p,
    )
    lines = [model.tokenizer.decode(row) for row in generator.written(tokens).tolist()]
    return [model.tokenizer.words(line) for line in lines]


def _of_rows(rows: Tensor, given: Tensor) -> Tensor:
    """Return the rows [M,S+T] after one condition [S]."""
    return rows[(rows[:, : len(given)] == given).all(1)]


def _scores(sentences: Sentences, references: ReferenceSet) -> Scores:
    """Return BLEU and Self-BLEU, distinct-n and the length."""
    wanted = {f"bleu{_BLEU}", f"self_bleu{_BLEU}"}
    scores = {k: v for k, v in bleu_scores(sentences, references).items() if k in wanted}
    counts = NgramShares(sentences, (_DISTINCT,)).counts[_DISTINCT]
    if counts:
        scores[f"distinct{_DISTINCT}"] = Estimate(stats.distinct(counts), float("nan"))
    return scores | {"length": stats.mean_length(sentences)}


def _likelihood(model: TextModel, rows: Tensor, settings: EvaluationSettings) -> Scores:
    if len(rows) < 2 or settings.cuts_off:
        return {}
    generator = cast(SequenceGenerator, model.generator)
    judge = generator if settings.temperature == 1 else tempered(generator, settings.temperature)
    return {"nll_test_token": held_out_nll(judge, rows)[0]}


def _columns(pairs: EvaluationPairs, settings: EvaluationSettings, wanted: int) -> list[Column]:
    drawn = f"per-class|temperature:{settings.temperature:g}|seed:{settings.seed}"

    def sign(name: str, **options: Any) -> Signature:
        return Signature(f"{name}|{drawn}", hyps=wanted, **options)

    each = "test lines of the class"
    return [
        likelihood_columns(len(pairs.rows))[0],
        column("own_class", "own class", AS_REAL, 3, sign("own-class|kn3|modified")),
        column(
            "bleu4", "BLEU-4", "higher", 3, sign("bleu", orders=(4,), smooth="method1", refs=each)
        ),
        column(
            "self_bleu4", "S-BLEU-4", AS_REAL, 3, sign("self-bleu", orders=(4,), smooth="method1")
        ),
        column("distinct2", "distinct-2", AS_REAL, 3, sign("distinct", orders=(2,))),
        column("length", "words/line", AS_REAL, 2, sign("length")),
    ]


def _findings(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Name the classes whose samples are taken for others far more often than real lines are."""
    lost = [
        f"{row['name']} ({row['values']['own_class']:.2f}, real {real['values']['own_class']:.2f})"
        for row, real in zip(rows[::2], rows[1::2], strict=True)
        if row["values"]["own_class"] < 0.8 * real["values"]["own_class"]
    ]
    return (
        [f"Class not kept: samples of {', '.join(lost)} read like another class."] if lost else []
    )
