"""Paths between two sentences: ends, control, export, the command and its mistakes."""

import pytest
import torch

from seqgan_kit.cli.main import main
from seqgan_kit.data.text.tokenizers import train_tokenizer
from seqgan_kit.errors import UsageError
from seqgan_kit.evaluation.latent.sentence_paths import (
    code_paths,
    interpolated_lines,
    mixed_tokens,
    sentences_between,
)
from seqgan_kit.evaluation.text_export import load_text_model, save_text_model
from seqgan_kit.face.loading import load
from seqgan_kit.sequences.generators.latent_lstm import LatentLSTM, LatentLSTMConfig

LINES = ["a black cat sat", "two white cats play"]


@pytest.fixture
def saved(tmp_path):
    tokenizer = train_tokenizer("word", LINES)
    config = LatentLSTMConfig(4, 6, 2, code_at="every_step")
    generator = LatentLSTM(config, tokenizer.vocabulary_size, 6, bos=1, eos=2, pad=0)
    save_text_model(tmp_path / "model", generator, tokenizer)
    return tmp_path, generator


def test_a_path_is_straight_and_has_both_ends():
    start, end = torch.randn(3, 4), torch.randn(3, 4)
    path = code_paths(start, end, 5)
    assert path.shape == (3, 5, 4)
    torch.testing.assert_close(path[:, 0], start)
    torch.testing.assert_close(path[:, -1], end)
    torch.testing.assert_close(path[:, 2], (start + end) / 2)
    with pytest.raises(UsageError, match="a path of 1 sentences has no two ends: give 2"):
        code_paths(start, end, 1)


def test_the_control_mixes_tokens_and_ends_rows_once():
    first = torch.tensor([[5, 5, 5, 5, 2, 0]]).expand(500, -1)
    second = torch.tensor([[6, 6, 2, 0, 0, 0]]).expand(500, -1)
    mixed = mixed_tokens(first, second, 3, torch.Generator().manual_seed(0))
    assert torch.equal(mixed[:, 0], first)
    assert torch.equal(mixed[:, 2], second)
    assert (mixed[:, 1, 0] == 6).double().mean().item() == pytest.approx(0.5, abs=0.08)
    ends = (mixed == 2).long()
    assert (ends.sum(2) <= 1).all()
    assert ((mixed == 0) | (ends.cumsum(2) - ends == 0)).all()


def test_a_model_comes_back_and_interpolates_between_its_own_codes(saved):
    folder, generator = saved
    model = load_text_model(folder)
    for name, tensor in generator.state_dict().items():
        assert torch.equal(model.generator.state_dict()[name], tensor)
    assert model.sample(5, seed=1) == model.sample(5, seed=1)
    lines = interpolated_lines(model, *LINES, 4)
    assert len(lines) == 4
    rows = torch.tensor([[*model.tokenizer.encode(line), 2, 0] for line in LINES])
    found = sentences_between(model.generator, rows[:1], rows[1:], 4)
    assert lines == [model.tokenizer.decode(row) for row in found[0].tolist()]
    ends = model.generator.decoded(model.generator.posterior(rows)[0])
    assert lines[:: len(lines) - 1] == [model.tokenizer.decode(row) for row in ends.tolist()]
    assert load(folder).interpolate(*LINES, 4) == lines


def test_the_command_prints_or_writes_the_path(saved, tmp_path, capsys):
    folder, out = str(saved[0]), tmp_path / "path.txt"
    assert main(["interpolate", folder, *LINES, "-n", "3"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("\n") == 3
    assert main(["interpolate", folder, *LINES, "-n", "3", "--out", str(out)]) == 0
    assert out.read_text() == printed


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["a cat"], "1 sentence given; a path has two ends"),
        (["a black dog", LINES[0]], "outside the model's vocabulary: 'dog'"),
        (["a a a a a a a", LINES[0]], "has 7 tokens, and the model reads 1 to 6"),
        ([*LINES, "-n", "1"], "must be a whole number of 2 or more"),
    ],
)
def test_mistakes_end_in_one_sentence(words, message, saved, capsys):
    assert main(["interpolate", str(saved[0]), *words]) == 2
    assert message in capsys.readouterr().err


def test_a_model_without_codes_is_refused(tiny_generator, tmp_path):
    tokenizer = train_tokenizer("word", LINES)
    save_text_model(tmp_path / "model", tiny_generator(tokenizer.vocabulary_size, 6), tokenizer)
    with pytest.raises(UsageError, match="train one with 'seqgan-kit run text_vae'"):
        interpolated_lines(load_text_model(tmp_path), *LINES, 4)
