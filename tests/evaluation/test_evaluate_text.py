"""The evaluation record: who stands in the real row; scores are those of the metrics called by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from seqgan_kit.data.catworld import CatWorld
from seqgan_kit.errors import DataError, UsageError
from seqgan_kit.evaluation.evaluate_text import evaluate_sentences
from seqgan_kit.evaluation.evaluation_settings import EvaluationSettings, RealText, some_of
from seqgan_kit.evaluation.text_measures import TextMeasures
from seqgan_kit.metrics.text import ngram_statistics as stats
from seqgan_kit.metrics.text.bleu import bleu, self_bleu
from seqgan_kit.metrics.text.language_model import KneserNey, lm_score, reverse_lm_score
from seqgan_kit.metrics.text.ngram_divergence import js_divergences

PLAIN = EvaluationSettings(encoder="none")


def silent(_: str) -> None:
    """Nobody listens."""


@pytest.fixture(scope="module")
def captions() -> list[list[str]]:
    return [line.split() for line in CatWorld().sample_many(1200, np.random.default_rng(0))]


@pytest.fixture(scope="module")
def text(captions) -> RealText:
    return RealText(captions[:300], captions[300:700], (), "space", "mixed")


@pytest.fixture(scope="module")
def samples(captions) -> list[list[str]]:
    return captions[900:1100]


@pytest.fixture(scope="module")
def record(text, samples):
    return evaluate_sentences(samples, text, PLAIN, silent)


def test_the_samples_row_is_the_metrics_by_hand(record, text, samples):
    row = record["rows"][0]
    values, errors = row["values"], row["errors"]
    assert values["bleu4"] == pytest.approx(bleu(samples, text.test)[4])
    assert values["self_bleu4"] == pytest.approx(self_bleu(samples)[4])
    assert values["js2"] == pytest.approx(js_divergences(samples, text.test)[2])
    assert values["copies"] == stats.copies(samples, text.train).value
    per_token, per_sentence = lm_score(samples, KneserNey(text.train))
    assert (values["lm_token"], errors["lm_token"]) == (per_token.value, per_token.standard_error)
    assert values["lm_sentence"] == per_sentence.value
    words = {word for line in (*text.train, *text.test) for word in line}
    assert values["reverse_lm_token"] == reverse_lm_score(samples, text.test, words)[0].value
    assert "self_bleu4" not in errors


def test_every_score_has_a_column_with_a_signature(record):
    keys = [column["key"] for column in record["columns"]]
    for row in record["rows"]:
        assert set(row["values"]) == set(keys)
    assert len(set(keys)) == len(keys)
    signatures = {column["key"]: column["signature"] for column in record["columns"]}
    assert signatures["lm_token"].startswith(
        "lm|kn5|modified|vocab:train+unk|refs:400|hyps:200|tok:space|case:mixed|v:"
    )
    assert signatures["self_bleu2"].startswith("self-bleu|n:2|smooth:method1|refs:leave-one-out|")


def test_the_real_row_is_of_as_many_training_sentences(record, text, samples):
    """Beside the test text: 200 of the 400. Beside the training text: 40 of them, against the other 360."""
    measures = TextMeasures(text, PLAIN, silent)
    peers = text.in_place_of_samples(200, np.random.default_rng((0, 1)))
    assert len(peers) == 200
    assert all(words in text.train for words in peers)
    values = record["rows"][1]["values"]
    assert values["bleu4"] == pytest.approx(bleu(peers, text.test)[4])
    unseen, seen = text.unseen_and_seen(np.random.default_rng((0, 2)))
    assert (len(unseen), len(seen)) == (40, 360)
    assert sorted(map(tuple, (*unseen, *seen))) == sorted(map(tuple, text.train))
    assert values["copies"] == stats.copies(unseen, seen).value
    assert values["lm_token"] == lm_score(unseen, KneserNey(seen))[0].value
    assert measures.of_real_text(200)["bleu4"].value == values["bleu4"]


def test_held_out_text_takes_the_place_if_it_is_enough(captions, text):
    held_out = captions[700:900]
    whole = RealText(text.test, text.train, held_out, "space")
    rng = np.random.default_rng(0)
    assert whole.in_place_of_samples(200, rng) == held_out
    assert whole.in_place_of_samples(201, rng) != held_out
    assert whole.unseen_and_seen(rng) == (held_out, text.train)


def test_good_samples_are_not_blamed_and_collapsed_ones_are(record, text, captions):
    assert [f.partition(":")[0] for f in record["findings"]] == ["Few samples"]
    collapsed = [captions[300], captions[300], *captions[301:310]] * 20
    found = evaluate_sentences(collapsed, text, PLAIN, silent)["findings"]
    assert [f.partition(":")[0] for f in found][:2] == ["Collapse", "Copying"]
    stutter = [[*words[:2] * 4, *words] for words in captions[900:1000]]
    names = [
        f.partition(":")[0] for f in evaluate_sentences(stutter, text, PLAIN, silent)["findings"]
    ]
    assert {"Degenerate repetition", "Too long"} <= set(names)


def test_without_training_text(captions, text, samples):
    """No language models, no copies; the test text has what a text has alone, and the notes say so."""
    alone = RealText(text.test, (), (), "space")
    record = evaluate_sentences(samples, alone, PLAIN, silent)
    values = record["rows"][0]["values"]
    assert not {"lm_token", "reverse_lm_token", "copies", "unknown"} & set(values)
    real = record["rows"][1]["values"]
    assert not {"bleu2", "js1", "length_tv", "copies"} & set(real)
    assert {"self_bleu4", "distinct3", "repetition", "length"} <= set(real)
    collapsed = evaluate_sentences([captions[900]] * 200, alone, PLAIN, silent)["findings"]
    assert collapsed[0].startswith("Collapse")
    assert any(note.startswith("Without --train FILE") for note in record["notes"])


def test_what_depends_on_the_number_is_of_as_many_samples_as_real_sentences(text, captions):
    """800 lines of the world's own beside 400 real ones: their Self-BLEU is that of 400 of them."""
    samples = captions[300:1100]
    record = evaluate_sentences(samples, text, PLAIN, silent)
    part = some_of(samples, 400, np.random.default_rng((0, 6)))
    values = record["rows"][0]["values"]
    assert values["self_bleu4"] == pytest.approx(self_bleu(part)[4])
    assert values["js2"] == pytest.approx(js_divergences(part, text.test)[2])
    assert values["bleu4"] == pytest.approx(bleu(samples, text.test)[4]), "a mean over sentences"
    signatures = {column["key"]: column["signature"] for column in record["columns"]}
    for key in ("self_bleu4", "js2", "distinct3", "duplicates", "reverse_lm_token", "length_tv"):
        assert "|hyps:400|" in signatures[key], key
    for key in ("bleu4", "lm_token", "copies", "length"):
        assert "|hyps:800|" in signatures[key], key
    assert any("use 400 of the 800 samples" in note for note in record["notes"])


