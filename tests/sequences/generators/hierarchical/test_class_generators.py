"""k LSTMs as one conditional generator: each row is as its own LSTM alone would write and score it."""

import itertools

import pytest
import torch

from seqgan_kit.data.text.source_vocabulary import ClassTokenizer, SourceVocabulary
from seqgan_kit.data.text.tokenizers import train_tokenizer
from seqgan_kit.errors import UsageError
from seqgan_kit.evaluation.text_export import load_text_model, save_text_model
from seqgan_kit.sequences.generators.hierarchical.class_generators import (
    ClassGenerators,
    ClassLSTMsConfig,
)
from seqgan_kit.sequences.generators.lstm import LSTMConfig, LSTMGenerator

PAD, BOS, EOS = 0, 1, 2
IDS = {"bos": BOS, "eos": EOS, "pad": PAD}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def make(vocabulary=5, length=3, classes=3):
    config = ClassLSTMsConfig(4, 6, initial_std=1.0)
    given = {"given": 1, "source_vocabulary": classes + 1}
    return ClassGenerators(config, vocabulary, length, **IDS, **given, rng=seeded()).eval()


def alone(generator, number):
    """The LSTM of one class as a plain generator."""
    shape = generator.config
    config = LSTMConfig(shape.embedding, shape.hidden)
    plain = LSTMGenerator(config, generator.vocabulary, generator.length, **IDS)
    network, width = generator.lstms[number], shape.hidden + 1
    plain.embedding.load_state_dict(network.embedding.state_dict())
    plain.lstm.load_state_dict(network.lstm.state_dict())
    weight = generator.output.weight[:, number * width : (number + 1) * width].detach()
    plain.output.load_state_dict({"weight": weight[:, :-1], "bias": weight[:, -1]})
    return plain.eval()


def test_each_row_is_scored_by_the_lstm_of_its_class():
    generator = make(7, 6)
    given = torch.tensor([[10], [8], [9], [8], [10]])
    rows = generator.sample(5, rng=seeded(1), given=given)
    for row in rows:
        plain = alone(generator, int(row[0]) - 8)
        one = generator.log_probs(row[None])
        torch.testing.assert_close(one, plain.log_probs(row[None, 1:]))
        torch.testing.assert_close(generator.log_probs(rows)[(rows == row).all(1)][:1], one)
    others = torch.cat([given.roll(1, 0), rows[:, 1:]], 1)
    assert not torch.allclose(generator.log_probs(others), generator.log_probs(rows))


def test_probabilities_of_all_sequences_of_a_class_sum_to_one():
    generator = make()
    written = torch.tensor(list(itertools.product(range(5), repeat=3)))
    for number in (6, 7, 8):
        rows = torch.cat([torch.full((len(written), 1), number), written], 1)
        chances = generator.sequence_log_prob(rows).exp()
        assert chances.sum().item() == pytest.approx(1, abs=1e-5)


def test_stepping_gives_the_logits_of_whole_sequences():
    generator = make(7, 9)
    given = torch.randint(8, 11, (20, 1), generator=seeded())
    rows = generator.sample(20, rng=seeded(1), given=given)
    whole, running = generator.logits(rows), generator.token_mask(rows)
    inputs, state, stepper = torch.full((20,), BOS), generator.start(given), generator.stepper()
    for time in range(9):
        logits, following = generator.step(inputs, state)
        prepared = stepper.project(stepper.advance(inputs, state)[0])
        torch.testing.assert_close(logits, whole[:, time], atol=1e-5, rtol=1e-5)
        cells = running[:, time]
        torch.testing.assert_close(prepared[cells], whole[cells, time], atol=1e-5, rtol=1e-5)
        state, inputs = following, rows[:, 1 + time]


def test_a_saved_model_has_all_lstms(tmp_path):
    tokenizer = train_tokenizer("word", ["a b c d"] * 3)
    generator = make(tokenizer.vocabulary_size, 6, classes=2)
    classes = SourceVocabulary(ClassTokenizer(["like", "so so"]), tokenizer.vocabulary_size)
    assert generator.readable == tokenizer.vocabulary_size + classes.size
    save_text_model(tmp_path / "model", generator, tokenizer, source_vocabulary=classes)
    model = load_text_model(tmp_path)
    given = torch.tensor([classes.encode("like"), classes.encode("so so")])
    assert generator.class_of(given).flatten().tolist() == [0, 1]
    rows = generator.sample(2, rng=seeded(1), given=given)
    torch.testing.assert_close(model.generator.log_probs(rows), generator.log_probs(rows))


def test_text_without_classes_is_refused():
    with pytest.raises(UsageError, match="got 0 given tokens of 0 ids; it needs one, the class"):
        ClassGenerators(ClassLSTMsConfig(4, 6), 5, 3, **IDS)
