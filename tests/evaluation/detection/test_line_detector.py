"""Scores of lines under small models equal the models' own numbers, and labels give areas by hand."""

import math

import pytest
import torch

from seqgan_kit.data.text.tokenizers import CharTokenizer, WordTokenizer
from seqgan_kit.errors import DataError, UsageError
from seqgan_kit.evaluation.detection.labelled_lines import (
    Label,
    LabelledScores,
    read_label,
    with_labels,
)
from seqgan_kit.evaluation.detection.line_detector import LineAnomaly, LineDetector, line_detector
from seqgan_kit.evaluation.detection.line_rows import cut_rows, word_number
from seqgan_kit.evaluation.text_export import TextModel
from seqgan_kit.metrics.text.language_model import KneserNey
from seqgan_kit.sequences.discriminators.discriminator_choice import (
    DiscriminatorChoice,
    build_discriminator,
)
from seqgan_kit.sequences.generators.char_resnet import (
    CharResNetGenerator,
    CharResNetGeneratorConfig,
)
from seqgan_kit.sequences.generators.latent_lstm import LatentLSTM, LatentLSTMConfig
from seqgan_kit.sequences.generators.lstm import LSTMConfig, LSTMGenerator

WORDS = ("a", "black", "cat", "dog", "sat")
TOKENIZER = WordTokenizer(WORDS, lowercase=True, punctuation="split")
SPECIAL = {"bos": 1, "eos": 2, "pad": 0}
LINES = ["a cat sat", "a dog", "black black black black black black", "an EMU sat"]


@pytest.fixture
def plain():
    torch.manual_seed(0)
    return LSTMGenerator(LSTMConfig(4, 6), TOKENIZER.vocabulary_size, 5, **SPECIAL).eval()


def numbered(lines):
    return list(enumerate(lines, start=1))


def test_surprises_are_the_generators_log_probabilities(plain):
    detector = LineDetector(TextModel(plain, TOKENIZER))
    found = list(detector(numbered(LINES)))
    rows = torch.tensor([[4, 6, 8, 2, 0], [4, 7, 2, 0, 0], [5] * 5, [3, 3, 8, 2, 0]])
    with torch.no_grad():
        logs = plain.logits(rows).log_softmax(-1).gather(2, rows.unsqueeze(2)).squeeze(2)
    for line, log, length in zip(found, logs, (4, 3, 5, 4), strict=True):
        wanted = (-log[:length]).tolist()
        assert line.surprises == pytest.approx(wanted, abs=1e-5)
        assert line.scores["surprise"] == pytest.approx(sum(wanted), abs=1e-4)
        assert line.scores["mean_surprise"] == pytest.approx(sum(wanted) / length, abs=1e-5)
        assert line.scores["largest_surprise"] == pytest.approx(max(wanted), abs=1e-5)
        assert line.worst == wanted.index(max(wanted)) == line.word - 1
    assert [line.cut for line in found] == [False, False, True, False]
    assert found[0].tokens == ("a", "cat", "sat", "<eos>")
    assert found[3].tokens == ("an", "emu", "sat", "<eos>")
    assert [line.scores["unknown_tokens"] for line in found] == [0, 0, 0, 2]
    assert detector.ranking == "largest_surprise"


def test_a_line_has_one_score_whatever_stands_beside_it(plain):
    detector = LineDetector(TextModel(plain, TOKENIZER))
    many = list(detector(numbered(LINES * 100)))
    assert [line.line for line in many] == list(range(1, 401))
    for line in many:
        (alone,) = detector([(7, line.text)])
        assert line.scores == pytest.approx(alone.scores, abs=1e-4)


def test_reconstructions_are_of_the_mean_code_and_the_bound_bounds():
    """With a decoder that ignores its code and a posterior equal to the prior, all are the likelihood."""
    torch.manual_seed(1)
    made = LatentLSTM(LatentLSTMConfig(4, 6, 2), TOKENIZER.vocabulary_size, 5, **SPECIAL).eval()
    with torch.no_grad():
        made.encoder.head.weight.zero_()
        made.encoder.head.bias.zero_()
        made.decoder.first.weight.zero_()
    detector = LineDetector(TextModel(made, TOKENIZER))
    (found,) = detector([(1, "a cat sat")])
    row = torch.tensor([[4, 6, 8, 2, 0]])
    exact = -float(made.log_likelihood(row, torch.zeros(1, 2)))
    assert found.scores["reconstruction"] == pytest.approx(exact, abs=1e-4)
    assert found.scores["bound"] == pytest.approx(exact, abs=1e-4)
    assert sum(found.surprises) == pytest.approx(exact, abs=1e-4)
    assert detector.ranking == "largest_reconstruction"
    with torch.no_grad():
        made.encoder.head.bias[:2] = 1.5
    (other,) = detector([(1, "a cat sat")])
    assert other.scores["reconstruction"] == pytest.approx(exact, abs=1e-4)
    assert other.scores["bound"] != pytest.approx(exact, abs=0.05)


