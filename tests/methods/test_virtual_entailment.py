"""Entailment from few labels: which pairs are labelled, and the divergence that all pairs add to the loss."""

from dataclasses import replace

import pytest
import torch

from seqgan_kit.core.game import Move
from seqgan_kit.data.pairs.load_pairs import load_pairs
from seqgan_kit.data.pairs.pair_config import PairData
from seqgan_kit.data.text.text_config import TextData
from seqgan_kit.errors import UsageError
from seqgan_kit.methods import entailment
from seqgan_kit.methods.entailment import EntailmentMethod
from seqgan_kit.sequences.discriminators.attentive_reader import AttentiveReaderConfig
from seqgan_kit.sequences.generators.lstm import LSTMConfig, LSTMGenerator
from seqgan_kit.sequences.generators.pair_reader import PairReader

WORDS = ("cat", "dog", "bird", "fish", "cow")


@pytest.fixture
def corpus(tmp_path):
    pairs = [(a, b) for a in WORDS for b in WORDS]
    text = "".join(f"{a} old | {b}\t{'yes' if a < b else 'no'}\n" for a, b in pairs)
    for split in ("train", "valid", "test"):
        (tmp_path / f"{split}.tsv").write_text("texts\tlabel\n" + text)
    return load_pairs(TextData(str(tmp_path), column="label"), PairData(source_column="texts"))


def reader(corpus, dropout=0.0):
    torch.manual_seed(0)
    ids = corpus.tokenizer
    sizes = {"bos": ids.bos, "eos": ids.eos, "pad": ids.pad, "given": corpus.given}
    config = AttentiveReaderConfig(5, 6, dropout=dropout)
    made = PairReader(config, ids.vocabulary_size, corpus.length, **sizes)
    made.split_at(corpus.given_vocabulary.encode("|"))
    return made


def move(seed=0):
    return Move("labels", 0, 1, torch.Generator().manual_seed(seed))


def test_the_loss_adds_the_weighted_divergence_of_all_pairs(corpus):
    batch = {"real": corpus.train[:4], "unlabelled": corpus.train}
    plain, one, three = (
        entailment.build(reader(corpus), EntailmentMethod(virtual_weight=w)).mle_loss(batch, move())
        for w in (0.0, 1.0, 3.0)
    )
    smooth = one.logs["virtual_divergence"]
    assert smooth > 0
    assert "virtual_divergence" not in plain.logs
    torch.testing.assert_close(one.total, plain.total + smooth)
    torch.testing.assert_close(three.total, plain.total + 3 * smooth)


def test_no_perturbation_has_no_divergence_also_with_dropout(corpus):
    method = EntailmentMethod(virtual_weight=1.0, virtual_epsilon=0.0)
    game = entailment.build(reader(corpus, dropout=0.5), method).train()
    assert game.divergence(corpus.train, move().rng).abs() < 1e-6
    assert all(part.training for part in game.modules())


def test_training_makes_the_prediction_smooth(corpus):
    method = EntailmentMethod(virtual_weight=1.0, virtual_epsilon=1.0)
    game = entailment.build(reader(corpus), method)
    before = game.divergence(corpus.train, move().rng).item()
    learn = torch.optim.Adam(game.parameters(), 1e-2)
    for step in range(15):
        loss = game.divergence(corpus.train, move(step).rng)
        learn.zero_grad()
        loss.backward()
        learn.step()
    assert game.divergence(corpus.train, move().rng).item() < 0.5 * before


def test_only_the_labelled_pairs_are_told(corpus):
    method = EntailmentMethod(batch_size=10, labelled=4)
    feed = entailment.label_feed(corpus, method, seed=3)
    batches = [feed.next_batch() for _ in range(4)]
    told = {tuple(row) for batch in batches for row in batch["real"].tolist()}
    seen = {tuple(row) for batch in batches for row in batch["unlabelled"].tolist()}
    assert len(told) == 4
    assert len(seen) > 20
    assert feed.batches_per_epoch == 2
    again = entailment.label_feed(corpus, method, seed=3).next_batch()
    assert torch.equal(again["real"], batches[0]["real"])
    plain = entailment.label_feed(corpus, EntailmentMethod(batch_size=10), seed=3)
    assert plain.next_batch().keys() == {"real"}


def test_mistakes_end_in_a_sentence(corpus):
    with pytest.raises(UsageError, match="labelled is 99, but there are 25 training pairs"):
        entailment.label_feed(corpus, EntailmentMethod(labelled=99), seed=0)
    streamed = replace(corpus, stream=lambda *a, **k: None)
    with pytest.raises(UsageError, match="leave --streaming out"):
        entailment.label_feed(streamed, EntailmentMethod(labelled=9), seed=0)
    lstm = LSTMGenerator(LSTMConfig(4, 4), 9, 3, bos=1, eos=2, pad=0)
    with pytest.raises(UsageError, match="use --generator pair_reader"):
        entailment.build(lstm, EntailmentMethod(virtual_weight=1.0))
