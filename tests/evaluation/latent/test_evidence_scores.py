"""The table of a sentence VAE: bounds beside an exact likelihood, and how a collapsed code looks in it."""

import pytest
import torch

from seqgan_kit.core.game import Game
from seqgan_kit.core.training.alarms import CollapsedPosterior
from seqgan_kit.data.text.load_text import TextData, load_text
from seqgan_kit.evaluation.corpora.held_out import row_log_probs
from seqgan_kit.evaluation.latent.evidence_scores import BoundedTextScorer, code_use
from seqgan_kit.evaluation.text_scores import TextScoreSettings
from seqgan_kit.sequences.generators.latent_lstm import LatentLSTMConfig, build_latent

WORDS = ["a", "black", "white", "cat", "dog", "sat", "slept", "played", "here", "there"]


@pytest.fixture
def scorer(tmp_path):
    draw = torch.Generator().manual_seed(0)
    for name, count in (("train", 40), ("valid", 20), ("test", 30)):
        rows = torch.randint(len(WORDS), (count, 5), generator=draw).tolist()
        lines = "".join(" ".join(WORDS[i] for i in row) + "\n" for row in rows)
        (tmp_path / f"{name}.txt").write_text(lines, encoding="utf-8")
    paths = {f"{name}_text": str(tmp_path / f"{name}.txt") for name in ("valid", "test")}
    corpus = load_text(TextData(text=str(tmp_path / "train.txt"), **paths))
    settings = TextScoreSettings(score_samples=20, evaluation_samples=10, bleu="no")
    return BoundedTextScorer(corpus, None, settings)


@pytest.fixture
def models(scorer):
    ids = scorer.corpus.tokenizer
    config = LatentLSTMConfig(4, 6, 3, code_at="every_step")
    special = {"bos": ids.bos, "eos": ids.eos, "pad": ids.pad}
    latent, plain = build_latent(config, ids.vocabulary_size, scorer.corpus.length, **special)
    with torch.no_grad():
        latent.encoder.head.weight.mul_(8)
        latent.decoder.first.weight.mul_(4)
    return latent, plain


def test_bounds_stand_beside_an_exact_likelihood(scorer, models):
    latent, plain = models
    rows = {row["name"]: row for row in scorer.rows({"LSTM": plain, "VAE": latent}, 0, quiet=True)}
    exact = -row_log_probs(plain, scorer.corpus.test[:20]).mean()
    for key in ("nll_elbo", "nll_iw"):
        assert rows["LSTM"]["values"][key] == pytest.approx(exact)
    found = rows["VAE"]["values"]
    assert found["nll_elbo"] > found["nll_iw"]
    assert found["code_divergence"] > 0.1
    assert found["codes_in_use"] == 3
    assert 1 < found["path_distinct"] <= 8
    assert "path_distinct" not in rows["LSTM"]["values"]
    assert rows["tokens of both mixed"]["values"]["path_distinct"] > 4
    table = scorer.record("title", list(rows.values()))
    assert {"nll_iw", "words_rebuilt"} <= {column["key"] for column in table["columns"]}


def test_no_control_of_paths_without_codes(scorer, models):
    assert [row["name"] for row in scorer.rows({"LSTM": models[1]}, 0, quiet=True)] == [
        "LSTM",
        "real data",
    ]


def test_a_collapsed_code_is_seen(scorer, models):
    latent, _ = models
    with torch.no_grad():
        for part in (latent.encoder.head, latent.decoder.first, latent.decoder.beside):
            for parameter in part.parameters():
                parameter.zero_()
    assert code_use(latent, scorer.corpus.test).abs().max() < 1e-6
    values = scorer(Game({"generator": latent}), torch.Generator().manual_seed(0))
    assert values["codes_in_use"] == values["divergence_valid"] == 0
    tally: dict[str, int] = {}
    alarm = CollapsedPosterior(remedy="Do this.")
    assert alarm.check(values, tally) is None
    assert "the decoder ignores the code (posterior collapse). Do this." in alarm.check(
        values, tally
    )
    (row,) = (r for r in scorer.rows({"VAE": latent}, 0, quiet=True) if r["name"] == "VAE")
    assert row["values"]["path_distinct"] == 1
    assert row["values"]["nll_elbo"] == pytest.approx(row["values"]["nll_iw"], abs=1e-4)
