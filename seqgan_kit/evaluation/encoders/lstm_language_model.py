"""A small LSTM language model that scores text; it trains on lists of words within a minute.

It trains by maximum likelihood with dropout, a learning rate that falls to zero, and early stopping on
held-out likelihood. All randomness follows from the seed.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqgan_kit.data.text.encoding import pad_rows
from seqgan_kit.data.text.tokenizer import BOS, EOS, PAD, SPECIALS, UNK
from seqgan_kit.errors import DataError
from seqgan_kit.sequences.generators.lstm import LSTMConfig, LSTMGenerator
from seqgan_kit.sequences.maximum_likelihood import negative_log_likelihood, sequence_log_probs

Sentences = Sequence[Sequence[str]]
Floats = NDArray[np.float64]

_BUCKET_BATCHES = 50  # Batches sorted by length together, to avoid padding.


@dataclass(frozen=True)
class LanguageModelSettings:
    """Settings of the model and its training."""

    embedding: int = 64
    """Width of the word embeddings."""
    hidden: int = 128
    """Width of the LSTM."""
    dropout: float = 0.3
    """Dropout rate in training."""
    epochs: int = 8
    """Maximum number of passes over the text."""
    learning_rate: float = 4e-3
    """Initial learning rate of Adam."""
    batch_size: int = 32
    """Sentences per update."""
    clip_norm: float = 1.0
    """Maximum norm of a gradient."""
    held_out_share: float = 0.1
    """Share of the sentences that is held out for early stopping."""
    most_words: int = 64
    """Maximum number of words read per sentence; the rest is left out."""
    min_count: int = 2
    """Rarer words become <unk>, so that training contains <unk>."""
    vocabulary: int = 10_000
    """Maximum number of words, the most frequent first."""


def known_words(sentences: Sentences, settings: LanguageModelSettings) -> tuple[str, ...]:
    """Return the vocabulary of a model of these sentences."""
    counts = Counter(chain.from_iterable(sentences))
    ordered = sorted(counts, key=lambda word: (-counts[word], word))
    kept = [word for word in ordered if counts[word] >= settings.min_count]
    return tuple(word for word in kept[: settings.vocabulary] if word not in SPECIALS)


class WordIds:
    """A converter of sentences to rows of ids, forwards or backwards."""

    def __init__(self, words: Sequence[str], most_words: int, *, backwards: bool = False):
        self.words, self.most_words, self.backwards = tuple(words), most_words, backwards
        self._ids = {word: i for i, word in enumerate(self.words, start=len(SPECIALS))}

    @property
    def vocabulary(self) -> int:
        """Size V of the vocabulary, special tokens included."""
        return len(self.words) + len(SPECIALS)

    def rows(self, sentences: Sentences) -> Tensor:
        """Return ids [N,T], where T fits the longest sentence: words, EOS, then PAD."""
        lists = [
            [self._ids.get(word, UNK) for word in words[: self.most_words]] for words in sentences
        ]
        if self.backwards:
            lists = [ids[::-1] for ids in lists]
        return pad_rows(lists, max(map(len, lists), default=0) + 1)


@dataclass(frozen=True, eq=False)
class LSTMLanguageModel:
    """A trained model with its vocabulary."""

    generator: LSTMGenerator
    ids: WordIds

    def sentence_log_probs(self, sentences: Sentences) -> tuple[Floats, Floats]:
        """Return the log-probability [N] of every sentence with its end, and its number of tokens [N]."""
        rows = self.ids.rows(sentences)
        counts = self.generator.token_mask(rows).sum(1).double().numpy()
        return sequence_log_probs(self.generator, rows, 256).numpy(), counts


def train_language_model(
    sentences: Sentences,
    settings: LanguageModelSettings,
    seed: int,
    *,
    vocabulary: Sequence[str] | None = None,
    backwards: bool = False,
) -> LSTMLanguageModel:
    """Train a model; equal seeds and sentences give equal models on the same machine.

    Args:
        sentences: sentences as lists of words.
        settings: settings of the model and its training.
        seed: seed of weights, order, dropout and the held-out part.
        vocabulary: words of the model (default: :func:`known_words` of the sentences).
        backwards: whether the model reads from the last word to the first.
    """
    if len(sentences) < 10:
        raise DataError(
            f"an LSTM language model needs at least 10 training sentences, got {len(sentences)}: "
            "give more text."
        )
    words = known_words(sentences, settings) if vocabulary is None else vocabulary
    ids = WordIds(words, settings.most_words, backwards=backwards)
    rng = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(sentences), generator=rng)
    rows = ids.rows(sentences)[order]
    held_out = max(1, round(settings.held_out_share * len(rows)))
    # Dropout uses torch's global generator; fork_rng restores it afterwards.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        generator = _fresh(ids, rows.shape[1], settings, rng)
        _train(generator, rows[held_out:], rows[:held_out], settings, rng)
    return LSTMLanguageModel(generator.eval(), ids)


def blank_generator(ids: WordIds, length: int, settings: LanguageModelSettings) -> LSTMGenerator:
    """Return the network with untrained weights."""
    with torch.random.fork_rng(devices=[]):
        return _fresh(ids, length, settings, torch.Generator())


def _fresh(
    ids: WordIds, length: int, settings: LanguageModelSettings, rng: torch.Generator
) -> LSTMGenerator:
    config = LSTMConfig(settings.embedding, settings.hidden, dropout=settings.dropout)
    return LSTMGenerator(config, ids.vocabulary, length, bos=BOS, eos=EOS, pad=PAD, rng=rng)


def _train(
    generator: LSTMGenerator,
    rows: Tensor,
    held_out: Tensor,
    settings: LanguageModelSettings,
    rng: torch.Generator,
) -> None:
    """Train the network; it ends with the weights of the epoch with the best held-out likelihood."""
    optimizer = torch.optim.Adam(generator.parameters(), settings.learning_rate)
    steps = settings.epochs * math.ceil(len(rows) / settings.batch_size)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.02, steps)
    lowest, best = math.inf, None
    for _ in range(settings.epochs):
        generator.train()
        for batch in _batches(rows, settings.batch_size, rng):
            optimizer.zero_grad()
            negative_log_likelihood(generator, batch).backward()
            torch.nn.utils.clip_grad_norm_(generator.parameters(), settings.clip_norm)
            optimizer.step()
            schedule.step()
        nll = -float(sequence_log_probs(generator.eval(), held_out, 256).mean())
        if not nll < lowest:
            break
        lowest = nll
        best = {name: value.clone() for name, value in generator.state_dict().items()}
    if best is not None:
        generator.load_state_dict(best)


def _batches(rows: Tensor, size: int, rng: torch.Generator) -> Iterator[Tensor]:
    """Yield all rows in random batches of similar length, cut to the longest row of each."""
    lengths = (rows != PAD).sum(1)
    order = torch.randperm(len(rows), generator=rng)
    parts: list[Tensor] = []
    for bucket in order.split(size * _BUCKET_BATCHES):
        parts += bucket[lengths[bucket].argsort(stable=True)].split(size)
    for i in torch.randperm(len(parts), generator=rng).tolist():
        batch = rows[parts[i]]
        yield batch[:, : int(lengths[parts[i]].max())]
