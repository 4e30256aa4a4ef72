"""Exported language models, read back by transformers and peft."""

import json

import pytest
import torch

from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.language_models.causal_generator import (
    LanguageModelGenerator,
    StoredLanguageModel,
)
from seqgan_kit.sequences.language_models.export import export_adapters, export_model

transformers = pytest.importorskip("transformers")
peft = pytest.importorskip("peft")

GPT2 = {"model_type": "gpt2", "n_embd": 8, "n_layer": 2, "n_head": 2, "n_positions": 16}
ROW = torch.tensor([[1, 4, 5, 3]])


def adapted(rank=2):
    """A model whose adapters are not zero."""
    config = StoredLanguageModel(architecture=json.dumps(GPT2), lora_rank=rank)
    rng = torch.Generator().manual_seed(0)
    generator = LanguageModelGenerator(config, 6, 4, bos=1, eos=2, pad=0, rng=rng)
    with torch.no_grad():
        for name, parameter in generator.named_parameters():
            if "lora_B" in name:
                parameter.normal_(generator=rng)
    return generator.eval()


def logits(model):
    with torch.no_grad():
        return model.eval()(input_ids=ROW).logits


@pytest.mark.parametrize("rank", [0, 2])
def test_transformers_loads_the_whole_model(tmp_path, rank):
    generator = adapted(rank)
    export_model(generator, tmp_path)
    loaded = transformers.AutoModelForCausalLM.from_pretrained(tmp_path, use_safetensors=True)
    torch.testing.assert_close(logits(loaded), logits(generator.model))


# peft asks transformers for a property by its earlier name.
@pytest.mark.filterwarnings("ignore:.*gradient_checkpointing:FutureWarning")
def test_peft_loads_the_adapters_onto_the_model_before_training(tmp_path):
    generator = adapted()
    with generator.base_policy():
        before = logits(generator.model)
    export_adapters(generator, tmp_path / "adapters")
    plain = adapted()
    with torch.no_grad():
        for name, parameter in plain.named_parameters():
            if "lora_B" in name:
                parameter.zero_()
    export_model(plain, tmp_path / "base")
    base = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "base")
    torch.testing.assert_close(logits(base), before)
    loaded = peft.PeftModel.from_pretrained(base, str(tmp_path / "adapters"))
    torch.testing.assert_close(logits(loaded), logits(generator.model))


def test_a_model_without_adapters_has_none_to_export(tmp_path):
    with pytest.raises(UsageError, match="without --adapters"):
        export_adapters(adapted(0), tmp_path)
