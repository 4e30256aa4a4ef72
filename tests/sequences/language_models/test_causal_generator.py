"""Language models as generators: probabilities, caches, padding and ids, on tiny random models."""

import copy
import itertools
import json
from dataclasses import replace

import pytest
import torch
from torch import nn

from seqgan_kit.core.estimators import without_dropout
from seqgan_kit.data.text import tokenizer
from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.generators.tempered import tempered
from seqgan_kit.sequences.language_models import numbering
from seqgan_kit.sequences.language_models.adapters import merge_adapters
from seqgan_kit.sequences.language_models.causal_generator import (
    LanguageModelGenerator,
    StoredLanguageModel,
)
from seqgan_kit.sequences.sampling.drawing_tokens import sample_sequences
from seqgan_kit.sequences.sampling.prefixes import continue_prefixes
from seqgan_kit.sequences.sampling.rollout import complete_prefixes

pytest.importorskip("transformers")

GPT2 = {"model_type": "gpt2", "n_embd": 8, "n_layer": 2, "n_head": 2, "n_positions": 32}
LLAMA = {
    "model_type": "llama",
    "hidden_size": 8,
    "intermediate_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 32,
}
ARCHITECTURES = {"gpt2": GPT2, "llama": LLAMA}
V, S, T = 6, 3, 3


def language_model(architecture="gpt2", given=0, vocabulary=V, length=T, **settings):
    """A model with random weights of some size, so that its probabilities are not uniform."""
    config = StoredLanguageModel(architecture=json.dumps(ARCHITECTURES[architecture]), **settings)
    rng = torch.Generator().manual_seed(0)
    generator = LanguageModelGenerator(
        config, vocabulary, length, bos=1, eos=2, pad=0, given=given, rng=rng
    )
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=rng), alpha=0.5)
    return generator.eval()


def all_rows(generator, condition):
    """Every row of T tokens: those that end with EOS and PAD, and unfinished ones."""
    rows = set()
    for row in itertools.product(range(generator.vocabulary), repeat=generator.length):
        end = row.index(2) + 1 if 2 in row else len(row)
        rows.add((*row[:end], *(0,) * (len(row) - end)))
    return torch.tensor([[*condition, *row] for row in sorted(rows)])