def test_without_real_sentences_in_their_place_samples_vary_like_the_test_text(text, captions):
    """The test text has but what a text has alone; that is of equally many, the rest of all samples."""
    alone = RealText(text.test[:30], (), (), "space")
    record = evaluate_sentences(captions[300:400], alone, PLAIN, silent)
    signatures = {column["key"]: column["signature"] for column in record["columns"]}
    assert "|hyps:30|" in signatures["self_bleu2"]
    assert "|hyps:100|" in signatures["js2"]


def test_a_random_part_is_the_same_for_the_same_seed(text, samples):
    some = [
        evaluate_sentences(samples, text, EvaluationSettings(50, "none", seed=seed), silent)
        for seed in (0, 0, 1)
    ]
    assert some[0] == some[1]
    assert some[0]["rows"][0] != some[2]["rows"][0]
    assert some[0]["notes"][0] == "50 of 200 samples, drawn with seed 0."


def test_empty_samples_and_words_never_seen(text):
    """Lines without words and lines too short for any n-gram are scored, not refused."""
    record = evaluate_sentences([[], ["zzz"], [], ["zzz"]], text, PLAIN, silent)
    values = record["rows"][0]["values"]
    assert values["unknown"] == 1
    assert values["duplicates"] == 0.5
    assert "js2" not in values
    assert values["ms_jaccard"] == 0
    assert all(math.isfinite(value) for value in values.values())


def test_features_of_an_encoder_are_compared_equal_in_number(text, samples, monkeypatch):
    """A stub of two features; its name is in the signatures, FED and the rest in both rows."""
    seen: list[int] = []

    class Lengths:
        name = "lengths-0123"

        def __call__(self, sentences):
            seen.append(len(sentences))
            rng = np.random.default_rng(len(seen))
            return np.array([[len(w), rng.normal()] for w in sentences])

    monkeypatch.setattr(
        "seqgan_kit.evaluation.encoders.encoder_choice.find_encoder", lambda *_: Lengths()
    )
    settings = EvaluationSettings(embedding_sentences=120)
    record = evaluate_sentences(samples, text, settings, silent)
    assert seen == [120] * 4
    for row in record["rows"]:
        assert 0.35 < row["values"]["two_sample"] < 0.65
        assert row["values"]["mauve"] > 0.7
    signatures = {column["key"]: column["signature"] for column in record["columns"]}
    assert signatures["fed"].startswith(
        "frechet|lengths-0123|refs:120|hyps:120|tok:space|case:mixed|seed:0|v:"
    )


def test_an_lstm_may_judge(text, samples, monkeypatch):
    """The same scores by another model: three are trained, for samples, real text and its peers."""
    from seqgan_kit.evaluation.encoders import lstm_language_model as lstm

    quick = lstm.LanguageModelSettings(embedding=8, hidden=8, epochs=1)
    monkeypatch.setattr(lstm, "LanguageModelSettings", lambda: quick)
    said: list[str] = []
    settings = EvaluationSettings(encoder="none", lm="lstm")
    record = evaluate_sentences(samples, text, settings, said.append)
    assert len(said) == 4
    assert {"lm_token", "reverse_lm_token"} <= set(record["rows"][0]["values"])
    assert "lm|lstm|vocab:train-min2+unk|" in str(record["columns"])


def test_some_of_keeps_the_order():
    assert some_of(list("abc"), 3, np.random.default_rng(0)) == list("abc")
    part = some_of(list("abcdefgh"), 5, np.random.default_rng(0))
    assert len(part) == 5
    assert part == sorted(part)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"sample": 1}, "sample is 1"), ({"lm": "kneserney"}, "Did you mean 'kneser-ney'")],
)
def test_settings_that_are_refused(options, message):
    with pytest.raises(UsageError, match=message):
        EvaluationSettings(**options)


def test_texts_that_are_refused(text):
    with pytest.raises(DataError, match="add --refs FILE"):
        RealText((), text.train, (), "space")
    with pytest.raises(DataError, match="at least 2 samples"):
        evaluate_sentences([["a"]], text, PLAIN, silent)
    with pytest.raises(DataError, match="--sample 3: there are only 2 samples"):
        evaluate_sentences([["a"], ["b"]], text, EvaluationSettings(3, "none"), silent)
