"""Adversarial success of replies, with checks of the evaluator that measures it (Li et al. 2017).

    AdverSuc = 1 - accuracy of an evaluator trained to tell human from generated replies to the same sources

0.5 is the best value: the evaluator can only guess. Every question has an evaluator of its own, of the same
size, trained from scratch on training sources and asked about test sources. It shares nothing with the
discriminator of a run: neither network, nor weights, nor seed.

A weak evaluator gives every model 0.5, so the row of humans answers two questions whose answers are known:
human against other human replies must give 0.5, and human against random replies, those of other sources,
an accuracy near 1. ``reply_vs_random`` of a model tells whether its replies fit their sources: random
replies by humans deceive an evaluator that ignores the source.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from seqgan_kit.data.text.text_corpus import TextCorpus
from seqgan_kit.data.text.tokenizer import PAD
from seqgan_kit.evaluation.conditional.answer_scores import likeliest
from seqgan_kit.evaluation.conditional.reply_evaluator import (
    EvaluatorSettings,
    right_shares,
    train_evaluator,
)
from seqgan_kit.evaluation.score_tables import AS_REAL, Column, column
from seqgan_kit.metrics.signature import Signature
from seqgan_kit.metrics.statistics.divergences import Estimate
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator

MOST_ERRORS = 4.0
"""Standard errors that human against human may lie from 0.5."""
LEAST_AGAINST_RANDOM = 0.9
"""Accuracy of human against random replies below which the evaluator is called weak."""
OWN_SEED = 1_000_003
"""Seed of evaluators; no run has it by default."""

Writer = Callable[[Tensor, torch.Generator], Tensor]
"""(conditions [N,S], rng) -> rows [N,S+T]."""


@dataclass(frozen=True)
class HumanReplies:
    """Human replies to the distinct sources of a split.

    Attributes:
        given: S.
        first: [N,S+T], a reply to each source.
        other: [N,S+T], another reply to the same source; the same one if it is the only one.
    """

    given: int
    first: Tensor
    other: Tensor

    @property
    def sources(self) -> Tensor:
        """The sources [N,S]."""
        return self.first[:, : self.given]

    def swapped(self, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return both replies to each source, in random order."""
        swap = torch.rand(len(self.first), 1, generator=rng) < 0.5
        return torch.where(swap, self.other, self.first), torch.where(swap, self.first, self.other)

    def shuffled(self, rng: torch.Generator) -> Tensor:
        """Return rows [N,S+T] of each source and a reply to another one."""
        order = torch.randperm(len(self.first), generator=rng)
        replies = torch.empty_like(self.first[:, self.given :])
        replies[order] = self.first[order.roll(1), self.given :]
        return torch.cat([self.sources, replies], 1)


def human_replies(corpus: TextCorpus, splits: tuple[str, ...], most: int) -> HumanReplies:
    """Return replies to the first ``most`` distinct sources of the first of ``splits`` that has any."""
    split = next(name for name in splits if len(getattr(corpus, name)))
    rows, places = getattr(corpus, split), dict[str, list[int]]()
    for place, source in enumerate(corpus.sources[split]):
        places.setdefault(source, []).append(place)
    chosen = list(places.values())[:most]
    first, other = (rows[[of_one[min(n, len(of_one) - 1)] for of_one in chosen]] for n in (0, 1))
    return HumanReplies(corpus.given, first, other)


