"""``sk.load``: text and image models, their discriminators, and models of one's own classes."""

import json
import shutil

import numpy as np
import pytest
import torch
from torch import nn

import seqgan_kit as sk
from seqgan_kit.core.training.checkpoint import numbered_checkpoints
from seqgan_kit.errors import CheckpointError, DataError, UsageError
from seqgan_kit.evaluation.text_export import save_text_model


def test_a_text_model_samples_scores_and_completes(text_run):
    model = sk.load(str(text_run.folder))
    lines = model.sample(4, temperature=0.9, seed=3)
    assert lines == model.sample(4, temperature=0.9, seed=3) != model.sample(4, seed=4)
    log_probs = model.log_prob(["the a cat sat .", "sat the . cat a"])
    assert log_probs.shape == (2,)
    assert (log_probs < 0).all()
    completed = model.complete("the a", 5, seed=1)
    assert len(completed) == 5
    assert all(line.startswith("the a") for line in completed)
    assert model.complete("the a", 5, seed=1) == completed


def test_log_prob_is_the_generators_own(text_run):
    model = text_run.model
    ids = model.tokenizer.encode("the b cat ran .")
    row = torch.tensor([[*ids, 2] + [0] * (model.generator.length - len(ids) - 1)])
    assert model.log_prob(["the b cat ran ."])[0] == pytest.approx(
        model.generator.sequence_log_prob(row).item(), abs=1e-5
    )


def test_completions_follow_the_model(text_run):
    """With top_k=1 the completion of nothing is the likeliest token at every step."""
    model = text_run.model
    (line,) = model.complete("", top_k=1)
    assert line == model.sample(1, top_k=1)[0]


def test_the_discriminator_comes_with_the_model(text_run):
    judge = text_run.model.discriminator
    scores = judge.score(["the a cat sat .", "cat cat cat cat", "the h cat hid ."])
    assert scores.shape == (3,)
    assert np.isfinite(scores).all()
    state = torch.load(
        numbered_checkpoints(text_run.folder / "checkpoints")[-1], weights_only=True
    )["players"]["discriminator"]
    for name, value in judge.network.state_dict().items():
        assert torch.equal(value, state[name])


def test_an_export_without_discriminator_loads_and_says_so(text_run, tmp_path):
    old = tmp_path / "old"
    save_text_model(old / "model", text_run.model.generator, text_run.model.tokenizer)
    model = sk.load(old)
    assert len(model.sample(2)) == 2
    with pytest.raises(UsageError, match="was saved without a discriminator"):
        _ = model.discriminator


def test_a_damaged_discriminator_is_refused(text_run, tmp_path):
    shutil.copytree(text_run.folder / "model", tmp_path / "run" / "model")
    path = tmp_path / "run" / "model" / "discriminator.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="checksum"):
        _ = sk.load(tmp_path / "run").discriminator


class MeanJudge(nn.Module):
    """A trunk of a class that the package does not have."""

    def __init__(self, vocabulary: int):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, 4)

    def forward(self, tokens):
        return self.embedding(tokens).mean(1)


def test_own_classes_are_handed_over(text_run, tmp_path):
    model = text_run.model
    judge = sk.Discriminator(MeanJudge(model.generator.vocabulary), 4)
    save_text_model(tmp_path / "model", model.generator, model.tokenizer, None, judge)
    with pytest.raises(UsageError, match=r"of the class .*MeanJudge.*discriminator=MeanJudge"):
        _ = sk.load(tmp_path).discriminator
    loaded = sk.load(
        tmp_path, discriminator=lambda v, t, pad: sk.Discriminator(MeanJudge(v), 4)
    ).discriminator
    line = "the a cat sat ."
    assert loaded.score([line])[0] == pytest.approx(
        judge(model._rows([line])).score.item(), abs=1e-6
    )


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["a " * 50], "line 1 has 50 tokens"),
        ([], "no lines were given"),
        ("the a cat", "give a list of lines"),
    ],
)
def test_lines_that_the_model_cannot_read(text_run, lines, message):
    with pytest.raises((DataError, UsageError), match=message):
        text_run.model.log_prob(lines)


def test_a_prefix_that_is_too_long(text_run):
    with pytest.raises(DataError, match="the prefix has 40 tokens"):
        text_run.model.complete("a " * 40)


def test_an_image_model_gives_an_array_of_bytes(image_run):
    images = image_run.model.sample(5, seed=2)
    assert images.shape == (5, 16, 16, 3)
    assert images.dtype == np.uint8
    assert np.array_equal(images, sk.load(image_run).sample(5, seed=2))
    with pytest.raises(UsageError, match="without their discriminator"):
        sk.load(image_run, discriminator=MeanJudge)


def test_a_model_of_another_kind_is_refused(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.json").write_text(json.dumps({"kind": "sound"}))
    with pytest.raises(UsageError, match="unknown model kind 'sound'"):
        sk.load(tmp_path)
    with pytest.raises(DataError, match="no such run directory"):
        sk.load(tmp_path / "nowhere")
