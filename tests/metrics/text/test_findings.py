"""Sentences about an evaluation: each is said where it is true, and none about good samples."""

from __future__ import annotations

import pytest

from seqgan_kit.metrics.text.findings import findings

REAL = {
    "distinct3": 0.6,
    "self_bleu4": 0.5,
    "duplicates": 0.01,
    "recall": 0.8,
    "copies": 0.02,
    "repetition": 0.01,
    "length": 10.0,
    "unknown": 0.03,
    "lm_token": 4.0,
    "reverse_lm_token": 4.5,
    "two_sample": 0.52,
}


def test_real_text_beside_real_text_is_not_complained_about():
    assert findings(REAL, REAL, 5000) == []


def test_absent_scores_say_nothing():
    assert findings({}, REAL, 5000) == []
    assert findings({"copies": 1.0, "length": 1.0}, {}, 5000) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"distinct3": 0.29},
            "Collapse: the samples vary far less than real text: distinct-3 is 0.290",
        ),
        (
            {"self_bleu4": 0.76},
            "Collapse: the samples vary far less than real text: Self-BLEU-4 0.760",
        ),
        ({"duplicates": 0.07}, "Collapse: the samples vary far less than real text: 7.0% repeat"),
        ({"recall": 0.3}, "Collapse: the samples vary far less than real text: recall is 0.30"),
        ({"copies": 0.08}, "Copying: 8.0% of the samples are lines of the training text"),
        ({"repetition": 0.05}, "Degenerate repetition: within a sentence 5.0%"),
        ({"length": 7.9}, "Too short: 7.9 tokens a sentence, real text 10.0"),
        ({"length": 12.6}, "Too long: 12.6 tokens"),
        ({"unknown": 0.06}, "Unknown tokens: 6.0%"),
        ({"lm_token": 3.5, "reverse_lm_token": 4.8}, "Sharpened: likelier than real text"),
        (
            {"two_sample": 0.95},
            "Told apart: a linear classifier knows samples from test sentences in 95%",
        ),
    ],
)
def test_each_sentence_where_it_is_true(changed, said):
    (sentence,) = findings(REAL | changed, REAL, 5000)
    assert sentence.startswith(said)


@pytest.mark.parametrize(
    "changed",
    [
        {"distinct3": 0.31}, {"self_bleu4": 0.74}, {"duplicates": 0.05}, {"recall": 0.41}, {"copies": 0.06},
        {"repetition": 0.03}, {"length": 8.1}, {"length": 12.4}, {"unknown": 0.049}, {"lm_token": 3.5},
        {"reverse_lm_token": 6.0}, {"two_sample": 0.89}, {"distinct3": 0.9}, {"copies": 0.0},
    ],
)  # fmt: skip
def test_near_real_text_nothing_is_said(changed):
    assert findings(REAL | changed, REAL, 5000) == []


@pytest.mark.parametrize(("error", "said"), [(0.009, True), (0.011, False)])
def test_what_may_be_chance_is_not_said(error, said):
    """Copies 0.10 where 0.07 is the limit: with three errors of 0.011 between them, it might be less."""
    found = findings(REAL | {"copies": 0.10}, REAL, 5000, {"copies": error})
    assert bool(found) == said


def test_a_small_world_repeats_itself_and_is_not_blamed():
    small = REAL | {"copies": 0.6, "duplicates": 0.5, "self_bleu4": 0.95}
    near = small | {"copies": 0.7, "duplicates": 0.55, "self_bleu4": 0.96}
    assert findings(near, small, 5000) == []


def test_texts_that_differ_are_named():
    shifted = REAL | {"two_sample": 0.8}
    (sentence,) = findings(shifted, shifted, 5000)
    assert sentence.startswith("Shifted text: real sentences like the training text")


def test_few_samples():
    (sentence,) = findings(REAL, REAL, 499)
    assert sentence.startswith("Few samples: 499 say little")
