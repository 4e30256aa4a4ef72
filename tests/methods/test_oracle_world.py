"""The oracle world as recipes see it: a corpus like any other, and scores that are summed exactly here."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from seqgan_kit.core.game import Game
from seqgan_kit.data.text.load_text import TextData
from seqgan_kit.errors import UsageError
from seqgan_kit.evaluation.corpora.held_out import nll_estimates
from seqgan_kit.evaluation.corpora.known_worlds import CatCaptions, OracleWorld, sampling_seed
from seqgan_kit.evaluation.corpora.oracle_corpus import OracleData, load_oracle
from seqgan_kit.evaluation.corpora.recipe_corpus import load_corpus
from seqgan_kit.evaluation.text_scores import TextScorer, TextScoreSettings
from seqgan_kit.methods.mle import build
from seqgan_kit.sequences.generators.lstm import LSTMConfig, LSTMGenerator

TINY = OracleData(
    "seed:5", oracle_length=3, oracle_vocabulary=4, oracle_rows=3000, oracle_held_out=2000
)
MANY = TextScoreSettings(score_samples=4000, evaluation_samples=500)
EVERY_ROW = torch.tensor(list(itertools.product(range(4), repeat=3)))


@pytest.fixture(scope="module")
def loaded():
    return load_corpus(TextData(), TINY)


@pytest.fixture(scope="module")
def generator() -> LSTMGenerator:
    config = LSTMConfig(embedding=3, hidden=3, initial_std=0.7)
    rng = torch.Generator().manual_seed(0)
    return LSTMGenerator(config, 4, 3, bos=0, eos=None, pad=None, rng=rng).eval()


def near(row: dict, key: str, exact: float) -> bool:
    """Within four standard errors, and the error is one that could tell."""
    assert 0 < row["errors"][key] < 0.05
    return abs(row["values"][key] - exact) < 4 * row["errors"][key]


def test_scores_are_those_of_the_enumerated_worlds(loaded, generator):
    """With p, g over all 64 rows: E_g[-log p], KL(g||p), KL(p||g), E_p[-log g] and H(p), per token."""
    corpus, world = loaded
    log_p = world.oracle.sequence_log_prob(EVERY_ROW).double()
    log_g = generator.sequence_log_prob(EVERY_ROW).detach().double()
    p, g = log_p.exp(), log_g.exp()
    scorer = TextScorer(corpus, world, MANY)
    row, real = scorer.rows({"G": generator}, seed=1)
    assert near(row, "nll_oracle", -(g * log_p).sum().item() / 3)
    assert near(row, "reverse_kl", (g * (log_g - log_p)).sum().item() / 3)
    assert near(row, "forward_kl", (p * (log_p - log_g)).sum().item() / 3)
    assert near(row, "nll_test_token", -(p * log_g).sum().item() / 3)
    assert near(real, "nll_oracle", -(p * log_p).sum().item() / 3)
    assert near(real, "nll_test_token", -(p * log_p).sum().item() / 3)
    for whole, token in (("nll_oracle_sequence", "nll_oracle"), ("nll_test", "nll_test_token")):
        for each in (row, real):
            assert each["values"][whole] == pytest.approx(3 * each["values"][token])
            assert each["errors"][whole] == pytest.approx(3 * each["errors"][token])


def test_samples_that_are_scored_share_no_random_numbers_with_the_rows(loaded):
    """The oracle itself, scored, must not write its own test rows again, of any two seeds."""
    corpus, world = loaded
    written = torch.cat([corpus.test, corpus.valid, corpus.train])[:2000]
    by_chance = (torch.roll(written, 1, 0) == written).all(1).float().mean()
    for seed in (0, 1):
        rng = torch.Generator().manual_seed(sampling_seed(world, seed))
        again = (world.oracle.sample(2000, rng=rng) == written).all(1).float().mean()
        assert abs(again - by_chance) < 0.04
    rng = torch.Generator().manual_seed(TINY.oracle_data_seed)
    assert torch.equal(world.oracle.sample(2000, rng=rng), written), (
        "drawn alike, from other numbers"
    )


def test_no_bleu_of_numbers_unless_asked_for(loaded, generator):
    corpus, world = loaded
    few = TextScoreSettings(50, 20)
    values = TextScorer(corpus, world, few).row("G", generator, seed=0)["values"]
    assert not [name for name in values if "bleu" in name]
    few = TextScoreSettings(50, 20, bleu="yes")
    values = TextScorer(corpus, world, few).row("G", generator, seed=0)["values"]
    assert {"bleu2", "self_bleu5"} <= set(values)


def test_during_the_run_both_likelihoods_are_followed(loaded, generator):
    corpus, world = loaded
    values = TextScorer(corpus, world, MANY)(build(generator), torch.Generator().manual_seed(0))
    assert set(values) == {"nll_valid", "nll_oracle", "diversity"}
    nll = -generator.sequence_log_prob(corpus.valid).mean().item() / 3
    assert values["nll_valid"] == pytest.approx(nll, rel=1e-5)


def test_the_table_shows_the_entropy_and_warns_below_it(loaded, generator):
    """A generator that always says the oracle's likeliest row beats perfect samples in NLL_oracle."""
    corpus, world = loaded
    scorer = TextScorer(corpus, world, MANY)
    likeliest = EVERY_ROW[world.oracle.sequence_log_prob(EVERY_ROW).argmax()]

    class Parrot(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))

        def sample(self, n: int, *, rng: torch.Generator) -> torch.Tensor:
            return likeliest.repeat(n, 1)

    rows = scorer.rows({"parrot": Parrot(), "G": generator}, seed=0)
    assert set(rows[0]["values"]) == {"nll_oracle", "nll_oracle_sequence"}
    assert rows[0]["values"]["nll_oracle"] < world.entropy.value < rows[1]["values"]["nll_oracle"]
    record = scorer.record("title", rows)
    warnings = [note for note in record["notes"] if "below the oracle's entropy" in note]
    assert len(warnings) == 1
    assert warnings[0].startswith("parrot has an NLL oracle of")
    assert f"The oracle's entropy is {world.entropy.value:.3f} ± " in " ".join(record["notes"])
    keys = [column["key"] for column in record["columns"]]
    assert keys[:2] == ["nll_oracle", "nll_test_token"]  # never one without the other beside it
    assert len(set(keys)) == len(keys) == 6
    values = scorer(Game({"generator": Parrot()}), torch.Generator().manual_seed(0))
    assert set(values) == {"nll_oracle", "diversity"}


