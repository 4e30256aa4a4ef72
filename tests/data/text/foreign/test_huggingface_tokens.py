"""The tokenizer of a language model: ids, decoding, files and what is refused."""

import json

import pytest

from seqgan_kit.data.text.foreign.huggingface_tokens import huggingface_tokenizer
from seqgan_kit.data.text.tokenizers import load_tokenizer
from seqgan_kit.errors import DataError, UsageError

tokenizers = pytest.importorskip("tokenizers")


def saved(folder, settings):
    """A byte-level BPE without merges, and its special token 0."""
    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: i for i, token in enumerate(["<end>", *alphabet])}
    made = tokenizers.Tokenizer(tokenizers.models.BPE(vocabulary, []))
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = tokenizers.decoders.ByteLevel()
    made.add_special_tokens(["<end>"])
    made.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return str(folder)


def test_ids_are_the_models_plus_four_and_lines_come_back(tmp_path):
    tokenizer = huggingface_tokenizer(saved(tmp_path, {"eos_token": "<end>"}))
    line = "a kitten's naïve café, 猫"
    ids = tokenizer.encode(line)
    assert min(ids) >= 5
    assert tokenizer.vocabulary_size == 257 + 4
    assert tokenizer.decode([1, *ids, 2, 7, 0]) == line
    assert tokenizer.model_special_ids == (-1, 0, -1)


def test_a_saved_tokenizer_is_rebuilt(tmp_path):
    tokenizer = huggingface_tokenizer(saved(tmp_path, {"eos_token": {"content": "<end>"}}))
    tokenizer.save(tmp_path / "own.json")
    again = load_tokenizer(tmp_path / "own.json")
    assert again.to_dict() == tokenizer.to_dict()
    assert again.encode("two cats") == tokenizer.encode("two cats")


def test_a_tokenizer_without_an_end_is_refused(tmp_path):
    with pytest.raises(UsageError, match="no end-of-text token"):
        huggingface_tokenizer(saved(tmp_path, {}))


def test_a_folder_without_a_fast_tokenizer_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"has no tokenizer\.json"):
        huggingface_tokenizer(str(tmp_path))


def test_a_damaged_file_is_refused(tmp_path):
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(DataError, match="is not valid"):
        huggingface_tokenizer(str(tmp_path))
