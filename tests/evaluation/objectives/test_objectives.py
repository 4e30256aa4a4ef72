"""Objectives of token rows: sentence BLEU with the references of the source, functions of texts, mixtures."""

from pathlib import Path

import pytest
import torch
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

import seqgan_kit as sk
from seqgan_kit.data.pairs.load_pairs import load_pairs
from seqgan_kit.data.pairs.pair_config import PairData
from seqgan_kit.data.text.load_text import TextData, load_text
from seqgan_kit.data.text.tokenizers import WordTokenizer
from seqgan_kit.errors import UsageError
from seqgan_kit.evaluation.objectives.objective_choice import ObjectiveSettings, mixed_reward
from seqgan_kit.evaluation.objectives.own_functions import line_function
from seqgan_kit.evaluation.objectives.row_objectives import (
    ReferenceBleu,
    Remembered,
    text_objective,
)
from seqgan_kit.face.command_words import plain

PAIRS = [
    ("ein hund", "a dog runs in the park"),
    ("eine katze", "a cat sleeps on the mat"),
    ("ein hund", "the dog is in the park"),
    ("ein vogel", "a bird sings ."),
    ("eine kuh", "a cow eats green grass"),
]


@pytest.fixture
def corpus(tmp_path: Path):
    for name, side in (("de", 0), ("en", 1)):
        (tmp_path / name).write_text("".join(pair[side] + "\n" for pair in PAIRS))
    data = TextData(text=str(tmp_path / "en"), valid_share=0.0, test_share=0.0)
    return load_pairs(data, PairData(sources=str(tmp_path / "de")))


def row_of(corpus, source: str, line: str) -> torch.Tensor:
    ids = corpus.tokenizer.encode(source)
    given = ids + [0] * (corpus.given - len(ids))
    written = [*corpus.tokenizer.encode(line), 2]
    return torch.tensor([*given, *written, *[0] * (corpus.length - len(written))])


def test_bleu_is_of_the_rows_own_references(corpus):
    asked = [
        ("ein hund", "the dog runs in the park"),
        ("eine katze", "the dog runs in the park"),
        ("ein vogel", "a bird sings ."),
        ("eine kuh", "a cow eats grass"),
        ("ein hund", ""),
    ]
    values = ReferenceBleu(corpus)(torch.stack([row_of(corpus, *pair) for pair in asked]))
    smooth = SmoothingFunction().method1
    for value, (source, line) in zip(values.tolist(), asked, strict=True):
        references = [target.split() for given, target in PAIRS if given == source]
        wanted = sentence_bleu(references, line.split(), smoothing_function=smooth) if line else 0
        assert value == pytest.approx(wanted, abs=1e-6)
    assert values[2] == 1
    assert values[0] > 10 * values[1]


def test_bleu_knows_the_training_sources_alone(corpus):
    with pytest.raises(UsageError, match="no reference for the source 'hund ein'"):
        ReferenceBleu(corpus)(row_of(corpus, "hund ein", "a dog")[None])


def test_without_sources_all_lines_are_references(tmp_path):
    (tmp_path / "en").write_text("".join(pair[1] + "\n" for pair in PAIRS))
    corpus = load_text(TextData(text=str(tmp_path / "en"), valid_share=0.0, test_share=0.0))
    values = ReferenceBleu(corpus)(corpus.train)
    assert values.tolist() == [1.0] * len(PAIRS)


def test_each_row_is_scored_once(corpus):
    calls = []

    def score(rows):
        calls.append(len(rows))
        return rows.sum(1).float()

    remembered = Remembered(score, most=4)
    rows = corpus.train[[0, 1, 0, 1, 1]]
    assert torch.equal(remembered(rows), rows.sum(1).float())
    assert torch.equal(remembered(rows[2:]), rows[2:].sum(1).float())
    assert calls == [2]
    more = corpus.train[[0, 2, 3, 4]]
    assert torch.equal(remembered(more), more.sum(1).float())
    assert calls == [2, 3]
    assert len(remembered._values) <= 4
    assert remembered(more[:0]).shape == (0,)


