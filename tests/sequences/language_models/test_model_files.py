"""Folders of language models: what is read silently, and what is refused in a sentence and not run."""

import json

import pytest
import torch

from seqgan_kit.errors import DataError, UsageError
from seqgan_kit.sequences.discriminators.discriminator_choice import (
    DiscriminatorChoice,
    build_discriminator,
)
from seqgan_kit.sequences.language_models.model_files import load_language_model
from seqgan_kit.sequences.language_models.reader import ReaderConfig

transformers = pytest.importorskip("transformers")


def as_generator(folder):
    return load_language_model(str(folder), trains_all=True)


def as_discriminator(folder, **settings):
    choice = DiscriminatorChoice("hf", str(folder), hf_reader=ReaderConfig(**settings))
    return build_discriminator(choice, 10, 8, pad=0, given=2, model_ids=(0, 0, 1))


BOTH = pytest.mark.parametrize("load", [as_generator, as_discriminator])


@pytest.fixture
def folder(tmp_path):
    """A saved model without a padding token."""
    sizes = {"n_embd": 8, "n_layer": 1, "n_head": 2, "n_positions": 8}
    ids = {"vocab_size": 6, "bos_token_id": 0, "eos_token_id": 0}
    transformers.GPT2LMHeadModel(transformers.GPT2Config(**sizes, **ids)).save_pretrained(tmp_path)
    return tmp_path


@BOTH
def test_a_model_is_read_without_a_padding_token_and_without_noise(folder, load, capfd):
    capfd.readouterr()
    load(folder)
    assert capfd.readouterr() == ("", "")


@BOTH
@pytest.mark.parametrize("kind", ["gpt2", "xmodel"])
def test_a_repository_with_code_is_refused_and_its_code_is_not_run(folder, load, kind):
    file = folder / "config.json"
    names = {"AutoConfig": "code.Config", "AutoModel": "code.X", "AutoModelForCausalLM": "code.X"}
    settings = json.loads(file.read_text()) | {"auto_map": names, "model_type": kind}
    file.write_text(json.dumps(settings))
    (folder / "code.py").write_text(f"open({str(folder / 'was_run')!r}, 'w')")
    with pytest.raises(
        UsageError, match=r"needs code from its own repository \(auto_map\), and code"
    ):
        load(folder)
    assert not (folder / "was_run").exists()


@BOTH
def test_pickled_weights_are_refused(folder, load):
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")
    with pytest.raises(
        DataError, match=r"pickled weights only \(pytorch_model.bin\), and unpickling"
    ):
        load(folder)


@BOTH
def test_a_folder_without_a_model_says_what_to_give(tmp_path, load):
    with pytest.raises(DataError, match=r"no model can be loaded from .* Give a folder"):
        load(tmp_path)


def test_adapters_of_a_discriminator_name_their_own_flag(folder):
    pytest.importorskip("peft")
    with pytest.raises(UsageError, match=r"--hf-reader.lora-targets c_atn: .* nearest are c_attn"):
        as_discriminator(folder, lora_rank=2, lora_targets=("c_atn",))
