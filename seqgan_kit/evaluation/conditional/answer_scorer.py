"""Scores of a generator with sources: its likeliest answers beside the references, and AdverSuc."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, cast

from torch import nn

from seqgan_kit.core.discriminator import device_of
from seqgan_kit.data.text.text_corpus import TextCorpus
from seqgan_kit.evaluation.conditional.adversarial_success import (
    ReplyEvaluation,
    evaluator_notes,
    reply_columns,
    reply_evaluation,
)
from seqgan_kit.evaluation.conditional.answer_scores import (
    HeldOutPairs,
    answers,
    held_out_pairs,
    pair_columns,
    text_scores_of,
)
from seqgan_kit.evaluation.evaluation_settings import TextScoreSettings
from seqgan_kit.evaluation.score_tables import AS_REAL, Column, column
from seqgan_kit.metrics.signature import Signature
from seqgan_kit.metrics.statistics.divergences import Estimate
from seqgan_kit.metrics.text.ngram_divergence import NgramShares
from seqgan_kit.metrics.text.ngram_statistics import distinct
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator

DISTINCT_ORDERS = (1, 2)
"""Orders of distinct-n (Li et al. 2016, "A diversity-promoting objective function")."""


@dataclass(frozen=True)
class AnswerScorer:
    """A scorer of generators that write one of several right answers to a source.

    Attributes:
        corpus: corpus with sources.
        pairs: its held-out sources and their references.
        settings: width of the beam, and number of sources for AdverSuc.
    """

    corpus: TextCorpus
    pairs: HeldOutPairs
    settings: TextScoreSettings

    def of_generator(self, generator: nn.Module) -> dict[str, Estimate]:
        """Return corpus BLEU, chrF, TER and distinct-n of the beam's answers, and AdverSuc of samples."""
        scores: dict[str, Estimate] = {}
        if isinstance(generator, SequenceGenerator):
            lines = answers(
                self.corpus.tokenizer, generator, self.pairs.given, self.settings.score_beam
            )
            scores = text_scores_of(lines, self.pairs) | self._distinct(lines)
        if self._replies is not None:
            device = device_of(generator)
            sample = cast(Any, generator).sample
            scores |= self._replies.of_model(
                lambda given, rng: sample(len(given), rng=rng, given=given.to(device))
            )
        return scores

    def of_humans(self) -> dict[str, Estimate]:
        """Return distinct-n of the first references, and the checks of AdverSuc's evaluator."""
        scores = self._distinct([references[0] for references in self.pairs.references])
        return scores | (self._replies.of_humans() if self._replies is not None else {})

    def columns(self) -> list[Column]:
        """Return the columns of all scores."""
        beam, kind = f"beam:{self.settings.score_beam}", self.corpus.tokenizer.kind
        sign = partial(Signature, f"distinct|{beam}", hyps=len(self.pairs.given), tok=kind)
        return [
            *pair_columns(self.pairs, beam),
            *(
                column(f"distinct{n}", f"distinct-{n}", AS_REAL, 3, sign((n,)))
                for n in DISTINCT_ORDERS
            ),
            *(reply_columns(self._replies) if self._replies is not None else []),
        ]

    def notes(self, rows: Sequence[Mapping[str, Any]]) -> list[str]:
        """Return notes on AdverSuc, given all rows of the table; the last is that of humans."""
        of_humans = rows[-1]
        if "adver_suc" not in of_humans["values"]:
            return []
        return evaluator_notes(of_humans["values"], of_humans["errors"])

    def _distinct(self, lines: Sequence[str]) -> dict[str, Estimate]:
        counts = NgramShares(
            [self.corpus.tokenizer.words(line) for line in lines], DISTINCT_ORDERS
        ).counts
        return {f"distinct{n}": Estimate(distinct(c), math.nan) for n, c in counts.items() if c}

    @cached_property
    def _replies(self) -> ReplyEvaluation | None:
        sources = self.settings.adversary_sources
        return reply_evaluation(self.corpus, sources) if sources else None


def answer_scorer(corpus: TextCorpus, settings: TextScoreSettings) -> AnswerScorer | None:
    """Return the scorer of a corpus; None without sources, if all lines are references of a class, and for
    texts with blanks, which have one right answer."""
    if not corpus.given or corpus.classes or corpus.has_blanks:
        return None
    pairs = held_out_pairs(corpus, settings.score_samples)
    return None if pairs is None else AnswerScorer(corpus, pairs, settings)
