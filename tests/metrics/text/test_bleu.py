"""BLEU and Self-BLEU against nltk and against values worked out by hand."""

import math
import os
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

from seqgan_kit.errors import DataError, UsageError
from seqgan_kit.metrics.text.bleu import (
    ReferenceSet,
    Scores,
    bleu,
    self_bleu,
    self_sentence_scores,
    sentence_scores,
)

Sentence = list[str]

ORDERS = (1, 2, 3, 4, 5)
# Few words, so that n-grams match and repeat; composed and decomposed é are different tokens.
WORDS = st.sampled_from(["a", "b", "ab", "é", "e\u0301", "猫", "🐈", "A"])
SENTENCES = st.lists(WORDS, max_size=12)
ANY_WORDS = st.text(min_size=1, max_size=3)
CORPORA = Path(os.environ.get("SEQGAN_KIT_CORPORA", Path(__file__).parents[4] / "shared/corpora"))


def by_nltk(hypothesis: Sentence, references: list[Sentence]) -> list[float]:
    """The scores of all ``ORDERS``, which nltk takes as a list of weights."""
    weights = [tuple([1 / order] * order) for order in ORDERS]
    method1 = SmoothingFunction().method1
    return list(map(float, sentence_bleu(references, hypothesis, weights, method1)))


def assert_equal(scores: Scores, expected: list[list[float]]) -> None:
    found = np.stack([scores[order] for order in ORDERS], axis=1)
    assert found == pytest.approx(np.array(expected), rel=0, abs=1e-12)


def assert_equal_to_nltk(hypotheses: list[Sentence], references: list[Sentence]) -> None:
    scores = sentence_scores(hypotheses, ReferenceSet(references, max(ORDERS)), ORDERS)
    assert_equal(scores, [by_nltk(hypothesis, references) for hypothesis in hypotheses])


def assert_self_bleu_equal_to_nltk(sentences: list[Sentence]) -> None:
    expected = [
        by_nltk(sentence, sentences[:at] + sentences[at + 1 :])
        for at, sentence in enumerate(sentences)
    ]
    assert_equal(self_sentence_scores(sentences, ORDERS), expected)


@settings(max_examples=300, deadline=None)
@given(st.lists(SENTENCES, min_size=1, max_size=3), st.lists(SENTENCES, min_size=1, max_size=6))
@example([[]], [["a", "b"]])
@example([["a"]], [[]])
@example([[]], [[]])
@example([["a", "a", "a", "a"]], [["a", "a"], ["a", "b", "a"]])
@example([["a", "b", "c"]], [["a", "b"], ["a", "b", "c", "d"]])
def test_equal_to_nltk(hypotheses: list[Sentence], references: list[Sentence]) -> None:
    assert_equal_to_nltk(hypotheses, references)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(ANY_WORDS, max_size=6), min_size=2, max_size=5))
def test_equal_to_nltk_on_any_unicode(sentences: list[Sentence]) -> None:
    assert_equal_to_nltk(sentences[:1], sentences[1:])


@settings(max_examples=200, deadline=None)
@given(st.lists(SENTENCES, min_size=2, max_size=6))
@example([["a", "b"], ["a", "b"]])
@example([["a", "a", "a"], ["a"], ["a", "a"]])
@example([[], []])
@example([[], ["a"], ["a", "b"]])
def test_self_bleu_equals_nltk_with_the_line_removed(sentences: list[Sentence]) -> None:
    assert_self_bleu_equal_to_nltk(sentences)


@st.composite
def texts_with_copies(draw: st.DrawFn) -> list[Sentence]:
    """Many lines from few sentences, all of nearly one length: copies, near copies, tied lengths."""
    few = draw(
        st.lists(st.lists(st.sampled_from("ab"), min_size=3, max_size=6), min_size=1, max_size=4)
    )
    return draw(st.lists(st.sampled_from(few), min_size=2, max_size=8))


@settings(max_examples=100, deadline=None)
@given(texts_with_copies(), texts_with_copies())
def test_equal_to_nltk_where_lines_are_copies(left: list[Sentence], right: list[Sentence]) -> None:
    assert_equal_to_nltk(left, right)
    assert_self_bleu_equal_to_nltk(left)


@pytest.mark.parametrize("seed", range(4))
def test_equal_to_nltk_on_random_corpora(seed: int) -> None:
    """Lengths from 0 to 40, words from frequent to unique, 60 lines of which some return."""
    rng = np.random.default_rng(seed)
    lines = [[str(word) for word in rng.zipf(1.5, rng.integers(0, 41)) % 1000] for _ in range(50)]
    lines += [lines[i] for i in rng.integers(0, 50, 10)]
    assert_equal_to_nltk(lines[40:], lines[:40])
    assert_self_bleu_equal_to_nltk(lines[30:])