def test_the_discriminator_and_the_baselines(plain):
    torch.manual_seed(2)
    judge = build_discriminator(DiscriminatorChoice(), TOKENIZER.vocabulary_size, 5, pad=0).eval()
    training = ["a cat sat", "a dog sat", "a black cat"]
    detector = LineDetector(TextModel(plain, TOKENIZER), judge, training)
    (found,) = detector([(1, "a emu sat")])
    with torch.no_grad():
        assert found.scores["discriminator"] == pytest.approx(
            -judge(torch.tensor([[4, 3, 8, 2, 0]])).score.item(), abs=1e-6
        )
    model = KneserNey([line.split() for line in training])
    prefixes = [[], ["a"], ["a", "emu"], ["a", "emu", "sat"]]
    steps = [model.next_word_probs(p) for p in prefixes]
    wanted = [
        -math.log(step[word])
        for step, word in zip(steps, ("a", "<unk>", "sat", "</s>"), strict=True)
    ]
    assert found.scores["kneser_ney"] == pytest.approx(sum(wanted))
    assert found.scores["mean_kneser_ney"] == pytest.approx(sum(wanted) / 4)
    assert found.scores["largest_kneser_ney"] == pytest.approx(max(wanted))
    assert (found.scores["words"], found.scores["unknown_words"]) == (3, 1)


def test_p_values_are_ranks_among_held_out_lines(plain):
    usual = ["a cat sat", "a dog", "dog dog", "sat a"]
    model = TextModel(plain, TOKENIZER)
    detector = LineDetector(model, held_out=usual, by="surprise")
    for line, found in zip(usual, detector(numbered(usual)), strict=True):
        above = sum(
            other.scores["surprise"] >= found.scores["surprise"] - 1e-6
            for other in LineDetector(model)(numbered(usual))
        )
        assert found.p_value == pytest.approx((1 + above) / 5), line


def test_a_run_without_any_score_says_what_to_give(plain, tmp_path):
    torch.manual_seed(0)
    ids = CharTokenizer(tuple("abc "))
    rows = CharResNetGenerator(CharResNetGeneratorConfig(), ids.vocabulary_size, 8)
    with pytest.raises(
        UsageError, match="maps noise to whole lines and no discriminator was saved"
    ):
        line_detector(tmp_path, TextModel(rows, ids))
    with pytest.raises(UsageError, match=r"unknown score 'surprises'\. Did you mean 'surprise'"):
        line_detector(tmp_path, TextModel(plain, TOKENIZER), "surprises")
    plain.given = 3
    with pytest.raises(UsageError, match="writes after sources, and a file of lines has none"):
        line_detector(tmp_path, TextModel(plain, TOKENIZER))


def test_without_the_runs_text_there_is_a_note(plain, tmp_path):
    detector = line_detector(tmp_path, TextModel(plain, TOKENIZER))
    assert "no Kneser-Ney baseline and no p-values" in detector.notes[0]
    (found,) = detector([(1, "a cat")])
    assert found.p_value is None
    assert "kneser_ney" not in found.scores


def test_rows_are_cut_and_tokens_belong_to_words():
    assert cut_rows([[5, 6], [5, 6, 7], [4, 5, 6, 7]], 3, ends=True).tolist() == [
        [5, 6, 2],
        [5, 6, 7],
        [4, 5, 6],
    ]
    assert cut_rows([[5], [5, 6, 7, 8]], 3, ends=False).tolist() == [[5, 0, 0], [5, 6, 7]]
    letters = CharTokenizer(tuple("abc "))
    ids = letters.encode("ab c")
    assert [word_number(letters, ids, i) for i in range(5)] == [1, 1, 1, 2, 3]


def anomaly(word: int | None = None, **scores: float) -> LineAnomaly:
    return LineAnomaly(1, "", scores, None, (), (), word, cut=False)


def test_areas_and_the_share_of_found_words_by_hand():
    scores = LabelledScores()
    for value, label, word in (
        (1.0, Label(False), 2),
        (2.0, Label(False), 1),
        (3.0, Label(True, 4), 4),
        (2.0, Label(True, 4), 3),
        (0.5, Label(True), 1),
    ):
        scores.add(anomaly(word, loud=value), label)
    assert scores.counts == (2, 3)
    assert scores.areas()["loud"].value == pytest.approx((2 + 1.5 + 0) / 6)
    assert scores.found_words().value == 0.5
    assert LabelledScores().found_words() is None


def test_labels_are_checked():
    assert [read_label(x, 1, "f") for x in ("0", "1", "1\t12")] == [
        Label(False),
        Label(True),
        Label(True, 12),
    ]
    for wrong in ("", "2", "1 0", "1 2 3", "yes"):
        with pytest.raises(DataError, match="line 7 of f is no label"):
            read_label(wrong, 7, "f")
    assert [x[2] for x in with_labels([(1, "a"), (2, "b")], [(1, "0"), (2, "1")], "f")] == [
        Label(False),
        Label(True),
    ]
    with pytest.raises(DataError, match="f ends after 1 labels and there are more lines"):
        list(with_labels([(1, "a"), (2, "b")], [(1, "0")], "f"))
    with pytest.raises(DataError, match="more labels than there are lines"):
        list(with_labels([(1, "a")], [(1, "0"), (2, "0")], "f"))
    scores = LabelledScores()
    scores.add(anomaly(loud=1.0), Label(False))
    with pytest.raises(DataError, match="the labels name 1 and 0"):
        scores.areas()