@dataclass(frozen=True)
class ReplyEvaluation:
    """Questions to evaluators about the replies of one model or of humans.

    Attributes:
        vocabulary, pad: of the corpus.
        train, test: human replies to the sources that evaluators learn from, and are asked about.
        settings: size and training of the evaluators.
        seed: seed of all evaluators and samples, which no run's seed changes.
    """

    vocabulary: int
    pad: int
    train: HumanReplies
    test: HumanReplies
    settings: EvaluatorSettings
    seed: int

    def of_model(self, write: Writer) -> dict[str, Estimate]:
        """Return both scores of a model, which writes one reply to each source."""
        rng = self._rng(1)
        replies = [write(part.sources, rng).cpu() for part in (self.train, self.test)]
        human, random = ([part.first for part in (self.train, self.test)], self._random())
        return _scores(self.accuracy(human, replies), self.accuracy(replies, random))

    def of_humans(self) -> dict[str, Estimate]:
        """Return both scores of human replies: the checks of the evaluator."""
        rng = self._rng(2)
        both = [part.swapped(rng) for part in (self.train, self.test)]
        one, two = ([pair[n] for pair in both] for n in (0, 1))
        human = [part.first for part in (self.train, self.test)]
        return _scores(self.accuracy(one, two), self.accuracy(human, self._random()))

    def accuracy(self, positive: list[Tensor], negative: list[Tensor]) -> Estimate:
        """Return the accuracy of a new evaluator on the second rows, [N,S+T] each, after learning from the
        first ones; the standard error is over the test sources."""
        evaluator = train_evaluator(
            positive[0],
            negative[0],
            self.settings,
            vocabulary=self.vocabulary,
            given=self.train.given,
            pad=self.pad,
            seed=self.seed,
        )
        right = right_shares(evaluator, positive[1], negative[1])
        error = right.std().item() / math.sqrt(len(right)) if len(right) > 1 else math.inf
        return Estimate(right.mean().item(), error)

    def _random(self) -> list[Tensor]:
        rng = self._rng(3)
        return [part.shuffled(rng) for part in (self.train, self.test)]

    def _rng(self, purpose: int) -> torch.Generator:
        return torch.Generator().manual_seed(self.seed + purpose)


def reply_evaluation(corpus: TextCorpus, sources: int, seed: int = OWN_SEED) -> ReplyEvaluation:
    """Return the evaluation on as many training sources of a corpus, and up to as many of the
    test split (else of the validation split)."""
    train = human_replies(corpus, ("train",), sources)
    test = human_replies(corpus, ("test", "valid"), sources)
    return ReplyEvaluation(corpus.vocabulary, PAD, train, test, EvaluatorSettings(), seed)


def success_of_decodings(
    generator: SequenceGenerator,
    replies: ReplyEvaluation,
    beams: Sequence[int],
    sampling: Mapping[str, Any],
) -> list[dict[str, Estimate]]:
    """Return the scores of beams of each width, of samples drawn by ``sampling``, and of humans."""

    def drawn(given: Tensor, rng: torch.Generator) -> Tensor:
        return generator.sample(len(given), given=given, rng=rng, **sampling)

    writers: list[Writer] = [*(partial(_searched, generator, beam) for beam in beams), drawn]
    return [*map(replies.of_model, writers), replies.of_humans()]


def _searched(
    generator: SequenceGenerator, beam: int, given: Tensor, rng: torch.Generator
) -> Tensor:
    return likeliest(generator, given, beam)


def _scores(told_from_human: Estimate, told_from_random: Estimate) -> dict[str, Estimate]:
    return {
        "adver_suc": Estimate(1 - told_from_human.value, told_from_human.standard_error),
        "reply_vs_random": told_from_random,
    }


def reply_columns(evaluation: ReplyEvaluation) -> list[Column]:
    """Return the columns of both scores."""
    train, test, own = len(evaluation.train.first), len(evaluation.test.first), evaluation.settings
    how = f"bigru{own.hidden}+align|train:{train}|epochs:{own.epochs}"
    suc, against = (
        Signature(f"{name}|{how}", hyps=test, seed=evaluation.seed)
        for name in ("adver-suc", "reply-vs-random")
    )
    return [
        column("adver_suc", "AdverSuc", AS_REAL, 3, suc),
        column("reply_vs_random", "reply vs random", "higher", 3, against),
    ]


def evaluator_notes(of_humans: Mapping[str, float], errors: Mapping[str, float]) -> list[str]:
    """Return what the checks say of the evaluator, given the values and errors of the row of humans."""
    same, random = 1 - of_humans["adver_suc"], of_humans["reply_vs_random"]
    notes = [
        f"AdverSuc: 1 - accuracy of an evaluator trained apart; 0.5 is the best. Its checks: human against "
        f"human {same:.3f} (must be 0.5), human against random replies {random:.3f} (must be near 1)."
    ]
    if abs(same - 0.5) > max(MOST_ERRORS * errors.get("adver_suc", math.inf), 1e-9):
        notes.append(
            f"Warning: the evaluator tells human from human replies with accuracy {same:.3f}, so it sees "
            "something that is not in the replies: distrust AdverSuc, and check the order of the data."
        )
    if random < LEAST_AGAINST_RANDOM:
        notes.append(
            f"Warning: the evaluator finds only {random:.1%} of random replies, so it is weak and AdverSuc "
            "is too high: give it more sources (--adversary-sources), and compare models with each other."
        )
    return notes
