"""All measures of a set of sentences with real text, group by group.

A group without its inputs (training text, encoder) is left out. The real row is computed by the same
functions: real sentences replace the samples, as many as there are samples if the score depends on their
number. In scores against the training text, the real sentences must not be part of it. They are held-out
sentences, or a tenth of the training text that is taken out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from seqgan_kit.evaluation.bleu_scores import bleu_beside, self_bleu_scores
from seqgan_kit.evaluation.evaluation_settings import (
    EvaluationSettings,
    RealText,
    Say,
    Sentences,
    some_of,
)
from seqgan_kit.metrics.statistics.divergences import Estimate
from seqgan_kit.metrics.statistics.nll import nll_estimates
from seqgan_kit.metrics.text import ngram_statistics as stats
from seqgan_kit.metrics.text.bleu import ReferenceSet
from seqgan_kit.metrics.text.language_model import KneserNey
from seqgan_kit.metrics.text.ngram_divergence import NgramShares, js_divergences

if TYPE_CHECKING:
    from seqgan_kit.evaluation.encoders.encoder import TextEncoder

Floats = NDArray[np.float64]
Scores = dict[str, Estimate]

NGRAM_ORDERS = (1, 2, 3, 4)
REPETITION_ORDER = 2
FEWEST_FOR_FEATURES = 20


class LanguageModel(Protocol):
    """Interface of a language model for the LM scores."""

    def sentence_log_probs(self, sentences: Sentences) -> tuple[Floats, Floats]:
        """Return the log-probability [N] of every sentence with its end, and its number of tokens [N]."""


@dataclass(frozen=True, eq=False)
class TextMeasures:
    """Measures against one real text; reference statistics are computed once.

    Attributes:
        text: real text.
        settings: options.
        say: called with a line about each long step.
    """

    text: RealText
    settings: EvaluationSettings
    say: Say

    def of_samples(self, samples: Sentences) -> Scores:
        """Compute the row of samples; scores that depend on their number use as many as there are real
        sentences.
        """
        part = some_of(samples, self.compared(len(samples)), self._rng(6))
        alone = some_of(samples, self.compared_alone(len(samples)), self._rng(6))
        return (
            self._beside_test(samples, part)
            | self._variety(alone)
            | self._beside_training(samples, self.text.train)
        )

    def compared(self, count: int) -> int:
        """Return how many of ``count`` samples are compared with the test text, to match the real
        sentences.
        """
        return self.text.peers(count) or count

    def compared_alone(self, count: int) -> int:
        """Return the same number for scores that need no second text; the test text has them too."""
        return self.text.peers(count) or min(count, len(self.text.test))

    def of_real_text(self, count: int) -> Scores:
        """Compute the row of real text for ``count`` samples.

        If there is only the test text, it gets the scores that need no second text.
        """
        peers = self.text.in_place_of_samples(count, self._rng(1))
        if peers:
            scores = self._beside_test(peers, peers) | self._variety(peers)
        else:
            some = some_of(self.text.test, count, self._rng(1))
            scores = self._by_line(some) | self._variety(some)
        unseen, seen = self.text.unseen_and_seen(self._rng(2))
        return scores | self._beside_training(unseen, seen)

    @cached_property
    def encoder(self) -> TextEncoder | None:
        """Encoder, if one is requested and its training text exists."""
        choice = self.settings.encoder
        if choice == "none" or (choice == "own" and len(self.text.train) < FEWEST_FOR_FEATURES):
            return None
        # Import torch only if it is needed.
        from seqgan_kit.evaluation.encoders.encoder_choice import find_encoder

        self.say(
            "encoder: training on the training text, which takes a minute or two the first time"
        )
        return find_encoder(choice, self.text.train, self.settings.seed, self.text.joiner)

    def features_compared(self, sentences: int) -> int:
        """Return the number of sentences per side that the encoder compares."""
        return min(sentences, len(self.text.test), self.settings.embedding_sentences)

    def _beside_test(self, sentences: Sentences, part: Sentences) -> Scores:
        """Compute means over all sentences, and scores that depend on their number over ``part``."""
        return {
            **self._by_line(sentences),
            **bleu_beside(sentences, self._references),
            **self._reverse(part),
            **self._shared_ngrams(part),
            "length_tv": Estimate(stats.length_distance(part, self.text.test), math.nan),
            **self._embedding(part),
        }

    def _beside_training(self, sentences: Sentences, training: Sentences) -> Scores:
        """Compute how new the sentences are, and how likely under a model of the training text."""
        if not sentences or not training:
            return {}
        scores = {"copies": stats.copies(sentences, training)}
        known = {word for words in training for word in words}
        if (unknown := stats.unknown_words(sentences, known)) is not None:
            scores["unknown"] = unknown
        if self.settings.lm != "none":
            scores |= _pair("lm", self._judge(training).sentence_log_probs(sentences))
        return scores

    def _reverse(self, sentences: Sentences) -> Scores:
        if self.settings.lm == "none" or not self.text.train:
            return {}
        model = self._judge(sentences, of_samples=True)
        return _pair("reverse_lm", model.sentence_log_probs(self.text.test))

    def _judge(self, sentences: Sentences, *, of_samples: bool = False) -> LanguageModel:
        """Train a language model on the sentences. A model of samples gets the vocabulary of real text."""
        if self.settings.lm == "kneser-ney":
            words = self._words if of_samples else None
            return KneserNey(sentences, vocabulary=words)
        from seqgan_kit.evaluation.encoders.lstm_language_model import (
            LanguageModelSettings,
            train_language_model,
        )

        self.say(f"language model: training an LSTM on {len(sentences):,} sentences")
        words = self._words if of_samples else None
        settings, seed = LanguageModelSettings(), self.settings.seed
        return train_language_model(sentences, settings, seed, vocabulary=words)

    def _shared_ngrams(self, sentences: Sentences) -> Scores:
        own, test = NgramShares(sentences, NGRAM_ORDERS), self._test_ngrams
        both = [n for n in NGRAM_ORDERS if own.counts[n] and test.counts[n]]
        scores = {f"js{n}": bits for n, bits in js_divergences(own, test, both).items()}
        scores["ms_jaccard"] = stats.ms_jaccard(own, test, NGRAM_ORDERS)
        for n in both[1:]:
            scores[f"known{n}"] = stats.known_share(own.counts[n], test.counts[n])
        return {name: Estimate(value, math.nan) for name, value in scores.items()}

    def _by_line(self, sentences: Sentences) -> Scores:
        """Compute scores of single lines: lengths and repetition."""
        scores = {
            "length": stats.mean_length(sentences),
            "length_sd": Estimate(stats.length_spread(sentences), math.nan),
        }
        if (repeated := stats.repetition(sentences, REPETITION_ORDER)) is not None:
            scores["repetition"] = repeated
        return scores

    def _variety(self, sentences: Sentences) -> Scores:
        """Compute scores of variety among the lines."""
        scores = {
            **self_bleu_scores(sentences),
            "duplicates": Estimate(stats.duplicates(sentences), math.nan),
        }
        for n, counts in NgramShares(sentences, NGRAM_ORDERS[1:]).counts.items():
            if counts:
                scores[f"distinct{n}"] = Estimate(stats.distinct(counts), math.nan)
        return scores

    def _embedding(self, sentences: Sentences) -> Scores:
        count = self.features_compared(len(sentences))
        if count < FEWEST_FOR_FEATURES or self.encoder is None:
            return {}
        from seqgan_kit.evaluation.encoders.feature_scores import feature_scores

        generated = self.encoder(some_of(sentences, count, self._rng(3)))
        real = self.encoder(some_of(self.text.test, count, self._rng(4)))
        self.say(f"encoder: comparing {count:,} sentences with as many of the test text")
        return feature_scores(generated, real, self._rng(5))

    @cached_property
    def _references(self) -> ReferenceSet:
        return ReferenceSet(self.text.test)

    @cached_property
    def _test_ngrams(self) -> NgramShares:
        return NgramShares(self.text.test, NGRAM_ORDERS)

    @cached_property
    def _words(self) -> list[str]:
        """Return the vocabulary of all real text; it does not depend on the samples."""
        return sorted({word for words in (*self.text.train, *self.text.test) for word in words})

    def _rng(self, purpose: int) -> np.random.Generator:
        return np.random.default_rng((self.settings.seed, purpose))


def _pair(name: str, log_probs: tuple[Floats, Floats]) -> Scores:
    per_token, per_sentence = nll_estimates(*log_probs)
    return {f"{name}_token": per_token, f"{name}_sentence": per_sentence}
