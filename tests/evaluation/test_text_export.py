"""A saved text model: what comes back, and what is said when it cannot."""

import json
import math
import random
import time

import pytest
import torch

from seqgan_kit.data.text.detokenize import detokenize
from seqgan_kit.data.text.tokenizers import train_tokenizer
from seqgan_kit.errors import CheckpointError, SeqganKitError, UsageError
from seqgan_kit.evaluation.text_export import load_text_model, save_text_model

LINES = ["a cat sat", "the cat — naïve 猫"]


@pytest.fixture
def saved(tiny_generator, tmp_path):
    tokenizer = train_tokenizer("word", LINES)
    generator = tiny_generator(tokenizer.vocabulary_size, 6, hidden=5, layers=2, dropout=0.3)
    save_text_model(tmp_path / "model", generator, tokenizer)
    return tmp_path, generator


def forget_checksums(folder):
    """An export as older versions wrote it."""
    path = folder / "model" / "model.json"
    record = json.loads(path.read_text())
    del record["sha256"]
    path.write_text(json.dumps(record))


def test_a_model_comes_back_as_it_was(saved):
    folder, generator = saved
    model = load_text_model(folder)
    tokens = generator.sample(20, rng=torch.Generator().manual_seed(4))
    assert model.generator.config == generator.config
    for name, tensor in generator.state_dict().items():
        assert torch.equal(model.generator.state_dict()[name], tensor)
    assert model.sample(20, seed=4) == [model.tokenizer.decode(row) for row in tokens.tolist()]
    assert not model.generator.training


def test_samples_follow_the_seed_and_can_be_written(saved, tmp_path):
    model = load_text_model(saved[0])
    lines = model.sample(30, seed=1, temperature=0.9, top_k=4, top_p=0.9, out=tmp_path / "out.txt")
    assert lines == model.sample(30, seed=1, temperature=0.9, top_k=4, top_p=0.9)
    assert lines != model.sample(30, seed=2, temperature=0.9, top_k=4, top_p=0.9)
    assert (tmp_path / "out.txt").read_text(encoding="utf-8").splitlines() == lines
    assert len(set(model.sample(20, top_k=1))) == 1, "the likeliest token every time"


def test_samples_are_detokenised_on_wish(saved):
    model = load_text_model(saved[0])
    plain = model.sample(20, seed=1)
    written = [detokenize(line) for line in plain]
    assert model.sample(20, seed=1, detokenize=True) == written


def test_a_folder_without_a_model_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"has no trained model, because model\.json is missing"):
        load_text_model(tmp_path)


def test_a_damaged_record_is_named(saved):
    (saved[0] / "model" / "model.json").write_text("{", encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"model\.json is damaged"):
        load_text_model(saved[0])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda record: record.pop("length"),
        lambda record: record.update(vocabulary=99),
        lambda record: record["generator"]["config"].update(hidden=7),
        lambda record: record["generator"]["config"].update(colour="red"),
    ],
)
def test_a_record_of_another_model_is_refused(saved, spoil):
    path = saved[0] / "model" / "model.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    spoil(record)
    path.write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(
        CheckpointError, match=r"(?s)(cannot be restored|was edited): .* must come from one run"
    ):
        load_text_model(saved[0])


@pytest.mark.parametrize("content", [b"", b"garbage" * 100])
def test_damaged_weights_are_refused(saved, content):
    forget_checksums(saved[0])
    (saved[0] / "model" / "generator.safetensors").write_bytes(content)
    with pytest.raises(CheckpointError, match="cannot be restored"):
        load_text_model(saved[0])


def test_missing_weights_are_refused(saved):
    (saved[0] / "model" / "generator.safetensors").unlink()
    with pytest.raises(CheckpointError, match="cannot be restored"):
        load_text_model(saved[0])


def test_another_runs_tokenizer_is_refused(saved):
    forget_checksums(saved[0])
    train_tokenizer("word", ["one two"]).save(saved[0] / "model" / "tokenizer.json")
    with pytest.raises(CheckpointError, match="has 6 tokens, but the generator"):
        load_text_model(saved[0])


def test_a_missing_tokenizer_is_no_traceback(saved):
    (saved[0] / "model" / "tokenizer.json").unlink()
    with pytest.raises(SeqganKitError, match=r"tokenizer\.json"):
        load_text_model(saved[0])


def test_every_flipped_bit_of_weights_and_tokenizer_is_found(saved):
    choose = random.Random(0)
    for name in ("generator.safetensors", "tokenizer.json"):
        path = saved[0] / "model" / name
        content = path.read_bytes()
        for _ in range(100):
            damaged, bit = bytearray(content), choose.randrange(8 * len(content))
            damaged[bit // 8] ^= 1 << bit % 8
            path.write_bytes(damaged)
            with pytest.raises(
                CheckpointError, match=f"{name} is damaged or belongs to another run"
            ):
                load_text_model(saved[0])
        path.write_bytes(content)


def test_an_export_without_checksums_is_read_as_before(saved):
    forget_checksums(saved[0])
    assert load_text_model(saved[0]).generator.config == saved[1].config


@pytest.mark.parametrize(
    "change",
    [
        {"vocabulary": 10**9},
        {"vocabulary": 2**24},
        {"length": 10**12},
        {"generator": {"name": "lstm", "config": {"hidden": 10**6, "embedding": 10**6}}},
        {"generator": {"name": "lstm", "config": {"layers": 10**9}}},
        {"generator": {"name": "transformer", "config": {"layers": 256, "width": 4096}}},
        {"generator": {"name": "char_resnet", "config": {"blocks": 10**7}}},
        {"generator": {"name": "relational", "config": {"heads": 0}}},
        {"generator": {"name": "lstm", "config": {"hidden": "5"}}},
        {"generator": {"name": "lstm", "config": []}},
        {"generator": {"name": "LSTM", "config": {}}},
        {"generator": {}},
        {"generator": None},
        {"bos": None},
        {"eos": -1},
        {"pad": 10**6},
        {"kind": "image"},
    ],
)
def test_absurd_descriptions_are_refused_at_once(saved, change):
    path = saved[0] / "model" / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    began = time.monotonic()
    with pytest.raises(CheckpointError, match="must come from one run"):
        load_text_model(saved[0])
    assert time.monotonic() - began < 10


def test_weights_that_are_no_numbers_are_refused_by_name(tiny_generator, tmp_path):
    tokenizer = train_tokenizer("word", LINES)
    generator = tiny_generator(tokenizer.vocabulary_size, 6)
    with torch.no_grad():
        generator.output.weight[0, 0] = math.nan
    save_text_model(tmp_path / "model", generator, tokenizer)
    with pytest.raises(
        CheckpointError, match=r"cannot be sampled: 1 of .* numbers in output\.weight are"
    ):
        load_text_model(tmp_path)