@pytest.mark.skipif(not (CORPORA / "coco").is_dir(), reason="needs the COCO captions")
def test_equal_to_nltk_on_real_captions() -> None:
    test, train = (
        [line.split() for line in (CORPORA / "coco" / name).read_text("utf-8").splitlines()]
        for name in ("test.txt", "train.txt")
    )
    assert_equal_to_nltk(random.Random(0).sample(test, 25), train[:300])
    assert_self_bleu_equal_to_nltk(test[:80])


def test_bleu_worked_out_by_hand() -> None:
    """h = a b c d against r = a b x d: p1 = 3/4, p2 = 1/3, p3 smoothed to 0.1/2, equal lengths."""
    scores = bleu([list("abcd")], [list("abxd")], (2, 3))
    assert scores[2] == pytest.approx(math.sqrt(3 / 4 * 1 / 3))
    assert scores[3] == pytest.approx((3 / 4 * 1 / 3 * 0.05) ** (1 / 3))


def test_bleu_is_the_mean_of_the_sentence_scores() -> None:
    hypotheses, references = [list("abcd"), list("ab"), list("xyz")], [list("abcde"), list("bcd")]
    scores = sentence_scores(hypotheses, ReferenceSet(references))
    assert scores[2][2] == 0.0
    for order, mean in bleu(hypotheses, references).items():
        assert mean == pytest.approx(sum(scores[order]) / 3)


def test_of_two_equally_near_lengths_the_shorter_counts() -> None:
    """Between references of 2 and 4 tokens, a hypothesis of 3 is the longer one: no penalty."""
    references = ReferenceSet([list("ab"), list("abcd")], 1)
    assert references.nearest_lengths(np.array([0, 2, 3, 4, 9])).tolist() == [2, 2, 2, 4, 4]
    assert sentence_scores([list("abc")], references, [1])[1] == [1.0]


def test_counts_are_clipped_at_the_largest_count_in_any_one_reference() -> None:
    """a twice in one reference and once in another allows two matches of four, not three."""
    references = ReferenceSet([list("aa"), list("ab")], 1)
    assert references.matches([list("aaaa")]).tolist() == [[2]]


def test_self_bleu_of_copies_is_one() -> None:
    """A line's copies stay among its references, or collapse would go unseen."""
    sentences = [list("abcdef")] * 3
    assert self_bleu(sentences) == {order: pytest.approx(1.0) for order in (2, 3, 4, 5)}


def test_self_bleu_leaves_the_line_itself_out() -> None:
    assert self_bleu([list("abcdef"), list("uvwxyz")]) == {2: 0.0, 3: 0.0, 4: 0.0, 5: 0.0}


def test_orders_may_come_unsorted_and_with_gaps() -> None:
    hypotheses, references = [list("abcd")], [list("abxd")]
    every = bleu(hypotheses, references, ORDERS)
    assert bleu(hypotheses, references, (4, 2)) == {4: every[4], 2: every[2]}


def test_references_prepared_for_higher_orders_give_the_same_scores() -> None:
    hypotheses, references = [list("abcd")], [list("abxd")]
    assert bleu(hypotheses, ReferenceSet(references, 6), (2,)) == bleu(hypotheses, references, (2,))


def test_integer_tokens_score_as_their_words_do() -> None:
    ids = {"a": 7, "b": 8, "c": 1, "x": 2}
    hypotheses, references = [list("abcc")], [list("abxccc")]
    assert bleu(
        [[ids[t] for t in s] for s in hypotheses], [[ids[t] for t in s] for s in references]
    ) == bleu(hypotheses, references)


def test_no_references_is_an_error() -> None:
    with pytest.raises(DataError, match="at least one reference"):
        ReferenceSet([])


def test_no_hypotheses_is_an_error_and_not_a_zero() -> None:
    with pytest.raises(DataError, match="mean over hypotheses; none was given"):
        bleu([], [["a"]])


def test_self_bleu_of_one_sentence_is_an_error() -> None:
    with pytest.raises(DataError, match="give at least two"):
        self_bleu([["a"]])


def test_an_order_beyond_the_prepared_ones_is_an_error() -> None:
    with pytest.raises(UsageError, match=r"order 5 .* not 4: build ReferenceSet.*=5"):
        sentence_scores([["a"]], ReferenceSet([["a"]], 4), (2, 5))


@pytest.mark.parametrize("orders", [(), (0,), (2, -1)])
def test_orders_start_at_one(orders: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match="whole numbers of 1 or more"):
        bleu([["a"]], [["a"]], orders)