@pytest.mark.parametrize("separator", ["nothing", "bos"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("condition", [(), (3, 4, 5), (4, 0, 0), (0, 0, 0)])
def test_probabilities_of_all_rows_sum_to_one(architecture, condition, separator):
    generator = language_model(architecture, len(condition), separator=separator)
    with torch.no_grad():
        total = generator.sequence_log_prob(all_rows(generator, condition)).double().exp().sum()
    assert total == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("separator", ["nothing", "bos"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_cached_steps_equal_whole_rows(architecture, separator):
    """Conditions of different length in one batch: masks and positions must not depend on the padding."""
    generator = language_model(architecture, S, separator=separator)
    rows = torch.tensor([[3, 4, 5, 4, 5, 3], [5, 0, 0, 3, 3, 2], [0, 0, 0, 5, 4, 4]])
    with torch.no_grad():
        whole = generator.prefix_states(rows)
        state = generator.start(rows[:, :S])
        inputs = torch.cat([torch.full((3, 1), 1), rows[:, S:-1]], 1)
        for time, column in enumerate(inputs.t()):
            hidden, state = generator.advance(column, state)
            torch.testing.assert_close(hidden, whole[:, time], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_row_has_the_same_probability_in_any_company_and_with_any_padding(architecture):
    rows = torch.tensor([[4, 5, 0, 3, 5, 2], [3, 3, 3, 4, 4, 4]])
    wide, narrow = language_model(architecture, 3), language_model(architecture, 2)
    narrow.load_state_dict(wide.state_dict())
    with torch.no_grad():
        both = wide.sequence_log_prob(rows)
        torch.testing.assert_close(wide.sequence_log_prob(rows[:1]), both[:1])
        shorter = torch.tensor([[4, 5, 3, 5, 2]])
        torch.testing.assert_close(narrow.sequence_log_prob(shorter), both[:1])


def test_without_a_separator_the_first_token_follows_the_prompt_as_in_the_library():
    generator = language_model("gpt2", 2)
    row = torch.tensor([[4, 5, 3, 5, 4]])
    with torch.no_grad():
        logits = generator.model(input_ids=row).logits
        logits[..., [0, 1]] = -torch.inf
        expected = logits.log_softmax(2)[0, 1:4].gather(1, row[0, 2:, None]).squeeze(1)
        torch.testing.assert_close(generator.log_probs(row)[0], expected)


def test_soft_one_hots_equal_ids():
    generator = language_model("llama", 2)
    inputs = torch.tensor([[4, 0, 1, 5, 3]])
    soft = torch.nn.functional.one_hot(inputs, V).float()
    with torch.no_grad():
        torch.testing.assert_close(generator.encode(soft), generator.encode(inputs))


def test_a_pretrained_model_keeps_its_ids_and_writes_its_end_as_eos():
    """The tokenizer's ids are the model's plus 4; its own beginning and end are BOS and EOS."""
    generator = language_model("llama", vocabulary=11, model_bos=5, model_eos=6)
    rows = torch.tensor([[4, 8, 2], [7, 2, 0]])
    with torch.no_grad():
        logits = generator.model(input_ids=torch.tensor([[5, 0, 4], [5, 3, 6]])).logits
        logits[..., 5] = -torch.inf
        expected = logits.log_softmax(2)
        found = generator.log_probs(rows)
    targets = torch.tensor([[0, 4, 6], [3, 6, 0]])
    wanted = expected.gather(2, targets[..., None]).squeeze(2)
    torch.testing.assert_close(found[0], wanted[0])
    torch.testing.assert_close(found[1, :2], wanted[1, :2])
    samples = generator.sample(500, rng=torch.Generator().manual_seed(0))
    assert not {1, 3, 5 + 4, 6 + 4} & set(samples.unique().tolist())


def test_samples_follow_the_probabilities():
    generator = language_model("gpt2", 1, vocabulary=5, length=2)
    rows = all_rows(generator, (3,))
    with torch.no_grad():
        expected = generator.sequence_log_prob(rows).exp()
    given = torch.full((20_000, 1), 3)
    drawn = generator.sample(20_000, given=given, rng=torch.Generator().manual_seed(1))
    seen = torch.stack([(drawn == row).all(1).double().mean() for row in rows])
    spread = (expected * (1 - expected) / 20_000).sqrt()
    assert ((seen - expected).abs() <= 5 * spread + 1e-9).all()


def test_rollouts_and_continuations_run_on_its_cache():
    generator = language_model("llama", 2)
    prefixes = torch.tensor([[4, 0, 3], [5, 3, 2]])
    rows = continue_prefixes(generator, prefixes, 3, rng=torch.Generator().manual_seed(0))
    assert rows.shape == (2, 3, 5)
    assert (rows[:, :, :3] == prefixes[:, None]).all()
    assert (rows[1, :, 3:] == 0).all()


@pytest.mark.parametrize("separator", ["nothing", "bos"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("given", [0, 3])
def test_rows_written_in_place_are_those_of_copied_states(architecture, given, separator):
    """Rollouts of rows that end at different times, and samples; prompts are padded differently."""
    generator = language_model(architecture, given, vocabulary=9, length=6, separator=separator)
    generator.impossible[2] = -0.5  # Ends are rarer.
    prompts = torch.tensor([[4, 0, 0], [3, 5, 0], [5, 4, 3]])[:, :given]
    stepper = generator.stepper()
    for most_rows in (4, 100):
        in_place = replace(stepper, most_rows=most_rows)
        copied = replace(stepper, cached=None, beginnings=None)
        rows, same = (
            sample_sequences(way, prompts, rng=torch.Generator().manual_seed(1))
            for way in (in_place, copied)
        )
        assert torch.equal(rows, same)
        found, expected = (
            complete_prefixes(way, rows, 4, torch.Generator().manual_seed(2), 100)
            for way in (in_place, copied)
        )
        assert torch.equal(found, expected)
    assert len({tuple(row) for row in expected.flatten(0, 2).tolist()}) > 12


def test_rows_in_place_branch():
    """Continuations of other rows read on from their parents."""
    generator = language_model(given=3, length=4)
    rows = generator.stepper().rows(torch.tensor([[4, 0, 0], [3, 5, 4]]))
    rows.read(torch.tensor([1, 1]))
    rows.read(torch.tensor([3, 5]))
    rows.follow(torch.tensor([1, 1, 0]))
    found = rows.read(torch.tensor([3, 4, 4]))
    whole = torch.tensor([[3, 5, 4, 5, 3, 3, 3], [3, 5, 4, 5, 4, 3, 3], [4, 0, 0, 3, 4, 3, 3]])
    torch.testing.assert_close(found, generator.prefix_states(whole)[:, 2])


def test_special_ids_are_those_of_the_tokenizers():
    """The room may not import the tokenizers, so it has their ids once more."""
    theirs = (tokenizer.PAD, tokenizer.BOS, tokenizer.EOS, tokenizer.UNK)
    ours = (numbering.PAD, numbering.BOS, numbering.EOS, numbering.UNK)
    assert ours == theirs
    assert len(tokenizer.SPECIALS) == numbering.SPECIAL_IDS


def test_rows_longer_than_the_models_context_are_refused():
    with pytest.raises(UsageError, match="reads at most 32"):
        language_model("gpt2", length=40)


def test_unknown_settings_name_what_to_give():
    config = StoredLanguageModel(architecture=json.dumps({"model_type": "gtp2"}))
    with pytest.raises(UsageError, match=r"config\.json of a causal"):
        LanguageModelGenerator(config, V, T, bos=1, eos=2, pad=0)


def test_only_adapters_learn_and_turning_them_off_restores_the_model():
    pytest.importorskip("peft")
    plain, adapted = language_model("gpt2"), language_model("gpt2", lora_rank=2)
    trained = [name for name, part in adapted.named_parameters() if part.requires_grad]
    assert trained
    assert all("lora_" in name for name in trained)
    rows = torch.tensor([[3, 4, 2], [5, 5, 5]])
    weights = {
        name.replace(".base_layer", ""): part
        for name, part in adapted.state_dict().items()
        if "lora_" not in name
    }
    plain.load_state_dict(weights)
    with torch.no_grad():
        before = plain.sequence_log_prob(rows)
        assert not torch.allclose(adapted.sequence_log_prob(rows), before)
        with adapted.base_policy():
            torch.testing.assert_close(adapted.sequence_log_prob(rows), before)
        assert not torch.allclose(adapted.sequence_log_prob(rows), before)


def test_merged_adapters_give_the_same_probabilities():
    pytest.importorskip("peft")
    adapted = language_model("llama", lora_rank=2)
    rows = torch.tensor([[3, 4, 2], [5, 5, 5]])
    with torch.no_grad():
        before = adapted.sequence_log_prob(rows)
        merge_adapters(adapted.model)
        torch.testing.assert_close(adapted.sequence_log_prob(rows), before)
    assert not any("lora_" in name for name in adapted.state_dict())


def test_an_unknown_layer_for_adapters_is_answered_with_the_nearest_names():
    pytest.importorskip("peft")
    with pytest.raises(UsageError, match=r"v_prok: the model has no such linear layer.*v_proj"):
        language_model("llama", lora_rank=2, lora_targets=("v_prok",))


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_checkpointing_changes_no_gradient(kind):
    """GPT-2 has dropout, which is off in the loss alone and on again in the backward pass."""
    rows = torch.tensor([[3, 4, 2], [5, 5, 5]])
    gradients = []
    for checkpointing in (False, True):
        generator = copy.deepcopy(language_model(kind, checkpointing=checkpointing).train())
        with without_dropout(generator):
            loss = generator.sequence_log_prob(rows).sum()
        loss.backward()
        gradients.append([p.grad for p in generator.parameters()])
        assert all(m.p and m.training for m in generator.modules() if isinstance(m, nn.Dropout))
    torch.testing.assert_close(*gradients)


def test_a_temperature_changes_neither_the_model_nor_shared_embeddings():
    generator = language_model("gpt2")
    rows = torch.tensor([[3, 4, 2]])
    with torch.no_grad():
        before = generator.sequence_log_prob(rows)
        cold = tempered(generator, 0.5)
        expected = (2 * generator.logits(rows)).log_softmax(2)
        found = cold.log_probs(rows)
        torch.testing.assert_close(generator.sequence_log_prob(rows), before)
    torch.testing.assert_close(found, expected.gather(2, rows[..., None]).squeeze(2))


def test_without_dropout_attention_has_none_either():
    """GPT-2's attention reads the rate of its dropout layer, not the layer's mode."""
    generator = language_model()
    rows = torch.tensor([[3, 4, 5], [5, 4, 2]])
    expected = generator.log_probs(rows)
    generator.train()
    assert not torch.equal(generator.log_probs(rows), expected)
    with without_dropout(generator):
        torch.testing.assert_close(generator.log_probs(rows), expected)
    assert {m.p for m in generator.modules() if isinstance(m, torch.nn.Dropout)} == {0.1}
    assert not torch.equal(generator.log_probs(rows), expected)
