"""Encoders: what the own one tells apart, that it is repeatable and cached; a HuggingFace model's rules."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch

from seqgan_kit.data.catworld import CatWorld
from seqgan_kit.errors import DataError, UsageError
from seqgan_kit.evaluation.encoders import own_encoder as encoder_file
from seqgan_kit.evaluation.encoders.encoder_choice import find_encoder
from seqgan_kit.evaluation.encoders.lstm_language_model import (
    LanguageModelSettings,
    WordIds,
    known_words,
    train_language_model,
)
from seqgan_kit.evaluation.encoders.own_encoder import own_encoder
from seqgan_kit.metrics.features.two_sample import classifier_test

SMALL = LanguageModelSettings(embedding=16, hidden=16, dropout=0.1, epochs=3, learning_rate=1e-2)


@pytest.fixture(scope="module")
def captions() -> list[list[str]]:
    return [line.split() for line in CatWorld().sample_many(1600, np.random.default_rng(0))]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQGAN_KIT_CACHE", str(tmp_path / "cache"))


def test_word_order_shows_in_the_features(captions):
    """Shuffled words are told from real sentences, other real sentences are not."""
    encode = own_encoder(captions[:800], 0, SMALL)
    rng = np.random.default_rng(0)
    real, others = encode(captions[800:1200]), encode(captions[1200:])
    shuffled = encode([list(rng.permutation(words)) for words in captions[1200:]])
    assert real.shape == (400, 32)
    assert classifier_test(shuffled, real, rng).accuracy.value > 0.85
    assert classifier_test(others, real, rng).accuracy.value == pytest.approx(0.5, abs=0.1)
    # Standardised by training sentences, so others of that kind are near 0 and 1.
    assert np.abs(real.mean(0)).max() < 0.3
    assert real.std(0) == pytest.approx(np.ones(32), abs=0.25)


def test_the_same_text_and_seed_give_the_same_encoder_once(captions, monkeypatch):
    """The second call trains nothing; another text or seed has another name. torch's randomness stays."""
    state = torch.get_rng_state()
    first = own_encoder(captions[:60], 0, SMALL)
    assert torch.equal(torch.get_rng_state(), state)
    monkeypatch.setenv("SEQGAN_KIT_CACHE", str(Path("/dev/null/none")))
    again = own_encoder(captions[:60], 0, SMALL)
    assert again.name == first.name
    monkeypatch.undo()
    names = {own_encoder(captions[:60], 1, SMALL).name, own_encoder(captions[:59], 0, SMALL).name}
    assert len(names | {first.name}) == 3


def test_a_cached_encoder_is_not_trained_again(captions, monkeypatch):
    first = own_encoder(captions[:60], 0, SMALL)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(encoder_file, "train_language_model", refuse)
    again = own_encoder(captions[:60], 0, SMALL)
    assert again.name == first.name
    assert np.array_equal(again(captions[60:90]), first(captions[60:90]))
    with pytest.raises(AssertionError, match="trained again"):
        own_encoder(captions[:59], 0, SMALL)


def test_features_do_not_depend_on_the_company(captions):
    """Padding to a longer neighbour changes nothing; empty and unknown sentences have features too."""
    encode = own_encoder(captions[:60], 0, SMALL)
    alone = np.concatenate([encode([words]) for words in ([], ["never", "seen"], captions[70])])
    together = encode([[], ["never", "seen"], captions[70], captions[71] * 5])[:3]
    assert np.allclose(alone, together, atol=1e-5)
    assert np.isfinite(alone).all()


def test_the_language_model_learns(captions):
    """Held-out sentences become likelier; either direction counts their words and their end."""
    held_out = captions[300:500]
    untrained = train_language_model(captions[:300], LanguageModelSettings(epochs=0), 0)
    for backwards in (False, True):
        trained = train_language_model(captions[:300], SMALL, 0, backwards=backwards)
        log_probs, counts = trained.sentence_log_probs(held_out)
        assert -log_probs.mean() < -0.9 * untrained.sentence_log_probs(held_out)[0].mean()
        assert counts.tolist() == [len(words) + 1 for words in held_out]


