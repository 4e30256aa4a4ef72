"""The likelihood of a language model with a large vocabulary: equal to the plain one, without all logits."""

import json

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from seqgan_kit.sequences.language_models.causal_generator import (
    LanguageModelGenerator,
    StoredLanguageModel,
)
from seqgan_kit.sequences.maximum_likelihood import negative_log_likelihood

pytest.importorskip("transformers")

V, T, B = 4000, 12, 64
GPT2 = {"model_type": "gpt2", "n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": 16}
RATES = dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), 0.0)


class Largest(TorchDispatchMode):
    """Notes the number of elements of the largest tensor that any operation returns."""

    elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for value in result if isinstance(result, tuple | list) else [result]:
            if isinstance(value, torch.Tensor):
                self.elements = max(self.elements, value.numel())
        return result


@pytest.fixture(scope="module")
def generator():
    torch.manual_seed(0)
    stored = StoredLanguageModel(architecture=json.dumps(GPT2 | RATES))
    rng = torch.Generator().manual_seed(0)
    return LanguageModelGenerator(stored, V, T, bos=1, eos=2, pad=0, rng=rng)


def plain_likelihood(generator, rows):
    log_probs = generator.logits(rows).log_softmax(2)
    return -log_probs.gather(2, rows.unsqueeze(2)).mean()


def measured(generator, loss, rows):
    generator.zero_grad()
    with Largest() as largest:
        value = loss(generator, rows)
        value.backward()
    gradients = {name: p.grad.clone() for name, p in generator.named_parameters()}
    return value.detach(), gradients, largest.elements


def test_the_likelihood_is_that_of_all_logits_but_never_holds_them(generator):
    rows = torch.randint(4, V, (B, T), generator=torch.Generator().manual_seed(1))
    plain, gradients, all_logits = measured(generator, plain_likelihood, rows)
    value, found, most = measured(generator, negative_log_likelihood, rows)
    assert all_logits >= B * T * V
    assert most < B * T * V / 5
    torch.testing.assert_close(value, plain, rtol=1e-6, atol=1e-6)
    for name, gradient in gradients.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-4, atol=1e-6)