def test_the_corpus_is_like_any_other(loaded):
    corpus, world = loaded
    assert isinstance(world, OracleWorld)
    assert [len(rows) for rows in (corpus.train, corpus.valid, corpus.test)] == [3000, 2000, 2000]
    assert corpus.length == 3
    assert corpus.train_lines[7] == " ".join(map(str, corpus.train[7].tolist()))
    assert corpus.tokenizer.encode(corpus.test_lines[0]) == corpus.test[0].tolist()
    assert (corpus.tokenizer.bos, corpus.tokenizer.eos, corpus.tokenizer.pad) == (0, None, None)
    batch = corpus.feed(16, seed=0).next_batch()["real"]
    assert batch.shape == (16, 3)
    assert batch.dtype == torch.int64
    lines = corpus.account.lines()
    assert lines[0] == "number tokenizer: 4 tokens; longest line 3 tokens"
    assert lines[1].startswith("train: 3,000 of 3,000 lines; 9,000 tokens")
    assert "[drawn from seed:5]" in lines[1]


def test_rows_follow_the_oracle_and_the_data_seed(loaded):
    corpus, world = loaded
    counts = torch.bincount(corpus.train @ torch.tensor([16, 4, 1]), minlength=64)
    expected = 3000 * world.oracle.sequence_log_prob(EVERY_ROW).exp()
    chi2 = ((counts - expected) ** 2 / expected).sum().item()
    assert chi2 < 63 + 5 * math.sqrt(2 * 63)
    _, again = load_oracle(TINY)
    assert torch.equal(again.train, corpus.train)
    more = load_oracle(OracleData(**{**vars(TINY), "oracle_rows": 4000}))[1]
    assert torch.equal(more.test, corpus.test)
    other = load_oracle(OracleData(**{**vars(TINY), "oracle_data_seed": 1}))[1]
    assert not torch.equal(other.test, corpus.test)
    assert not torch.equal(corpus.valid, corpus.test)


def test_a_file_decides_its_own_sizes(tmp_path):
    draw = np.random.default_rng(0).standard_normal
    arrays = {"embedding": draw((6, 2)), "Wo": draw((3, 6)), "bo": draw(6)}
    for gate in ("i", "f", "c", "og"):
        arrays |= {f"W{gate}": draw((2, 3)), f"U{gate}": draw((3, 3)), f"b{gate}": draw(3)}
    np.savez(tmp_path / "o.npz", **arrays)
    oracle, corpus = load_oracle(
        OracleData(str(tmp_path / "o.npz"), oracle_rows=5, oracle_held_out=2)
    )
    assert (oracle.vocabulary, corpus.tokenizer.vocabulary_size, corpus.length) == (6, 6, 20)


@pytest.mark.parametrize(
    ("name", "value", "least"),
    [("length", 0, 1), ("vocabulary", 1, 2), ("width", 0, 1), ("rows", 1, 2), ("held_out", 1, 2)],
)
def test_impossible_sizes_are_refused(name, value, least):
    with pytest.raises(UsageError, match=f"oracle_{name} is {value}; it must be at least {least}"):
        OracleData(**{f"oracle_{name}": value})


def test_a_text_and_an_oracle_exclude_each_other():
    with pytest.raises(UsageError, match=r"both a text \(my\.txt\) and an oracle \(seed:1\)"):
        load_corpus(TextData(text="my.txt"), OracleData("seed:1"))


def test_the_world_follows_from_the_source(tmp_path, monkeypatch):
    monkeypatch.setenv("SEQGAN_KIT_CACHE", str(tmp_path / "cache"))
    (tmp_path / "my.txt").write_text("a cat .\ntwo cats .\nno cat .\n" * 9)
    text = TextData(text=str(tmp_path / "my.txt"), valid_share=0, test_share=0)
    assert load_corpus(text, OracleData())[1] is None
    assert isinstance(load_corpus(TextData(), OracleData())[1], CatCaptions)


def test_the_error_of_a_ratio_is_that_of_its_repetitions():
    """Nats per token over rows of unequal lengths: the delta method against 2000 fresh samples."""
    rng = np.random.default_rng(0)

    def draw() -> tuple:
        counts = rng.integers(1, 9, 200).astype(float)
        return -counts * 2 - rng.standard_normal(200) * 3, counts

    token, sequence = nll_estimates(*draw())
    many = [nll_estimates(*draw()) for _ in range(2000)]
    assert token.standard_error == pytest.approx(np.std([t.value for t, _ in many]), rel=0.15)
    assert sequence.standard_error == pytest.approx(np.std([s.value for _, s in many]), rel=0.15)
    assert np.mean([t.value for t, _ in many]) == pytest.approx(2, abs=0.01)
