"""Settings of an evaluation and its real text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar, get_args

import numpy as np

from seqgan_kit.core.bounds import Count, Positive, bounded
from seqgan_kit.errors import DataError, UsageError, unknown
from seqgan_kit.sequences.sampling.best_of import check_tries
from seqgan_kit.sequences.sampling.drawing_tokens import check_sampling_options

Sentences = Sequence[Sequence[str]]
Say = Callable[[str], None]
T = TypeVar("T")

Judge = Literal["kneser-ney", "lstm", "none"]
JUDGES: tuple[str, ...] = get_args(Judge)
"""Kinds of language models for the LM scores."""
UNSEEN_SHARE = 0.1
"""Share of the training text that is held out if there is no other held-out text."""


@dataclass(frozen=True)
class EvaluationSettings:
    """Options of an evaluation."""

    sample: int | None = None
    """Number of samples: a random part of a file (default: all), or drawn from a run (default: 5,000)."""
    encoder: str = "own"
    """Encoder: own (trained on the training text), none, or the folder of a HuggingFace model."""
    lm: Judge = "kneser-ney"
    """Language model of the LM scores: kneser-ney (n-grams, seconds), lstm (minutes) or none."""
    seed: int = 0
    """Random seed."""
    temperature: float = 1.0
    """Sampling temperature of a run."""
    top_k: int | None = None
    """Number of likeliest tokens to sample from."""
    top_p: float | None = None
    """Sample from the fewest tokens with this total probability."""
    beam: int | None = None
    """Conditional runs: width of the beam search (default: 5)."""
    test_text: str | None = None
    """Conditional runs: test text, in the form of the training text (default: the run's own test split)."""
    test_sources: str | None = None
    """Conditional runs: sources of ``test_text``, if the training text had a file of sources."""
    adversary_sources: int = 0
    """Conditional runs: number of training sources from which evaluators learn, for AdverSuc; 0: none."""
    embedding_sentences: int = 5000
    """Maximum number of sentences per side in scores over an encoder."""

    def __post_init__(self) -> None:
        if self.lm not in JUDGES:
            raise unknown("language model", self.lm, JUDGES)
        if self.beam is not None and self.beam < 1:
            raise UsageError(
                f"the beam is {self.beam}; it must be at least 1 (1 is greedy search)."
            )
        if self.sample is not None and self.sample < 2:
            raise UsageError(f"sample is {self.sample}: must be 2 or more.")

    @property
    def cuts_off(self) -> bool:
        """Return whether some tokens cannot be sampled, so that likelihoods are meaningless."""
        return self.top_k is not None or self.top_p is not None


@dataclass(frozen=True)
class RealText:
    """Real sentences as lists of words.

    Attributes:
        test: text that samples are compared with.
        train: training text of the generator; may be empty.
        held_out: other real text; may be empty.
        tok: tokenizer that split the lines, for signatures.
        case: ``mixed`` or ``lower``, for signatures.
        joiner: string between the words of a line.
    """

    test: Sentences
    train: Sentences
    held_out: Sentences
    tok: str
    case: str | None = None
    joiner: str = " "

    def __post_init__(self) -> None:
        if not self.test:
            raise DataError("there is no test text to compare with: add --refs FILE.")

    def in_place_of_samples(self, count: int, rng: np.random.Generator) -> Sentences:
        """Return as many real sentences as samples, or all if there are fewer; held-out ones if they
        suffice.
        """
        return some_of(self._stand_ins(count), count, rng)

    def peers(self, count: int) -> int:
        """Return the number of real sentences to compare with ``count`` samples."""
        return min(count, len(self._stand_ins(count)))

    def _stand_ins(self, count: int) -> Sentences:
        return self.held_out if len(self.held_out) >= count or not self.train else self.train

    def unseen_and_seen(self, rng: np.random.Generator) -> tuple[Sentences, Sentences]:
        """Return real sentences that replace samples in scores against the training text, and that text.

        Without held-out text, a random tenth of the training text is held out.
        """
        if self.held_out or len(self.train) < 1 / UNSEEN_SHARE:
            return self.held_out, self.train
        order = rng.permutation(len(self.train))
        cut = round(UNSEEN_SHARE * len(order))
        return [self.train[i] for i in order[:cut]], [self.train[i] for i in sorted(order[cut:])]


def some_of(sentences: Sequence[T], count: int, rng: np.random.Generator) -> Sequence[T]:
    """Return a random part in its order; all sentences if there are no more."""
    if len(sentences) <= count:
        return sentences
    return [sentences[i] for i in sorted(rng.choice(len(sentences), count, replace=False))]


@dataclass(frozen=True)
@bounded
class TextScoreSettings:
    """How much is drawn for scoring."""

    score_samples: Positive = 5000
    """Samples for each row of the final table."""
    evaluation_samples: Positive = 1000
    """Samples for each evaluation during the run."""
    temperatures: tuple[float, ...] = ()
    """Further rows of the final table: every generator at each of these temperatures."""
    top_ks: tuple[int, ...] = ()
    """The same, drawing from the k likeliest tokens alone (samples only: such a model has no likelihood)."""
    top_ps: tuple[float, ...] = ()
    """The same, drawing from the fewest tokens that hold this probability."""
    best_of: tuple[int, ...] = ()
    """The same, drawing this many samples and keeping the one that the run's discriminator scores highest."""
    score_beam: Positive = 5
    """Runs with sources: width of the beam whose answers are compared with the references."""
    adversary_sources: Count = 0
    """Runs with sources: number of training sources from which an evaluator learns to tell generated
    from human replies, for AdverSuc; 0: no evaluator. Each row has two, trained from scratch."""
    bleu: Literal["auto", "yes", "no"] = "auto"
    """BLEU and Self-BLEU in the final table; auto: yes, except of an oracle's tokens, which are no words."""

    metrics: tuple[str, ...] = ()
    """Functions of your own, FILE.py:FUNCTION, from a list of lines to a list of numbers; their means become
    curves and columns of the final table."""

    def __post_init__(self) -> None:
        for temperature in self.temperatures:
            check_sampling_options(temperature, None, None)
        for k in self.top_ks:
            check_sampling_options(1.0, k, None)
        for p in self.top_ps:
            check_sampling_options(1.0, None, p)
        for tries in self.best_of:
            check_tries(tries)
