"""Scores of text generators during a run and in its final table.

If the corpus comes from a known world, exact measures are available. Other text has held-out likelihood and
n-gram scores. A generator without likelihoods has only scores of its samples.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from seqgan_kit.core.discriminator import device_of
from seqgan_kit.core.game import Game
from seqgan_kit.core.runs.long_work import long_work
from seqgan_kit.core.training.alarms import AboveChance, Alarm, LostDiversity
from seqgan_kit.data.text.load_text import TextCorpus
from seqgan_kit.evaluation.bleu_scores import bleu_columns, bleu_scores, diversity
from seqgan_kit.evaluation.conditional.answer_scorer import AnswerScorer, answer_scorer
from seqgan_kit.evaluation.conditional.answer_scores import (
    MOST_CLASS_ROWS,
    class_part,
    drawn_rows,
    source_lines,
    with_sources,
)
from seqgan_kit.evaluation.corpora.held_out import (
    has_likelihood,
    held_out_nll,
    likelihood_columns,
    likelihood_of_test,
)
from seqgan_kit.evaluation.corpora.known_worlds import World, sampling_seed
from seqgan_kit.evaluation.domains.domain_choice import domain_of
from seqgan_kit.evaluation.domains.line_measures import LineMeasures
from seqgan_kit.evaluation.evaluation_settings import TextScoreSettings, some_of
from seqgan_kit.evaluation.objectives.objective_choice import ObjectiveSettings, mixed_reward
from seqgan_kit.evaluation.objectives.own_functions import own_functions
from seqgan_kit.evaluation.sampling_variants import check_variants, sampling_variants
from seqgan_kit.evaluation.score_tables import Column, table_row
from seqgan_kit.evaluation.text_export import check_text_model, export_game
from seqgan_kit.metrics.statistics.divergences import Estimate
from seqgan_kit.metrics.text.bleu import DEFAULT_ORDERS, ReferenceSet
from seqgan_kit.sequences.estimators.rewards import Reward

__all__ = ["TextScoreSettings", "TextScorer", "diversity"]


@dataclass(frozen=True)
class TextScorer:
    """A scorer of generators against a corpus, and against the known world behind it if there is one.

    A generator is a module with ``sample(n, rng=...)``; likelihoods also need ``sequence_log_prob``.

    Attributes:
        corpus: training corpus; its test split is the reference.
        world: known distribution, if there is one.
        settings: number of samples for each score.
        objective: what is mixed into the generator's reward; a function of the user is also a metric.
    """

    corpus: TextCorpus
    world: World | None = None
    settings: TextScoreSettings = field(default_factory=TextScoreSettings)
    objective: ObjectiveSettings = field(default_factory=ObjectiveSettings)

    def check(self, game: Game) -> None:
        """Refuse, before training, a generator that could not be saved or a wrong function."""
        check_text_model(game.generator)
        check_variants(self.settings, game)
        self.measures.check({"nll_valid", "diversity", *(c["key"] for c in self._known_columns())})

    @cached_property
    def measures(self) -> LineMeasures:
        """Return the measures of lines: the user's functions, and those of the text's domain."""
        own = own_functions(self.objective.objective, self.settings.metrics)
        return LineMeasures(self.corpus, own, domain_of(self.corpus, self.world))

    @property
    def reward(self) -> Reward:
        """Return the generator's reward of token rows, which mixes the objective with D's score."""
        objective = self.measures.objective(self.objective.objective)
        return mixed_reward(self.objective, self.corpus, objective)

    def export(self, game: Game, folder: Path, about: Mapping[str, Any] | None = None) -> None:
        """Write the game's generator and discriminator into a run's ``model`` folder."""
        corpus = self.corpus
        export_game(folder, game, corpus.tokenizer, about, corpus.source_vocabulary)

    def __call__(self, game: Game, rng: torch.Generator) -> dict[str, float]:
        """Compute held-out likelihood, exact measures and diversity; the evaluation hook of a run."""
        generator = game.generator
        tokens = drawn_rows(self.corpus, generator, self.settings.evaluation_samples, rng)
        values: dict[str, float] = {}
        if len(self.corpus.valid) and has_likelihood(generator):
            values["nll_valid"] = held_out_nll(generator, self.corpus.valid)[0].value
        if self.world is not None:
            scores = self.world.curves(self.corpus, generator, tokens)
            values |= {name: estimate.value for name, estimate in scores.items()}
        values["diversity"] = diversity(self._words(tokens))
        return values | self.measures.means(self.lines(tokens), source_lines(self.corpus, tokens))

    def draw_lines(self, game: Game, rng: torch.Generator, path: Path) -> None:
        """Write a few lines as text; the sampling hook of a run."""
        tokens = drawn_rows(self.corpus, game.generator, 50, rng)
        written = self.lines(tokens)
        lines = (f"{line}\n" for line in with_sources(self.corpus, tokens, written))
        path.with_suffix(".txt").write_text("".join(lines), encoding="utf-8")
        self.measures.draw(written, path)

    def real_diversity(self) -> float:
        """Return the diversity of equally many real sentences."""
        words = [self.corpus.tokenizer.words(line) for line in self.corpus.train_lines]
        return diversity(words[: self.settings.evaluation_samples])

    def alarms(self) -> tuple[Alarm, ...]:
        """Return the alarms of every text run."""
        uniform = math.log(self.corpus.tokenizer.vocabulary_size)
        return LostDiversity(self.real_diversity()), AboveChance(uniform)

    def rows(
        self,
        generators: Mapping[str, nn.Module],
        seed: int,
        *,
        judge: nn.Module | None = None,
        quiet: bool = False,
    ) -> list[dict[str, Any]]:
        """Return the rows of the final table: each generator, then real data.

        ``judge`` is the discriminator of rows of the best of several samples.
        """
        rows = []
        with long_work("scoring", quiet=quiet) as step:
            for name, generator in generators.items():
                step(name)
                rows.append(self.row(name, generator, seed))
                for way, variant in sampling_variants(self.settings, generator, judge):
                    step(f"{name} {way}")
                    rows.append(self.row(f"{name} {way}", variant, seed))
                for label in self.corpus.classes[:MOST_CLASS_ROWS]:
                    step(f"{name} after {label}")
                    of_class = replace(self, corpus=class_part(self.corpus, label))
                    rows.append(of_class.row(f"{name} after {label}", generator, seed))
            step("real data")
            return [*rows, self.real_row(np.random.default_rng(seed))]

    def row(self, name: str, generator: nn.Module, seed: int) -> dict[str, Any]:
        """Return the row of a generator."""
        rng = torch.Generator(device_of(generator))
        rng.manual_seed(sampling_seed(self.world, seed))
        tokens = drawn_rows(self.corpus, generator, self.settings.score_samples, rng)
        scores = self.exact_scores(generator, tokens) | likelihood_of_test(generator, self.corpus)
        scores |= self.measures.estimates(self.lines(tokens), source_lines(self.corpus, tokens))
        scores |= self._pairs.of_generator(generator) if self._pairs is not None else {}
        return table_row(name, scores | self._ngram_scores(self._words(tokens[: self.compared])))

    def real_row(self, rng: np.random.Generator) -> dict[str, Any]:
        """Return the scores of real sentences that are not references: those of a perfect generator."""
        scores: dict[str, Estimate] = {}
        lines: Sequence[str] = []
        sources: Sequence[str] | None = None
        if self.world is not None:
            scores, lines = self.world.real_scores(self.corpus, self.settings.score_samples, rng)
        if not self._world_writes:
            pairs = some_of(self._peers[1], self.compared, rng)
            sources, lines = [source for source, _ in pairs], [line for _, line in pairs]
        scores |= self.measures.real_estimates(lines, sources, self.settings.score_samples)
        scores |= self._pairs.of_humans() if self._pairs is not None else {}
        return table_row("real data", scores | self._ngram_scores(self._split(lines)))

    @cached_property
    def compared(self) -> int:
        """Number of sentences of every row in BLEU and Self-BLEU, limited by the number of real ones."""
        wanted = self.settings.score_samples
        return wanted if self._world_writes else min(wanted, len(self._peers[1]) or wanted)

    @property
    def _world_writes(self) -> bool:
        """Return whether a known world can write as many real sentences as needed."""
        return self.world is not None and self.world.has_words

    @cached_property
    def _peers(self) -> tuple[str, list[tuple[str, str]]]:
        """Return name and (source, line) pairs of the split for the real row: validation if it suffices."""
        valid, train = self.corpus.valid_lines, self.corpus.train_lines
        if len(valid) >= min(self.settings.score_samples, len(train)):
            return "validation", self.corpus.pairs("valid")
        return "training", self.corpus.pairs("train")

    def exact_scores(self, generator: nn.Module, tokens: Tensor) -> dict[str, Estimate]:
        """Return the exact scores of a generator and its samples; empty without a known world."""
        return {} if self.world is None else self.world.scores(self.corpus, generator, tokens)

    def lines(self, tokens: Tensor) -> list[str]:
        """Return token rows as text."""
        written = tokens[:, self.corpus.given :]
        return [self.corpus.tokenizer.decode(row) for row in written.tolist()]

    def record(self, title: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Return the table of scores.json."""
        notes = [
            f"{self.settings.score_samples} samples a row; ± is the standard error of sampling."
        ]
        if self._has_bleu and not self._world_writes:
            split, peers = self._peers
            notes.append(
                f"BLEU and Self-BLEU: {self.compared:,} sentences in every row; real data are as "
                f"many of the {len(peers):,} {split} lines. 'as real': closer to real data "
                "is better."
            )
        if self.world is not None:
            notes += self.world.notes(self.corpus, rows)
        if self.corpus.tokenizer.kind in ("unigram", "bpe"):
            notes.append(
                "Likelihoods are those of one segmentation into pieces, a lower bound for the "
                "text's likelihood."
            )
        if self._pairs is not None:
            notes += self._pairs.notes(rows)
        if self.corpus.classes:
            notes.append("Rows 'after' a class: samples of it beside its own test lines alone.")
        shown = [c for c in self._columns() if any(c["key"] in row["values"] for row in rows)]
        return {"title": title, "columns": shown, "rows": list(rows), "notes": notes}

    @cached_property
    def _pairs(self) -> AnswerScorer | None:
        return answer_scorer(self.corpus, self.settings)

    def _ngram_scores(self, sentences: Sequence[Sequence[str]]) -> dict[str, Estimate]:
        """Compute BLEU against the test split and Self-BLEU, each if there are enough sentences."""
        if not self._has_bleu:
            return {}
        return bleu_scores(sentences, self._references if self.corpus.test_lines else None)

    @property
    def _has_bleu(self) -> bool:
        meaningless = self.world is not None and not self.world.has_words
        return not (self.settings.bleu == "no" or (self.settings.bleu == "auto" and meaningless))

    @cached_property
    def _references(self) -> ReferenceSet:
        """N-gram counts of the test split, computed once for all rows."""
        return ReferenceSet(self._split(self.corpus.test_lines), max(DEFAULT_ORDERS))

    def _words(self, tokens: Tensor) -> list[list[str]]:
        return self._split(self.lines(tokens))

    def _split(self, lines: Sequence[str]) -> list[list[str]]:
        return [self.corpus.tokenizer.words(line) for line in lines]

    def _columns(self) -> list[Column]:
        return [*self.measures.columns(self.settings.score_samples), *self._known_columns()]

    def _known_columns(self) -> list[Column]:
        n, refs = self.settings.score_samples, len(self.corpus.test_lines)
        tok = self.corpus.tokenizer.kind
        columns = likelihood_columns(refs) if self.world is None else self.world.columns(n, refs)
        if self._pairs is not None:
            columns = [*columns, *self._pairs.columns()]
        return [*columns, *bleu_columns(self.compared, refs, tok)]
