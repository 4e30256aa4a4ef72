"""Evaluation of a trained run: its samples, its texts, and likelihoods of its model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from seqgan_kit.core.runs.log import settings_of
from seqgan_kit.core.runs.settings import merged
from seqgan_kit.data.text.encoding import pad_rows
from seqgan_kit.data.text.load_text import TextCorpus, TextData
from seqgan_kit.data.text.notations import NOTATIONS
from seqgan_kit.errors import CheckpointError, DataError, UsageError
from seqgan_kit.evaluation.conditional.adversarial_success import (
    ReplyEvaluation,
    reply_evaluation,
)
from seqgan_kit.evaluation.conditional.evaluate_answers import evaluate_answers
from seqgan_kit.evaluation.conditional.evaluate_classes import evaluate_classes
from seqgan_kit.evaluation.conditional.evaluation_pairs import evaluation_pairs
from seqgan_kit.evaluation.corpora.held_out import likelihood_columns, likelihood_of_test
from seqgan_kit.evaluation.corpora.known_worlds import World, sampling_seed
from seqgan_kit.evaluation.corpora.recipe_corpus import OracleData, PairData, load_corpus
from seqgan_kit.evaluation.evaluate_text import evaluation_record
from seqgan_kit.evaluation.evaluation_settings import EvaluationSettings, RealText, Say
from seqgan_kit.evaluation.measure_columns import MEANING, MODEL
from seqgan_kit.evaluation.score_tables import Column, column
from seqgan_kit.evaluation.text_export import TextModel, load_text_model
from seqgan_kit.evaluation.text_measures import Scores, TextMeasures
from seqgan_kit.evaluation.text_scores import TextScorer, TextScoreSettings
from seqgan_kit.metrics.signature import Signature
from seqgan_kit.metrics.statistics.nll import perplexity
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.generators.tempered import tempered

DRAWS = 5000
"""Default number of samples of a run."""


@dataclass(frozen=True)
class GivenText:
    """Text from the user that replaces the run's own."""

    test_lines: Sequence[str] | None = None
    train_lines: Sequence[str] | None = None


def evaluate_run(
    run_dir: Path, settings: EvaluationSettings, given: GivenText, say: Say
) -> dict[str, Any]:
    """Return the record of a run; see :func:`seqgan_kit.evaluation.evaluate_text.evaluation_record`."""
    model = load_text_model(run_dir)
    if getattr(model.generator, "fills_blanks", False):
        raise UsageError(
            f"{run_dir} fills the blanks of a text, which has no other sources to be scored by: its scores "
            "are in scores.json, and `--resume` of its recipe computes them again."
        )
    if getattr(model.generator, "given", 0):
        return _evaluate_conditional(run_dir, model, settings, given, say)
    asked = settings.beam, settings.test_text, settings.test_sources, settings.adversary_sources
    if asked != (None, None, None, 0):
        raise UsageError(
            f"{run_dir} writes without a source, so --beam, --test-text, --test-sources and "
            "--adversary-sources do not apply: name a test text with --refs."
        )
    corpus, world = corpus_of_run(run_dir, model, given)
    if not isinstance(model.generator, SequenceGenerator):
        world = None  # The rows are beginnings of lines, but the world's distribution is over whole lines.
    count = settings.sample or DRAWS
    say(f"sampling {count:,} sentences")
    tokens = _draw(model, settings, count, sampling_seed(world, settings.seed))
    scorer = TextScorer(corpus, world, TextScoreSettings(score_samples=count))
    scorer.measures.check(())
    judged = _with_likelihood(model, settings)
    of_model = scorer.exact_scores(judged, tokens) | likelihood_of_test(judged, corpus)
    if "nll_test_token" in of_model:
        of_model["perplexity"] = perplexity(of_model["nll_test_token"])
    of_model |= scorer.measures.estimates(scorer.lines(tokens))
    of_world: Scores = scorer.measures.real_estimates((), None, count)
    held_out = corpus.valid_lines
    if world is not None:
        exact, held_out = world.real_scores(corpus, count, np.random.default_rng(settings.seed))
        of_world |= exact
    measures = TextMeasures(_real_text(model, corpus, held_out), settings, say)
    has_words = world is None or world.has_words
    samples = [corpus.tokenizer.words(line) for line in scorer.lines(tokens)]
    record = evaluation_record(
        measures,
        samples,
        of_model,
        of_world,
        _model_columns(world, scorer, count),
        [_drawn_how(settings, count)],
        has_words=has_words,
    )
    if world is not None:
        record["notes"] += world.notes(corpus, record["rows"])
    return record


def _evaluate_conditional(
    run_dir: Path, model: TextModel, settings: EvaluationSettings, given: GivenText, say: Say
) -> dict[str, Any]:
    """Return the record of a run that writes after sources, prompts or classes."""
    if given != GivenText():
        raise UsageError(
            f"{run_dir} writes after sources, so a test text needs them too: name it with --test-text (and "
            "--test-sources) in place of --refs, and leave out --train."
        )
    if (settings.encoder, settings.lm) != (EvaluationSettings.encoder, EvaluationSettings.lm):
        raise UsageError("--encoder and --lm do not apply to answers to sources: leave them out.")
    config = settings_of(run_dir)
    data = merged(TextData(), config.get("data", {}))
    pairs = merged(PairData(), config.get("pairs", {}))
    corpus = cache(lambda: corpus_of_run(run_dir, model, given)[0])
    found = evaluation_pairs(model, data, pairs, settings, corpus)
    if not pairs.label_column:
        return evaluate_answers(model, found, settings, say, _replies(settings, corpus))
    if settings.adversary_sources:
        raise UsageError("--adversary-sources is for answers to sources; this run has classes.")
    training: dict[str, list[list[str]]] = {}
    for label, line in corpus().pairs("train"):
        training.setdefault(label, []).append(model.tokenizer.words(line))
    return evaluate_classes(model, found, training, settings, say)


