r"""Language-model scores of generated text, with an n-gram model of Kneser and Ney (``kneser_ney``).

    LM score         = - sum over samples of log P_real(x) / number of their tokens
    reverse LM score = - sum over held-out real text of log P_samples(x) / number of its tokens

in nats; the end of a sentence counts as a token (Zhao et al. 2018; Semeniuta et al. 2018; Caccia et al.
2020).

The vocabulary is closed: the given words, ``<unk>`` for all others, and the end of a sentence. All
unknown words are one event. If the training text has no unknown words, that event has only the share of the
uniform distribution, so an unknown word is expensive.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from seqgan_kit.errors import DataError, UsageError
from seqgan_kit.metrics.statistics.divergences import Estimate
from seqgan_kit.metrics.statistics.nll import nll_estimates
from seqgan_kit.metrics.text.kneser_ney import START, Floats, Text, train_levels

Sentences = Sequence[Sequence[str]]

DEFAULT_ORDER = 5
UNKNOWN = "<unk>"
# Ids after the start's.
_END, _UNKNOWN, _FIRST_WORD = START + 1, START + 2, START + 3


class KneserNey:
    """An interpolated Kneser-Ney model.

    Attributes:
        order: maximum n-gram order.
        words: the vocabulary without ``<unk>`` and the end.
        discounts: per order from 1, (D(1), D(2), D(3 or more)).

    Args:
        sentences: the training text as lists of words.
        order: maximum n-gram order.
        vocabulary: all words of the model (default: those of the training text). Two models can be compared
            on one text only with the same vocabulary.
        discount: a single D, as in the original paper (default: modified discounts from the counts).
    """

    def __init__(
        self,
        sentences: Sentences,
        order: int = DEFAULT_ORDER,
        *,
        vocabulary: Iterable[str] | None = None,
        discount: float | None = None,
    ):
        if order < 1:
            raise UsageError(
                f"the order of a language model must be a whole number of 1 or more, got {order}."
            )
        if discount is not None and not 0 < discount <= 1:
            raise UsageError(f"the discount must be above 0 and at most 1, got {discount}.")
        if not sentences:
            raise DataError(
                "a language model needs at least one training sentence: none was given."
            )
        given = chain.from_iterable(sentences) if vocabulary is None else vocabulary
        self.order = order
        self.words = sorted(set(given) - {UNKNOWN})
        self._ids = {word: i for i, word in enumerate(self.words, start=_FIRST_WORD)}
        self._levels, self.discounts = train_levels(
            self._numbered(sentences), order, self._base, discount
        )

    @property
    def vocabulary_size(self) -> int:
        """Size V of the vocabulary: the words, ``<unk>`` and the end of a sentence."""
        return len(self.words) + 2

    def sentence_log_probs(self, sentences: Sentences) -> tuple[Floats, Floats]:
        """Return the log-probability [N] of every sentence with its end, and its number of tokens [N]."""
        logs, starts = self._log_probs(sentences)
        counts = np.diff(starts, append=len(logs)) - 1.0
        return np.add.reduceat(logs, starts), counts

    def token_log_probs(self, sentences: Sentences) -> list[Floats]:
        """Return the log-probability of every word of each sentence and of its end."""
        logs, starts = self._log_probs(sentences)
        return [part[1:] for part in np.split(logs, starts[1:])]

    def _log_probs(self, sentences: Sentences) -> tuple[Floats, NDArray[np.int64]]:
        """Return log-probabilities [M] of all tokens, 0 at the starts of sentences, and these places [N]."""
        if not sentences:
            raise DataError("a language model scores at least one sentence; none was given.")
        text = self._numbered(sentences)
        logs = np.where(text.place > 0, np.log(self._probabilities(text)), 0.0)
        return logs, np.flatnonzero(text.place == 0)

    def next_word_probs(self, prefix: Sequence[str]) -> dict[str, float]:
        """Return the probability of every word, and of the end (as ``</s>``), after a prefix."""
        one = self._numbered([prefix])
        ids = np.repeat(one.ids[None], self.vocabulary_size, axis=0)
        ids[:, -1] = np.arange(_END, _END + self.vocabulary_size)  # in place of the end
        every = Text(ids.ravel(), np.tile(one.place, self.vocabulary_size))
        last = self._probabilities(every).reshape(self.vocabulary_size, -1)[:, -1]
        return dict(zip(("</s>", UNKNOWN, *self.words), last.tolist(), strict=True))

    @property
    def _base(self) -> int:
        return len(self.words) + _FIRST_WORD

    def _numbered(self, sentences: Sentences) -> Text:
        ids: list[int] = []
        for words in sentences:
            ids.append(START)
            ids.extend(self._ids.get(word, _UNKNOWN) for word in words)
            ids.append(_END)
        lengths = np.fromiter(map(len, sentences), np.int64, len(sentences)) + 2
        starts = np.repeat(np.cumsum(lengths) - lengths, lengths)
        return Text(np.array(ids, np.int64), np.arange(len(ids)) - starts)

    def _probabilities(self, text: Text) -> Floats:
        """Return the probability [M] of every token given its sentence so far; undefined for starts."""
        probability = np.full(len(text.ids), 1 / self.vocabulary_size)
        grams = np.zeros_like(text.ids)
        for k, level in enumerate(self._levels, start=1):
            histories = text.histories(grams, k)
            at, known = level.find(histories * self._base + text.ids, histories >= 0)
            mixed = (
                np.where(known, level.shares[at], 0.0) + level.left_over[histories] * probability
            )
            probability = np.where(histories >= 0, mixed, probability)
            grams = np.where(known, at, -1)
        return probability


def lm_score(samples: Sentences, model: KneserNey) -> tuple[Estimate, Estimate]:
    """Return nats per token and per sentence of samples under a model of real text: low for plausible
    samples.

    A generator that repeats one likely sentence has the best score, so read it beside the reverse score
    (Zhao et al. 2018; Semeniuta et al. 2018; Caccia et al. 2020).
    """
    return nll_estimates(*model.sentence_log_probs(samples))


def reverse_lm_score(
    samples: Sentences,
    held_out: Sentences,
    vocabulary: Iterable[str],
    order: int = DEFAULT_ORDER,
    discount: float | None = None,
) -> tuple[Estimate, Estimate]:
    """Return nats per token and per sentence of held-out real text under a model of samples.

    Modes that the samples miss raise the score. More samples lower it, so compare equal numbers.
    The standard errors are over the held-out sentences, for this set of samples.

    Args:
        samples: training text of the model.
        held_out: real text that the generator did not see.
        vocabulary: all words of real text, training and held-out. A vocabulary from the samples would
            reward few words. One without the held-out words would reward nonsense words, which make ``<unk>``
            likely.
        order: maximum n-gram order.
        discount: see :class:`KneserNey`.
    """
    model = KneserNey(samples, order, vocabulary=vocabulary, discount=discount)
    return nll_estimates(*model.sentence_log_probs(held_out))
