"""The own encoder: trained on the real training text, without a download.

Two small LSTM language models read the text, one from left to right, one from right to left. A sentence's
features are

    [mean over t of h_t, mean over t of h'_t],   each standardised by the training sentences

where h_t is the state after the words before t, and h'_t the state after the words behind t. A state that
predicts words must hold topic and syntax, so word order counts, unlike in a bag of words. The encoder
depends on its corpus, so scores of different encoders cannot be compared. Its name therefore contains a
hash.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from seqgan_kit.data.cache import cache_key, load_entry, store_entry
from seqgan_kit.data.sources.text_rows import rows_digest
from seqgan_kit.errors import DataError
from seqgan_kit.evaluation.encoders.encoder import Features
from seqgan_kit.evaluation.encoders.lstm_language_model import (
    LanguageModelSettings,
    LSTMLanguageModel,
    Sentences,
    WordIds,
    blank_generator,
    known_words,
    train_language_model,
)

OWN = "own"
ENCODER_SETTINGS = LanguageModelSettings(hidden=64, dropout=0.1, epochs=3)
MOST_TRAINING_SENTENCES = 20_000
_ROWS_AT_ONCE = 512


@dataclass(frozen=True, eq=False)
class OwnEncoder:
    """Mean states of two language models, one per reading direction."""

    forwards: LSTMLanguageModel
    backwards: LSTMLanguageModel
    middle: Tensor
    """Mean [F] of the features of training sentences."""
    scale: Tensor
    """Standard deviation [F] of these features; 1 where it is 0."""

    @property
    def name(self) -> str:
        return f"{OWN}{len(self.middle)}-{weights_digest(self.tensors())}"

    def __call__(self, sentences: Sentences) -> Features:
        return np.asarray(((self.raw(sentences) - self.middle) / self.scale).numpy())

    @torch.no_grad()
    def raw(self, sentences: Sentences) -> Tensor:
        """Return features [N,F] before standardisation."""
        both = [_mean_states(model, sentences) for model in (self.forwards, self.backwards)]
        return torch.cat(both, 1)

    def tensors(self) -> dict[str, Tensor]:
        """Return all trained tensors by name."""
        learned = {"middle": self.middle, "scale": self.scale}
        for way, model in (("forwards", self.forwards), ("backwards", self.backwards)):
            state = model.generator.state_dict().items()
            learned |= {f"{way}.{name}": value for name, value in state}
        return learned


def own_encoder(
    training: Sentences, seed: int, settings: LanguageModelSettings = ENCODER_SETTINGS
) -> OwnEncoder:
    """Return the encoder of a training text from the cache, or train it (a minute for 10,000 short
    sentences).

    Args:
        training: real sentences; a random part is used if there are very many.
        seed: seed of that part and of the training.
        settings: settings of its models and their training.
    """
    if len(training) < 10:
        raise DataError(
            f"the own encoder needs at least 10 training sentences, got {len(training)}: give "
            "more text or choose another encoder."
        )
    parts = {
        "settings": dataclasses.asdict(settings),
        "seed": seed,
        "most": MOST_TRAINING_SENTENCES,
    }
    text = rows_digest("\t".join(words) for words in training)
    key = cache_key("text-encoder", {"text": text, **parts})
    stored = load_entry(key, lambda tensors, values: _restored(tensors, values["words"], settings))
    if stored is not None:
        return stored
    chosen = np.random.default_rng(seed).permutation(len(training))[:MOST_TRAINING_SENTENCES]
    sentences = [training[i] for i in sorted(chosen)]
    words = known_words(sentences, settings)
    forwards, backwards = (
        train_language_model(sentences, settings, seed, vocabulary=words, backwards=way)
        for way in (False, True)
    )
    width = 2 * settings.hidden
    untouched = OwnEncoder(forwards, backwards, torch.zeros(width), torch.ones(width))
    features = untouched.raw(sentences[:5000])
    spread = features.std(0)
    scale = torch.where(spread > 0, spread, torch.ones(()))
    encoder = OwnEncoder(forwards, backwards, features.mean(0), scale)
    store_entry(key, encoder.tensors(), {"words": words})
    return encoder


def weights_digest(tensors: dict[str, Tensor]) -> str:
    """Return the first eight digits of the hash of named weights."""
    total = hashlib.sha256()
    for name in sorted(tensors):
        total.update(name.encode() + tensors[name].contiguous().numpy().tobytes())
    return total.hexdigest()[:8]


def _restored(
    tensors: dict[str, Tensor], words: Sequence[str], settings: LanguageModelSettings
) -> OwnEncoder:
    models = []
    for way in ("forwards", "backwards"):
        ids = WordIds(words, settings.most_words, backwards=way == "backwards")
        generator = blank_generator(ids, settings.most_words + 1, settings)
        state = {
            name.removeprefix(f"{way}."): value
            for name, value in tensors.items()
            if name.startswith(f"{way}.")
        }
        generator.load_state_dict(state)
        models.append(LSTMLanguageModel(generator.eval(), ids))
    return OwnEncoder(models[0], models[1], tensors["middle"], tensors["scale"])


def _mean_states(model: LSTMLanguageModel, sentences: Sentences) -> Tensor:
    """Return the mean [N,H] of the states that predict a sentence's words and its end."""
    rows = model.ids.rows(sentences)
    found = []
    for part in rows.split(_ROWS_AT_ONCE):
        mask = model.generator.token_mask(part).unsqueeze(2)
        states = model.generator.prefix_states(part) * mask
        found.append(states.sum(1) / mask.sum(1))
    return torch.cat(found)
