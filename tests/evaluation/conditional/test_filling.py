"""Texts with blanks: as given tokens, as a corpus, filled by a saved model, scored exactly."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from seqgan_kit.cli.main import main
from seqgan_kit.data.catworld import CatWorld
from seqgan_kit.data.catworld.captions.automaton import Automaton
from seqgan_kit.data.text.load_text import load_text
from seqgan_kit.data.text.source_vocabulary import BlankedVocabulary
from seqgan_kit.data.text.text_config import TextData
from seqgan_kit.data.text.tokenizers import CharTokenizer, WordTokenizer
from seqgan_kit.errors import UsageError
from seqgan_kit.evaluation.conditional.answering import generate
from seqgan_kit.evaluation.conditional.blanked_corpus import blanked_corpus
from seqgan_kit.evaluation.conditional.filled_captions import FilledCaptions
from seqgan_kit.evaluation.evaluate_run import GivenText, evaluate_run
from seqgan_kit.evaluation.evaluation_settings import EvaluationSettings
from seqgan_kit.evaluation.text_export import load_text_model, save_text_model
from seqgan_kit.sequences.generators.rnn_search import RNNSearchConfig
from seqgan_kit.sequences.infilling.infilling_generator import InfillingConfig, InfillingGenerator

WORDS = WordTokenizer(("a", "cat", "sits", "."))
TEXTS = BlankedVocabulary(WORDS, length=6)


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("filling")
    config = InfillingConfig(rnn_search=RNNSearchConfig(4, 5))
    generator = InfillingGenerator(config, 8, 6, bos=1, eos=2, pad=0)
    save_text_model(folder / "model", generator.eval(), WORDS)
    return folder


@pytest.mark.parametrize(
    ("line", "ids"),
    [
        ("a _ sits .", [4, 1, 6, 7, 2]),
        ("_ cat _", [1, 5, 1, 2]),
        ("a cat .", [4, 5, 7, 2]),
        ("_ _", [1] * 6),
        ("_", [1] * 6),
    ],
)
def test_a_text_with_blanks_is_encoded_and_read_back(line, ids):
    """BOS at a blank, EOS at the end; a text of blanks alone is all blank."""
    assert TEXTS.encode(line) == ids
    assert TEXTS.decode([*ids, 0]) == ("_ _ _ _ _ _" if set(ids) == {1} else line)


def test_blanks_inside_words_of_characters():
    letters = BlankedVocabulary(CharTokenizer(tuple("act")), length=9)
    assert letters.decode(letters.encode("c_t ac_")) == "c_t ac_"[:3] + letters.decode(
        letters.encode(" ac_")
    )
    with pytest.raises(UsageError, match="has 6 tokens, and the model fills texts of at most 5"):
        TEXTS.encode("a cat sits . a _")


def test_a_saved_model_fills_blanks_and_keeps_the_rest(run_dir):
    model = load_text_model(run_dir)
    fills = generate(model, ["a _ sits .", "a cat ."], n_best=30)
    assert {line for line, *_ in (f.split(" ", 0) for f in fills[1])} == {"a cat ."}
    for line in fills[0]:
        first, _, third, fourth = line.split(" ")
        assert (first, third, fourth) == ("a", "sits", ".")
    assert len(set(fills[0])) > 1
    with pytest.raises(UsageError, match="neither beam search nor rewards by completions"):
        generate(model, ["a _ ."], beam=2)


def test_the_command_line_fills_a_file(run_dir, tmp_path, capsys):
    (tmp_path / "gaps.txt").write_text("a _ sits .\n_ cat .\n")
    assert main(["sample", str(run_dir), "--given", str(tmp_path / "gaps.txt")]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("a ")
    assert first.endswith(" sits .")
    assert second.endswith(" cat .")
    (tmp_path / "gaps.txt").write_text("a _ .\n" + "a " * 9 + "_\n")
    assert main(["sample", str(run_dir), "--given", str(tmp_path / "gaps.txt")]) == 2
    assert "line 2: the text" in capsys.readouterr().err


def test_a_run_with_blanks_is_not_evaluated_as_pairs(run_dir):
    with pytest.raises(UsageError, match="fills the blanks of a text"):
        evaluate_run(run_dir, EvaluationSettings(), GivenText(), print)


def test_a_corpus_has_the_same_blanks_in_every_run(tmp_path):
    (tmp_path / "text").write_text("a cat sits .\na cat .\ncat sits .\n" * 9)
    plain = load_text(TextData(text=str(tmp_path / "text"), valid_share=0.2, test_share=0.2))
    corpus = blanked_corpus(plain, 0.5, "random")
    assert torch.equal(corpus.train[:, corpus.length :], plain.train)
    assert corpus.given == corpus.length == plain.length
    assert corpus.has_blanks
    assert all("_" in line for line in corpus.sources["test"])
    assert torch.equal(corpus.train, blanked_corpus(plain, 0.5, "random").train)
    with pytest.raises(UsageError, match="blanks are made in texts that fit into memory"):
        blanked_corpus(corpus, 0.5, "random")


def test_sentences_that_agree_with_blanks_by_enumeration():
    """The sentences a c (0.3), a d (0.1), b d (0.6), of which two agree with "_ d"."""
    log = np.log
    arcs = [
        {"a": (1, log(0.4)), "b": (2, log(0.6))},
        {"c": (3, log(0.75)), "d": (3, log(0.25))},
        {"d": (3, 0.0)},
        {},
    ]
    world = Automaton(arcs, 0)
    for words, chance in (
        ((None, "d"), 0.7),
        (("a", None), 0.4),
        ((None, None), 1.0),
        (("b", "d"), 0.6),
    ):
        assert np.exp(world.log_prob_with_blanks(words)) == pytest.approx(chance)
    assert world.log_prob_with_blanks(("b", "c")) == world.log_prob_with_blanks((None,)) == -np.inf


def test_fills_of_a_caption_have_known_probabilities():
    """P(x | m) of all words in one blank of a caption sums to 1; most words make no caption."""
    world, rng = CatWorld(), np.random.default_rng(0)
    ids = WordTokenizer(tuple(world.vocabulary()))
    caption = ids.encode(world.sample(rng))
    length, words = len(caption) + 2, torch.arange(4, ids.vocabulary_size)
    texts = torch.tensor([[*caption, ids.eos, ids.pad]]).repeat(len(words), 1)
    texts[:, 1] = words
    given = texts.clone()
    given[:, 1] = ids.bos
    blanked = BlankedVocabulary(ids, length=length)
    corpus = SimpleNamespace(tokenizer=ids, given=length, given_vocabulary=blanked)
    log_p = FilledCaptions(world)._log_prob(corpus, torch.cat([given, texts], 1))
    assert np.exp(log_p).sum() == pytest.approx(1)
    assert (log_p == -np.inf).sum() > 150