def corpus_of_run(
    run_dir: Path, model: TextModel, given: GivenText
) -> tuple[TextCorpus, World | None]:
    """Return the run's texts, as its model reads them, and the known world; given text replaces the texts."""
    config = settings_of(run_dir)
    if "text" not in config.get("data", {}):
        raise UsageError(
            f"{run_dir} is not a text run, because its config.json names no text: give a text run."
        )
    data = merged(TextData(), config["data"])
    oracle = merged(OracleData(), config.get("oracle", {}))
    try:
        corpus, world = load_corpus(data, oracle, merged(PairData(), config.get("pairs", {})))
    except DataError as error:
        raise DataError(f"the training text of {run_dir} cannot be read: {error}") from error
    same_sources = (
        corpus.given_vocabulary.tokenizer.to_dict() == model.given_vocabulary.tokenizer.to_dict()
    )
    if corpus.tokenizer.to_dict() != model.tokenizer.to_dict() or not same_sources:
        raise CheckpointError(
            f"{data.text} is not the training text of {run_dir}, because it gives another "
            "vocabulary. Restore that text."
        )
    if given == GivenText():
        return corpus, world
    if oracle.oracle:
        raise UsageError("a run on an oracle has no other text: leave out --refs and --train.")
    if given.test_lines is not None:
        lines = _fitting(model, given.test_lines)
        rows = pad_rows([model.tokenizer.encode(line) for line in lines], corpus.length)
        corpus = replace(corpus, test=rows, test_lines=lines)
    if given.train_lines is not None:
        corpus = replace(corpus, train_lines=list(given.train_lines))
    # Held-out lines and the known world apply to the run's own text only.
    return replace(corpus, valid_lines=[]), None


def _fitting(model: TextModel, lines: Sequence[str]) -> list[str]:
    """Return the lines that fit into the model's rows."""
    most = model.generator.length - 1
    kept = [model.tokenizer.normalise(x) for x in lines if len(model.tokenizer.encode(x)) <= most]
    if not kept:
        raise DataError(
            f"all lines of --refs are longer than the {most} tokens of the model's rows: give "
            "shorter lines."
        )
    return kept


def _replies(
    settings: EvaluationSettings, corpus: Callable[[], TextCorpus]
) -> ReplyEvaluation | None:
    """Return the evaluation by evaluators, on the run's own pairs, if it is asked for."""
    if not settings.adversary_sources:
        return None
    if settings.test_text is not None:
        raise UsageError(
            "--adversary-sources asks about the run's own test pairs: leave --test-text out."
        )
    return reply_evaluation(corpus(), settings.adversary_sources)


def _draw(model: TextModel, settings: EvaluationSettings, count: int, seed: int) -> Tensor:
    return model.generator.sample(
        count,
        rng=torch.Generator().manual_seed(seed),
        temperature=settings.temperature,
        top_k=settings.top_k,
        top_p=settings.top_p,
    )


def _with_likelihood(model: TextModel, settings: EvaluationSettings) -> nn.Module:
    """Return the module that gives likelihoods of the samples, or one without if they are unknown."""
    generator = model.generator
    if not isinstance(generator, SequenceGenerator) or settings.cuts_off:
        return nn.Identity()
    return generator if settings.temperature == 1 else tempered(generator, settings.temperature)


def _real_text(model: TextModel, corpus: TextCorpus, held_out: Sequence[str]) -> RealText:
    """Return lines as the generator could write them: a generator of whole rows writes at most T
    characters.
    """
    tokenizer, most = corpus.tokenizer, None
    if not isinstance(model.generator, SequenceGenerator):
        most = model.generator.length
    test, train, unseen = (
        [tokenizer.words(line)[:most] for line in lines]
        for lines in (corpus.test_lines, corpus.train_lines, held_out)
    )
    joiner = "" if tokenizer.kind in ("char", "selfies", *NOTATIONS) else " "
    return RealText(test, train, unseen, tokenizer.kind, joiner=joiner)


def _model_columns(world: World | None, scorer: TextScorer, count: int) -> list[Column]:
    references = len(scorer.corpus.test)
    columns = likelihood_columns(references) if world is None else world.columns(count, references)
    sign = Signature("perplexity|token", refs=references)
    columns = [*columns, column("perplexity", "perplexity", "lower", 2, sign)]
    of_lines = [{**entry, "group": MEANING} for entry in scorer.measures.columns(count)]
    return [*of_lines, *({**entry, "group": MODEL} for entry in columns)]


def _drawn_how(settings: EvaluationSettings, count: int) -> str:
    how = f"{count:,} samples with seed {settings.seed} at temperature {settings.temperature:g}"
    how += f", top-k {settings.top_k}" if settings.top_k is not None else ""
    how += f", top-p {settings.top_p:g}" if settings.top_p is not None else ""
    if settings.cuts_off:
        how += (
            "; likelihoods are left out, because truncated sampling gives most real sentences "
            "probability 0"
        )
    return f"{how}."
