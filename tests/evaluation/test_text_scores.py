"""Scores of text generators, against the metrics called by hand and against worlds small enough to see."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from seqgan_kit.core.game import Game
from seqgan_kit.data.catworld import CatWorld
from seqgan_kit.data.text.load_text import TextCorpus, TextData, load_text
from seqgan_kit.data.text.tokenizer import BOS, EOS, PAD, UNK
from seqgan_kit.errors import UsageError
from seqgan_kit.evaluation.corpora.known_worlds import CatCaptions
from seqgan_kit.evaluation.domains.domain_choice import domain_of
from seqgan_kit.evaluation.evaluation_settings import some_of
from seqgan_kit.evaluation.text_scores import TextScorer, TextScoreSettings, diversity
from seqgan_kit.methods.mle import build
from seqgan_kit.metrics.statistics.divergences import forward_kl
from seqgan_kit.metrics.text.bleu import ReferenceSet, bleu, self_bleu
from seqgan_kit.report.tables import best_rows
from seqgan_kit.sequences.generators.lstm import LSTMConfig, LSTMGenerator
from seqgan_kit.sequences.maximum_likelihood import sequence_log_probs

CATS = CatCaptions(CatWorld())
FEW = TextScoreSettings(score_samples=60, evaluation_samples=30)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> TextCorpus:
    folder = tmp_path_factory.mktemp("captions")
    rng = np.random.default_rng(0)
    for split, count in (("train", 300), ("valid", 40), ("test", 80)):
        lines = CatWorld().sample_many(count, rng)
        (folder / f"{split}.txt").write_text("".join(f"{line}\n" for line in lines))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQGAN_KIT_CACHE", str(tmp_path_factory.mktemp("cache")))
        return load_text(TextData(text=str(folder)))


@pytest.fixture(scope="module")
def generator(corpus: TextCorpus) -> LSTMGenerator:
    torch.manual_seed(0)
    words = corpus.tokenizer.vocabulary_size
    return LSTMGenerator(LSTMConfig(), words, corpus.length, bos=BOS, eos=EOS, pad=PAD).eval()


def test_a_sentence_that_the_world_can_say_is_valid_only_if_it_ends(corpus, generator):
    """Rows: a caption; the same without its end (T tokens); words in disorder."""
    scorer = TextScorer(corpus, CATS, FEW)
    caption = corpus.train[:1]
    endless = corpus.train[:1].clone()
    endless[endless == EOS] = PAD
    disorder = caption.flip(1)
    rows = torch.cat([caption, endless, disorder])
    assert scorer.exact_scores(generator, rows)["validity"].value == pytest.approx(1 / 3)


def test_forward_kl_is_over_sentences_without_unknown_words(corpus, generator):
    """As the metric called by hand on the sentences whose words the training text has."""
    scorer = TextScorer(corpus, CATS, FEW)
    unknown = corpus.test.eq(UNK).any(1).numpy()
    assert 0 < unknown.sum() < len(unknown)
    known = np.flatnonzero(~unknown)
    lines = [corpus.test_lines[i] for i in known]
    log_g = sequence_log_probs(generator, corpus.test[torch.from_numpy(known)]).numpy()
    by_hand = forward_kl(CatWorld().log_prob_many(lines), log_g)
    every = corpus.test.repeat(1, 1)
    assert scorer.exact_scores(generator, every)["forward_kl"].value == pytest.approx(by_hand.value)
    notes = " ".join(scorer.record("", [])["notes"])
    assert f"{unknown.sum()} of {len(unknown)} test sentences contain a word" in notes


def test_a_row_holds_the_metrics_of_its_samples(corpus, generator):
    scorer = TextScorer(corpus, CATS, FEW)
    row = scorer.row("G", generator, seed=5)
    tokens = generator.sample(60, rng=torch.Generator().manual_seed(5))
    said = [corpus.tokenizer.words(line) for line in scorer.lines(tokens)]
    references = [corpus.tokenizer.words(line) for line in corpus.test_lines]
    assert row["values"]["bleu3"] == bleu(said, references, (3,))[3]
    assert row["values"]["self_bleu2"] == self_bleu(said, (2,))[2]
    nll = -sequence_log_probs(generator, corpus.test).mean()
    assert row["values"]["nll_test"] == pytest.approx(nll.item())
    words = generator.token_mask(corpus.test).sum() / len(corpus.test)
    assert row["values"]["nll_test_token"] == pytest.approx((nll / words).item())
    assert scorer.row("G", generator, seed=5) == row


def test_real_data_is_valid_and_has_no_divergence_from_itself(corpus):
    row = TextScorer(corpus, CATS, FEW).real_row(np.random.default_rng(0))
    assert row["values"]["validity"] == 1.0
    assert not {"reverse_kl", "forward_kl", "nll_test"} & set(row["values"])


def test_without_a_known_world_exact_scores_are_absent(corpus, generator):
    scorer = TextScorer(corpus, None, FEW)
    rows = scorer.rows({"G": generator}, seed=0)
    record = scorer.record("title", rows)
    keys = {column["key"] for column in record["columns"]}
    assert not {"validity", "reverse_kl", "coverage", "skewed_kl"} & keys
    assert {"nll_test", "bleu2", "self_bleu5"} <= keys
    assert [row["name"] for row in record["rows"]] == ["G", "real data"]


@pytest.mark.parametrize(("samples", "count"), [(30, 30), (60, 60), (1000, 300)])
def test_every_row_has_as_many_sentences_as_there_are_real_ones(corpus, generator, samples, count):
    """40 validation lines are enough for 30 samples; beyond that real data are training lines, up to 300."""
    scorer = TextScorer(corpus, None, TextScoreSettings(score_samples=samples))
    model, real = scorer.rows({"G": generator}, seed=3)
    tokens = generator.sample(samples, rng=torch.Generator().manual_seed(3))
    said = [corpus.tokenizer.words(line) for line in scorer.lines(tokens)][:count]
    assert model["values"]["self_bleu2"] == self_bleu(said, (2,))[2]
    pool = corpus.valid_lines if samples == 30 else corpus.train_lines
    rng = np.random.default_rng(3)
    chosen = [corpus.tokenizer.words(line) for line in some_of(pool, count, rng)]
    assert len(chosen) == count
    assert real["values"]["self_bleu2"] == self_bleu(chosen, (2,))[2]
    record = scorer.record("title", [model, real])
    signatures = {column["key"]: column["signature"] for column in record["columns"]}
    assert f"|hyps:{count}|" in signatures["self_bleu2"]
    assert any(f"{count} sentences in every row" in note for note in record["notes"])


def test_garbage_wins_no_star_for_its_variety(corpus, generator):
    """An untrained G varies more than real text; the real lines of another split are nearer to it."""

    class Lines(torch.nn.Linear):
        def sample(self, n, rng):
            return corpus.valid.repeat(-(-n // len(corpus.valid)), 1)[:n]

    scorer = TextScorer(corpus, None, TextScoreSettings(score_samples=40))
    rows = scorer.rows({"garbage": generator, "lines": Lines(1, 1)}, seed=0)
    garbage, lines, real = (row["values"]["self_bleu3"] for row in rows)
    assert garbage < min(lines, real)
    column = next(c for c in scorer.record("", rows)["columns"] if c["key"] == "self_bleu3")
    assert best_rows(column, rows) == {1}


def test_the_evaluation_hook_gives_finite_numbers(corpus, generator, tmp_path: Path):
    scorer = TextScorer(corpus, CATS, FEW)
    game = build(generator)
    values = scorer(game, torch.Generator().manual_seed(0))
    mask = generator.token_mask(corpus.valid)
    expected = -(generator.log_probs(corpus.valid) * mask).sum() / mask.sum()
    assert values["nll_valid"] == pytest.approx(expected.item(), rel=1e-5)
    assert "coverage" not in values
    finite = {name for name, value in values.items() if math.isfinite(value)}
    assert finite >= {"nll_valid", "validity", "forward_kl", "skewed_kl", "diversity"}
    scorer.draw_lines(game, torch.Generator().manual_seed(0), tmp_path / "000001")
    assert len((tmp_path / "000001.txt").read_text().splitlines()) == 50


def test_diversity_is_the_share_of_distinct_trigrams():
    said = [["a", "b", "c", "d"], ["a", "b", "c", "e"]]  # abc bcd abc bce: 3 of 4
    assert diversity(said) == 0.75
    assert diversity([["a"]]) == 0.0


@pytest.mark.parametrize("shares", [{}, {"valid_share": 0.0}, {"test_share": 0.0}])
def test_a_text_of_five_lines_leaves_out_what_it_cannot_give(shares, tmp_path, monkeypatch):
    monkeypatch.setenv("SEQGAN_KIT_CACHE", str(tmp_path / "cache"))
    (tmp_path / "my.txt").write_text(
        "".join(f"a {word} cat .\n" for word in ["one", "two", "odd", "big", "red"])
    )
    few = load_text(TextData(text=str(tmp_path / "my.txt"), **shares))
    words = few.tokenizer.vocabulary_size
    generator = LSTMGenerator(LSTMConfig(), words, few.length, bos=BOS, eos=EOS, pad=PAD).eval()
    scorer = TextScorer(few, None, FEW)
    values = scorer(build(generator), torch.Generator().manual_seed(0))
    assert ("nll_valid" in values) == (len(few.valid) > 0)
    rows = scorer.rows({"G": generator}, seed=0)
    assert ("bleu2" in rows[0]["values"]) == (len(few.test) > 0)
    assert "self_bleu2" in rows[0]["values"]
    assert all(math.isfinite(value) for row in rows for value in row["values"].values())
    assert scorer.record("title", rows)["columns"]


def test_the_real_rows_coverage_is_what_real_samples_cover_on_average(corpus):
    row = TextScorer(corpus, CATS, FEW).real_row(np.random.default_rng(1))
    head = np.exp([log_p for _, log_p in CatWorld().head(1000)])
    expected = (head / head.sum() * (1 - (1 - head) ** 60)).sum()
    assert row["values"]["coverage"] == pytest.approx(expected)


class NoiseToRow(torch.nn.Module):
    """Writes whole rows at once and knows no probabilities."""

    def __init__(self, corpus: TextCorpus):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.known = corpus.train

    def sample(self, n: int, *, rng: torch.Generator) -> torch.Tensor:
        return self.known[torch.randint(len(self.known), (n,), generator=rng)]


@pytest.mark.parametrize("world", [CATS, None])
def test_a_generator_without_likelihood_has_the_scores_of_its_samples(
    corpus, world, tmp_path: Path
):
    scorer = TextScorer(corpus, world, FEW)
    writer = NoiseToRow(corpus)
    game = Game({"generator": writer})
    values = scorer(game, torch.Generator().manual_seed(0))
    assert set(values) == ({"validity", "diversity"} if world else {"diversity"})
    scorer.draw_lines(game, torch.Generator().manual_seed(0), tmp_path / "1")
    values = scorer.row("G", writer, seed=0)["values"]
    exact = {"validity", "coverage"} if world else set()
    ngrams = {f"{name}{n}" for name in ("bleu", "self_bleu") for n in (2, 3, 4, 5)}
    assert set(values) == exact | ngrams
    if world:
        assert values["validity"] == 1.0


def test_bleu_can_be_left_out(corpus, generator):
    scorer = TextScorer(corpus, CATS, TextScoreSettings(20, 10, bleu="no"))
    values = scorer.row("G", generator, seed=0)["values"]
    assert not [name for name in values if "bleu" in name]
    assert {"validity", "nll_test"} <= set(values)


def test_at_least_one_sample_is_scored():
    with pytest.raises(UsageError, match="score_samples is 0; it must be at least 1"):
        TextScoreSettings(score_samples=0)


def test_the_references_are_counted_once_for_all_rows(corpus, generator, monkeypatch):
    made: list[int] = []

    def counted(sentences, max_order):
        made.append(len(sentences))
        return ReferenceSet(sentences, max_order)

    monkeypatch.setattr("seqgan_kit.evaluation.text_scores.ReferenceSet", counted)
    scorer = TextScorer(corpus, None, TextScoreSettings(20, 10, temperatures=(0.5,)))
    assert len(scorer.rows({"MLE": generator}, seed=0)) == 3
    assert made == [len(corpus.test_lines)]


def test_truncated_rows_hold_what_their_samples_show_and_no_likelihood(corpus, generator):
    settings = TextScoreSettings(30, 10, temperatures=(0.5,), top_ks=(1,), top_ps=(0.5,))
    rows = TextScorer(corpus, None, settings).rows({"LSTM": generator}, seed=0)
    assert [row["name"] for row in rows][:4] == [
        "LSTM",
        "LSTM at 0.5",
        "LSTM at top-k 1",
        "LSTM at top-p 0.5",
    ]
    plain, cooled, greedy, nucleus = (row["values"] for row in rows[:4])
    assert {"nll_test", "self_bleu2"} <= set(plain) & set(cooled)
    for values in (greedy, nucleus):
        assert "nll_test" not in values
        assert "bleu2" in values
    # The likeliest token every time is one sentence over and over.
    assert greedy["self_bleu2"] == pytest.approx(1.0)
    assert plain["self_bleu2"] < 1.0
    with pytest.raises(UsageError, match="top_k is 0; it must be at least 1"):
        TextScoreSettings(top_ks=(0,))
    with pytest.raises(UsageError, match=r"top_p is 1\.5; it must be above 0"):
        TextScoreSettings(top_ps=(1.5,))


def test_the_objective_of_captions_is_the_grammar(corpus):
    domain = domain_of(corpus, CatCaptions(CatWorld()))
    assert domain is not None
    lines = [corpus.test_lines[0], "a cat are .", ""]
    assert domain.objectives["validity"](lines).tolist() == [1.0, 0.0, 0.0]
