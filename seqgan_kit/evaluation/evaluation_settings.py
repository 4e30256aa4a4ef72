"""What an evaluation is made with: its options, and the real text beside the samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar, get_args

import numpy as np

from seqgan_kit.core.bounds import Positive, bounded
from seqgan_kit.errors import DataError, UsageError, unknown
from seqgan_kit.sequences.sampling.drawing_tokens import check_sampling_options

Sentences = Sequence[Sequence[str]]
Say = Callable[[str], None]
T = TypeVar("T")

Judge = Literal["kneser-ney", "lstm", "none"]
JUDGES: tuple[str, ...] = get_args(Judge)
"""Kinds of language models that can judge."""
UNSEEN_SHARE = 0.1
"""Part of the training text that is held out where no other text is."""


@dataclass(frozen=True)
class EvaluationSettings:
    """The options of an evaluation."""

    sample: int | None = None
    """Score so many samples: of a file a random part, of a run that many draws (default: all, or 5,000)."""
    encoder: str = "own"
    """own (learns from the training text), none, or the folder of a HuggingFace model."""
    lm: Judge = "kneser-ney"
    """Which language model judges: kneser-ney (n-grams, seconds), lstm (minutes) or none."""
    seed: int = 0
    """Of everything that is drawn."""
    temperature: float = 1.0
    """Of a run's draws."""
    top_k: int | None = None
    """Draw from so many likeliest tokens only."""
    top_p: float | None = None
    """Draw from the fewest tokens that hold this probability."""
    embedding_sentences: int = 5000
    """Most sentences of either side in scores over an encoder."""

    def __post_init__(self) -> None:
        if self.lm not in JUDGES:
            raise unknown("language model", self.lm, JUDGES)
        if self.sample is not None and self.sample < 2:
            raise UsageError(f"sample is {self.sample}; at least 2 sentences are needed.")

    @property
    def cuts_off(self) -> bool:
        """Whether some tokens cannot be drawn, so that likelihoods mean nothing."""
        return self.top_k is not None or self.top_p is not None


@dataclass(frozen=True)
class RealText:
    """Real sentences as lists of words.

    Attributes:
        test: what samples are compared with.
        train: what the generator learned from; may be empty.
        held_out: neither of the two; may be empty.
        tok: how lines became words, for signatures.
        case: ``mixed`` or ``lower``, for signatures.
        joiner: what stands between the words of a line.
    """

    test: Sentences
    train: Sentences
    held_out: Sentences
    tok: str
    case: str | None = None
    joiner: str = " "

    def __post_init__(self) -> None:
        if not self.test:
            raise DataError("there is no test text to compare with: give --refs FILE.")

    def in_place_of_samples(self, count: int, rng: np.random.Generator) -> Sentences:
        """As many real sentences as there are samples, or all there are: held-out ones if they are enough."""
        return some_of(self._stand_ins(count), count, rng)

    def peers(self, count: int) -> int:
        """How many real sentences stand in the place of so many samples."""
        return min(count, len(self._stand_ins(count)))

    def _stand_ins(self, count: int) -> Sentences:
        return self.held_out if len(self.held_out) >= count or not self.train else self.train

    def unseen_and_seen(self, rng: np.random.Generator) -> tuple[Sentences, Sentences]:
        """For scores beside the training text: real sentences in the samples' place, and that text.

        Without held-out text a random tenth of the training text is taken out of it.
        """
        if self.held_out or len(self.train) < 1 / UNSEEN_SHARE:
            return self.held_out, self.train
        order = rng.permutation(len(self.train))
        cut = round(UNSEEN_SHARE * len(order))
        return [self.train[i] for i in order[:cut]], [self.train[i] for i in sorted(order[cut:])]


def some_of(sentences: Sequence[T], count: int, rng: np.random.Generator) -> Sequence[T]:
    """A random part in its order; all where there are no more."""
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
    score_beam: Positive = 5
    """Runs with sources: width of the beam whose answers are compared with the references."""
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
