"""A small LSTM language model, trained on lists of words within a minute: a judge of text, not a generator.

Maximum likelihood with dropout, a step size that falls to zero, and an end where held-out likelihood stops
improving. Everything random follows from the seed.
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

_BUCKET_BATCHES = 50  # rows that are sorted by length together, so that batches hold little padding


@dataclass(frozen=True)
class LanguageModelSettings:
    """Size and training of the model."""

    embedding: int = 64
    """Width of the word embeddings."""
    hidden: int = 128
    """Width of the LSTM."""
    dropout: float = 0.3
    """Share of activations dropped in training."""
    epochs: int = 8
    """Most passes over the text."""
    learning_rate: float = 4e-3
    """Adam's step size at first."""
    batch_size: int = 32
    """Sentences a step."""
    clip_norm: float = 1.0
    """Largest norm of a gradient."""
    held_out_share: float = 0.1
    """Share of the sentences that says when to stop."""
    most_words: int = 64
    """Words read of a sentence; what follows them is left out."""
    min_count: int = 2
    """Rarer words are <unk>, which therefore is seen in training."""
    vocabulary: int = 10_000
    """Most words, by falling count."""


def known_words(sentences: Sentences, settings: LanguageModelSettings) -> tuple[str, ...]:
    """The words that a model of these sentences knows."""
    counts = Counter(chain.from_iterable(sentences))
    ordered = sorted(counts, key=lambda word: (-counts[word], word))
    kept = [word for word in ordered if counts[word] >= settings.min_count]
    return tuple(word for word in kept[: settings.vocabulary] if word not in SPECIALS)


class WordIds:
    """Sentences as rows of ids, forwards or backwards."""

    def __init__(self, words: Sequence[str], most_words: int, *, backwards: bool = False):
        self.words, self.most_words, self.backwards = tuple(words), most_words, backwards
        self._ids = {word: i for i, word in enumerate(self.words, start=len(SPECIALS))}

    @property
    def vocabulary(self) -> int:
        """V, special tokens included."""
        return len(self.words) + len(SPECIALS)

    def rows(self, sentences: Sentences) -> Tensor:
        """[N,T] with T for the longest of these, EOS, then PAD."""
        lists = [
            [self._ids.get(word, UNK) for word in words[: self.most_words]] for words in sentences
        ]
        if self.backwards:
            lists = [ids[::-1] for ids in lists]
        return pad_rows(lists, max(map(len, lists), default=0) + 1)


@dataclass(frozen=True, eq=False)
class LSTMLanguageModel:
    """A trained model, with the words that it knows."""

    generator: LSTMGenerator
    ids: WordIds

    def sentence_log_probs(self, sentences: Sentences) -> tuple[Floats, Floats]:
        """Natural log-probability [N] of every sentence with its end, and its tokens [N], the end counted."""
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
    """Train a model; the same seed and sentences give the same one on the same machine.

    Args:
        sentences: as lists of words.
        settings: size and training.
        seed: of weights, order, dropout, and of what is held out.
        vocabulary: the words that it shall know (default: :func:`known_words` of the sentences).
        backwards: whether it reads from the last word to the first.
    """
    if len(sentences) < 10:
        raise DataError(
            f"an LSTM language model needs at least 10 sentences to learn from, got {len(sentences)}."
        )
    words = known_words(sentences, settings) if vocabulary is None else vocabulary
    ids = WordIds(words, settings.most_words, backwards=backwards)
    rng = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(sentences), generator=rng)
    rows = ids.rows(sentences)[order]
    held_out = max(1, round(settings.held_out_share * len(rows)))
    # Dropout takes its numbers from torch's own generator; outside, that is left as it was.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        generator = _fresh(ids, rows.shape[1], settings, rng)
        _train(generator, rows[held_out:], rows[:held_out], settings, rng)
    return LSTMLanguageModel(generator.eval(), ids)


def blank_generator(ids: WordIds, length: int, settings: LanguageModelSettings) -> LSTMGenerator:
    """The network, with weights of no meaning."""
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
    """Leave the weights of the epoch with the best held-out likelihood."""
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
    """All rows in random batches of similar lengths, cut to the longest of each."""
    lengths = (rows != PAD).sum(1)
    order = torch.randperm(len(rows), generator=rng)
    parts: list[Tensor] = []
    for bucket in order.split(size * _BUCKET_BATCHES):
        parts += bucket[lengths[bucket].argsort(stable=True)].split(size)
    for i in torch.randperm(len(parts), generator=rng).tolist():
        batch = rows[parts[i]]
        yield batch[:, : int(lengths[parts[i]].max())]