def test_a_function_of_texts_reads_each_rows_own_source():
    tokenizer = WordTokenizer(["hund", "a", "dog", "ran"])

    def told(sources, lines):
        assert sources == ["hund", "hund hund", ""]
        assert lines == ["a dog ran", "a dog", "a"]
        return [1, 0.5, 0]

    encode = tokenizer.encode
    rows = [
        [*encode("hund"), 0, *encode("a dog ran"), 2],
        [*encode("hund hund"), *encode("a dog"), 2, 0],
        [0, 0, *encode("a"), 2, 0, 0],
    ]
    assert text_objective(told, tokenizer, 2)(torch.tensor(rows)).tolist() == [1, 0.5, 0]


def test_the_settings_make_the_mixture(corpus):
    settings = ObjectiveSettings("bleu", 0.7, 0.5)
    reward = mixed_reward(settings, corpus, None)
    assert (reward.weight, reward.bias) == (0.7, 0.5)
    rows = corpus.train
    mixed = reward.mixed(torch.full((len(rows),), 0.9), rows)
    torch.testing.assert_close(mixed, torch.full((len(rows),), 0.7 * 0.4 + 0.3))
    alone = mixed_reward(ObjectiveSettings(reward_bias=0.5), corpus, None)
    assert (alone.objective, alone.weight, alone.bias) == (None, 1, 0.5)
    with pytest.raises(UsageError, match=r"unknown objective 'blue'. Did you mean 'bleu'"):
        ObjectiveSettings("blue")
    with pytest.raises(UsageError, match="reward_lambda is 2; it must be"):
        ObjectiveSettings("bleu", 2)


def test_a_reward_that_is_a_function_is_short_for_the_objective_alone():
    short = ObjectiveSettings().or_alone("my.py:f")
    assert (short.objective, short.reward_lambda) == ("my.py:f", 0)
    assert ObjectiveSettings("bleu").or_alone("logit") == ObjectiveSettings("bleu")
    with pytest.raises(UsageError, match="--objective bleu is given too"):
        ObjectiveSettings("bleu").or_alone("my.py:f")


def in_this_file(lines):
    """An objective that is given as a function."""
    return [float(len(line) > 9) for line in lines]


def test_functions_become_places_that_a_resumed_run_finds():
    place = plain({"objective": in_this_file})["objective"]
    assert line_function(place)(["a cat sat .", "a cat"]).tolist() == [1, 0]
    with pytest.raises(UsageError, match=r"<lambda> cannot be found again .* top level of a \.py"):
        plain(lambda lines: [1 for _ in lines])


@pytest.mark.parametrize("recipe", ["seqgan", "maligan"])
def test_a_conditional_run_learns_from_a_mixture(recipe, tmp_path):
    """Its function of sources and lines is a column, also of real data."""
    (tmp_path / "my.py").write_text(
        "def echo(sources, lines):\n"
        "    assert all(source.split()[0] in ('sit', 'run') for source in sources)\n"
        "    return [float(s.split()[0] in x.split()) for s, x in zip(sources, lines)]\n"
    )
    (tmp_path / "text").write_text(
        "".join(
            f"{given} a {x} cat may {verb} .\n"
            for x in "bcdefgh"
            for given, verb in (("sit", "sit"), ("run", "run"), ("run", "sit"))
        )
    )
    run = sk.run(
        recipe, "smoke", text=tmp_path / "text", prompt_words=1, out=tmp_path / "run", quiet=True,
        objective=f"{tmp_path / 'my.py'}:echo", reward_lambda=0.2, reward_bias=0.5, rollouts=2,
        rounds=2, batch_size=5, mle_epochs=1, score_samples=50, evaluation_samples=20, most_work=0,
    )  # fmt: skip
    name = {"seqgan": "SeqGAN", "maligan": "MaliGAN"}[recipe]
    assert 0 <= run.scores[name]["echo"] <= 1
    assert 0.4 < run.scores["real data"]["echo"] < 0.95
