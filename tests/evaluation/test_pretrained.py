"""Starting from another run's generator: what may differ, and what its row in the table is called."""

import json
from dataclasses import fields, replace

import pytest
import torch

from seqgan_kit.data.text.tokenizers import train_tokenizer
from seqgan_kit.errors import UsageError
from seqgan_kit.evaluation.pretrained import start_from, start_name
from seqgan_kit.evaluation.text_export import save_text_model
from seqgan_kit.sequences.fine_tuning import FineTuning
from seqgan_kit.sequences.generators.generator_choice import (
    GENERATORS,
    GeneratorChoice,
    build_generator,
)
from seqgan_kit.sequences.generators.lstm import LSTMConfig
from seqgan_kit.sequences.generators.transformer import TransformerConfig

TOKENIZER = train_tokenizer("word", ["a cat sat", "the cat sat"])


def built(choice: GeneratorChoice):
    ids = TOKENIZER
    size = (ids.vocabulary_size, 5)
    return build_generator(choice, *size, bos=ids.bos, eos=ids.eos, pad=ids.pad)


LSTM = GeneratorChoice(lstm=LSTMConfig(4, 4, dropout=0.1))
TRANSFORMER = GeneratorChoice("transformer", transformer=TransformerConfig(8, 1, heads=2))


def started(tmp_path, saved: GeneratorChoice, wanted: GeneratorChoice):
    """What a run saved, what starts from it, and what was said."""
    there, here, said = built(saved), built(wanted), []
    save_text_model(tmp_path / "model", there, TOKENIZER)
    start_from(str(tmp_path), here, TOKENIZER, said.append)
    return there, here, said


@pytest.mark.parametrize("base", [LSTM, TRANSFORMER], ids=["lstm", "transformer"])
def test_settings_that_matter_in_training_alone_may_differ_and_are_told(tmp_path, base):
    name = base.generator
    other = replace(base, **{name: replace(getattr(base, name), dropout=0.25, initial_std=0.5)})
    there, here, said = started(tmp_path, base, other)
    for key, weight in there.state_dict().items():
        assert torch.equal(here.state_dict()[key], weight)
    assert len(said) == 1
    assert "dropout 0.1 there, 0.25 here" in said[0]
    assert started(tmp_path, base, base)[2] == []


def test_another_network_is_refused_and_named(tmp_path):
    wide = GeneratorChoice(lstm=LSTMConfig(4, 6))
    with pytest.raises(UsageError, match="other settings: hidden 4 there, 6 here"):
        started(tmp_path, LSTM, wide)
    with pytest.raises(
        UsageError, match="is a LSTMGenerator, but this run has a TransformerGenerator"
    ):
        started(tmp_path, LSTM, TRANSFORMER)


def test_heads_shape_no_weight_and_yet_make_another_network(tmp_path):
    four = replace(TRANSFORMER, transformer=TransformerConfig(8, 1, heads=4))
    with pytest.raises(UsageError, match="heads 2 there, 4 here"):
        started(tmp_path, TRANSFORMER, four)


def test_every_generator_names_its_training_settings_alike():
    for name, (settings, _) in GENERATORS.items():
        named = {field.name for field in fields(settings)}
        assert named & {"dropout", "checkpointing"}, name


@pytest.mark.parametrize(
    ("recipe", "method", "name"),
    [
        ("mle", {"pretrained": ""}, "MLE"),
        ("mle", {"pretrained": "runs/a"}, "pretrained: mle, {run}"),
        ("seqgan", {"rollouts": 16}, "pretrained: seqgan, {run}"),
    ],
)
def test_the_start_is_named_after_what_it_is(tmp_path, recipe, method, name):
    record = {"recipe": recipe, "config": {"method": method}, "versions": {"seqgan_kit": "0"}}
    (tmp_path / "config.json").write_text(json.dumps(record))
    assert start_name(FineTuning(pretrained=str(tmp_path))) == name.format(run=tmp_path)


def test_without_another_run_the_start_is_mle_or_nothing():
    assert start_name(FineTuning()) == "MLE"
    assert start_name(FineTuning(mle_epochs=0)) == "untrained"