def test_rows_run_backwards_and_end():
    """PAD 0, EOS 2, unknown 3, then the words."""
    forwards, backwards = WordIds("ab", 3), WordIds("ab", 3, backwards=True)
    assert forwards.rows([["a", "b", "x", "b"], ["b"]]).tolist() == [[4, 5, 3, 2], [5, 2, 0, 0]]
    assert backwards.rows([["a", "b", "x", "b"], ["b"]]).tolist() == [[3, 5, 4, 2], [5, 2, 0, 0]]


def test_rare_words_are_unknown():
    settings = LanguageModelSettings(min_count=2, vocabulary=2)
    assert known_words([["b", "a", "a"], ["c", "b", "d"], ["c", "<unk>", "<unk>"]], settings) == (
        "a",
    )


def test_too_little_text():
    with pytest.raises(DataError, match="at least 10 training sentences, got 3"):
        own_encoder([["a"]] * 3, 0, SMALL)
    with pytest.raises(DataError, match="at least 10 training sentences, got 3"):
        train_language_model([["a"]] * 3, SMALL, 0)


def test_an_unknown_encoder():
    with pytest.raises(UsageError, match="no such encoder: 'owl' is not a folder"):
        find_encoder("owl", [["a"]] * 20, 0)


class Tokens(dict[str, torch.Tensor]):
    """What a HuggingFace tokenizer returns."""


class StubTokenizer:
    """Characters as ids; like GPT-2's it has no padding of its own."""

    pad_token: str | None = None
    eos_token = "<end>"
    model_max_length = 8

    @classmethod
    def from_pretrained(cls, folder: Path, *, local_files_only: bool) -> StubTokenizer:
        assert local_files_only
        return cls()

    def __call__(self, lines: list[str], **options: object) -> Tokens:
        assert self.pad_token == "<end>"
        assert options == {
            "return_tensors": "pt",
            "padding": True,
            "truncation": True,
            "max_length": 8,
        }
        lines = [line[:8] for line in lines]
        longest = max(map(len, lines))
        ids = torch.tensor([[ord(c) for c in line.ljust(longest, "\0")] for line in lines])
        return Tokens(input_ids=ids, attention_mask=(ids > 0).long())


class StubModel:
    """Hidden states are the id and its square."""

    @classmethod
    def from_pretrained(cls, folder: Path, **options: object) -> StubModel:
        assert options == {"local_files_only": True, "use_safetensors": True}
        if (folder / "broken").exists():
            raise OSError("no config.json")
        return cls()

    def eval(self) -> StubModel:
        return self

    def __call__(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor
    ) -> types.SimpleNamespace:
        states = torch.stack([input_ids, input_ids**2], 2).double()
        return types.SimpleNamespace(last_hidden_state=states)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    library = types.ModuleType("transformers")
    library.AutoTokenizer, library.AutoModel = StubTokenizer, StubModel  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "transformers", library)
    model = tmp_path / "tiny-bert"
    model.mkdir()
    (model / "model.safetensors").write_bytes(b"weights")
    return model


def test_a_huggingface_model_gives_means_over_tokens(folder):
    """PAD does not count; a sentence is cut at what the model reads; the name has the weights' hash."""
    encode = find_encoder(str(folder), [], 0)
    ids = np.array([ord(c) for c in "ab cdefg"], float)
    features = encode([["a"], ["ab", "cdefghij"]])
    assert features == pytest.approx(np.array([[97, 97**2], [ids.mean(), (ids**2).mean()]]))
    (folder / "model.safetensors").write_bytes(b"others")
    other = find_encoder(str(folder), [], 0)
    assert encode.name.startswith("tiny-bert-mean-")
    assert other.name != encode.name


def test_only_safetensors_are_read(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(DataError, match="has no safetensors weights"):
        find_encoder(str(folder), [], 0)


def test_a_folder_that_transformers_cannot_load(folder):
    (folder / "broken").touch()
    with pytest.raises(DataError, match=r"cannot be loaded: no config\.json"):
        find_encoder(str(folder), [], 0)


def test_without_transformers(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(UsageError, match=r"pip install 'seqgan-kit\[embed\]'"):
        find_encoder(str(folder), [], 0)
