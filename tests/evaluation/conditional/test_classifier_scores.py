"""Scores of classifiers, by one whose probabilities are given."""

import math

import numpy as np
import pytest
import torch

from seqgan_kit.data.pairs.load_pairs import load_pairs
from seqgan_kit.data.pairs.pair_config import PairData
from seqgan_kit.data.text.text_config import TextData
from seqgan_kit.errors import DataError
from seqgan_kit.evaluation.conditional.answering import generate
from seqgan_kit.evaluation.conditional.classifier_scores import ClassifierScorer
from seqgan_kit.evaluation.text_export import load_text_model
from seqgan_kit.methods import entailment
from seqgan_kit.methods.entailment import EntailmentMethod
from seqgan_kit.sequences.discriminators.attentive_reader import AttentiveReaderConfig
from seqgan_kit.sequences.generators.pair_reader import PairReader

WORDS = ("cat", "dog", "bird", "fish", "cow", "hen")


def corpus_of(folder, label):
    """Pairs of two words; ``label`` names the relation of both."""
    pairs = [(a, b) for a in WORDS for b in WORDS]
    text = "".join(f"{a} | {b}\t{label(a, b)}\n" for a, b in pairs)
    for split in ("train", "valid", "test"):
        (folder / f"{split}.tsv").write_text("texts\tlabel\n" + text)
    return load_pairs(TextData(str(folder), column="label"), PairData(source_column="texts"))


def reader_of(corpus, hidden=12):
    ids = corpus.tokenizer
    config = AttentiveReaderConfig(hidden, hidden, dropout=0.0)
    sizes = {"bos": ids.bos, "eos": ids.eos, "pad": ids.pad, "given": corpus.given}
    made = PairReader(config, ids.vocabulary_size, corpus.length, **sizes)
    made.split_at(corpus.given_vocabulary.encode("|"))
    return made


def test_a_reader_learns_a_label_that_both_texts_decide(tmp_path):
    torch.manual_seed(1)
    corpus = corpus_of(tmp_path, lambda a, b: "some" if "cat" in (a, b) else "none")
    made = reader_of(corpus)
    learn = torch.optim.Adam(made.parameters(), 2e-2)
    for _ in range(40):
        loss = -made.sequence_log_prob(corpus.train).mean()
        learn.zero_grad()
        loss.backward()
        learn.step()
    scorer = ClassifierScorer(corpus)
    row, blind = (r["values"] for r in scorer.rows({"G": made}, 0))
    assert row["accuracy"] == row["recall_some"] == row["recall_none"] == 1
    assert row["log_loss"] < 0.3
    assert blind["accuracy"] == pytest.approx(25 / 36)
    assert blind["log_loss"] == pytest.approx(
        -(math.log(25 / 36) * 25 + math.log(11 / 36) * 11) / 36
    )
    game = entailment.build(made, EntailmentMethod())
    assert scorer(game, torch.Generator())["accuracy"] == 1
    scorer.draw_lines(game, torch.Generator(), tmp_path / "lines")
    assert "dog | dog => none (none)" in (tmp_path / "lines.txt").read_text()
    scorer.export(game, tmp_path / "run" / "model")
    model = load_text_model(tmp_path / "run")
    assert generate(model, ["hen | cat", "hen | cow"], beam=1) == [["some"], ["none"]]


def test_shares_of_labels_are_those_of_their_probabilities(tmp_path):
    corpus = corpus_of(tmp_path, lambda a, b: "yes" if a < b else "not now")
    made, rows = reader_of(corpus).eval(), corpus.test[:5]
    shares = ClassifierScorer(corpus).log_shares(made, rows)
    np.testing.assert_allclose(np.exp(shares).sum(1), 1)
    written = dict(zip(corpus.test_lines, corpus.test, strict=True))
    joint = [
        made.sequence_log_prob(
            torch.cat([rows[:, : corpus.given], written[x][corpus.given :].repeat(5, 1)], 1)
        )
        for x in ("not now", "yes")
    ]
    difference = (joint[1] - joint[0]).detach().numpy()
    np.testing.assert_allclose(shares[:, 1] - shares[:, 0], difference, rtol=1e-4, atol=1e-5)


def test_texts_are_no_labels(tmp_path):
    corpus = corpus_of(tmp_path, lambda a, b: f"{a} {b}")
    with pytest.raises(DataError, match="36 different labels; a classifier needs 2 to 20"):
        assert ClassifierScorer(corpus).labels
