"""Language models with quicker layers: the same function, gradients, copies and files."""

import copy

import pytest
import torch

from seqgan_kit.core import products
from seqgan_kit.sequences.language_models.quick_layers import (
    TanhGELU,
    attention_of_one_token,
    is_transposed,
    quicken,
)

transformers = pytest.importorskip("transformers")

GPT2 = {"n_embd": 64, "n_layer": 2, "n_head": 2, "n_positions": 16, "vocab_size": 50}
LLAMA = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 50,
}
CONFIGS = {
    "gpt2": transformers.GPT2Config(**GPT2, resid_pdrop=0, attn_pdrop=0, embd_pdrop=0),
    "llama": transformers.LlamaConfig(**LLAMA),
}


@pytest.fixture(params=["gpt2", "llama"])
def plain(request):
    torch.manual_seed(0)
    return transformers.AutoModelForCausalLM.from_config(CONFIGS[request.param])


@pytest.fixture(params=[False, True], ids=["torch", "oneDNN"])
def every_product_by(request, monkeypatch):
    """Multiply by this library, whatever the processor and however small the product."""
    if request.param and not products._onednn_multiplies():
        pytest.skip("this torch has no oneDNN")
    monkeypatch.setattr(products, "_onednn_is_quicker", lambda: request.param)
    monkeypatch.setattr(products, "_WORTH_IT", 0)


@pytest.mark.usefixtures("every_product_by")
def test_logits_and_gradients_stay_those_of_the_library(plain):
    tokens = torch.randint(50, (3, 12))
    quick = copy.deepcopy(plain)
    quicken(quick)
    assert quick.state_dict().keys() == plain.state_dict().keys()
    for model in (plain, quick):
        model(input_ids=tokens, labels=tokens).loss.backward()
    torch.testing.assert_close(quick(tokens).logits, plain(tokens).logits, rtol=1e-5, atol=1e-5)
    for ours, theirs in zip(quick.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-4, atol=1e-6)


def test_every_layer_that_has_a_quicker_class_gets_it(plain):
    quicken(plain)
    kinds = {type(layer).__name__ for layer in plain.modules()}
    assert not kinds & {"Conv1D", "NewGELUActivation"}
    assert torch.nn.Linear not in {type(layer) for layer in plain.modules()}


def test_quickening_twice_or_a_copy_changes_nothing(plain):
    quicken(plain)
    again = copy.deepcopy(plain)
    quicken(again)
    assert [type(x) for x in again.modules()] == [type(x) for x in plain.modules()]
    with torch.no_grad():
        next(again.parameters()).zero_()
    assert next(plain.parameters()).any(), "a copy has parameters of its own"


def test_a_transposed_layer_is_still_known_as_one():
    model = transformers.AutoModelForCausalLM.from_config(CONFIGS["gpt2"])
    quicken(model)
    layer = model.transformer.h[0].attn.c_attn
    assert is_transposed(layer)
    assert not is_transposed(model.lm_head)
    assert isinstance(model.transformer.h[0].mlp.act, TanhGELU)


def test_attention_of_a_model_is_left_as_it_was(plain):
    with pytest.raises(RuntimeError), attention_of_one_token(plain):
        raise RuntimeError
    assert plain.config._attn_implementation == "sdpa"


@pytest.mark.parametrize(("name", "expected"), [("gpt2", "eager"), ("llama", "sdpa")])
def test_only_heads_with_keys_of_their_own_take_batched_products(name, expected):
    model = transformers.AutoModelForCausalLM.from_config(CONFIGS[name])
    with attention_of_one_token(model):
        assert model.config._attn_implementation == expected
