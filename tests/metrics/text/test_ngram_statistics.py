"""Counts of a text, against sets and loops written out, and against figures worked out by hand."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from seqgan_kit.errors import DataError
from seqgan_kit.metrics.text import ngram_statistics as stats
from seqgan_kit.metrics.text.ngram_divergence import NgramShares

texts = st.lists(st.lists(st.sampled_from("abcd"), max_size=7), min_size=1, max_size=8)


def bag(text, order):
    return Counter(tuple(s[i : i + order]) for s in text for i in range(len(s) - order + 1))


def split(*lines):
    return [line.split() for line in lines]


@given(texts, texts, st.integers(1, 3))
@settings(max_examples=100, deadline=None)
def test_jaccard_by_loops(text, other, order):
    """Averages per sentence, minimum and maximum item by item, as in the paper; symmetric."""
    own, others = bag(text, order), bag(other, order)
    assume(own and others)
    shares = {g: n / len(text) for g, n in own.items()}
    other_shares = {g: n / len(other) for g, n in others.items()}
    every = shares.keys() | other_shares.keys()
    low = sum(min(shares.get(g, 0), other_shares.get(g, 0)) for g in every)
    high = sum(max(shares.get(g, 0), other_shares.get(g, 0)) for g in every)
    index = stats.jaccard(own, len(text), others, len(other))
    assert index == pytest.approx(low / high, abs=1e-12)
    assert index == pytest.approx(stats.jaccard(others, len(other), own, len(text)), abs=1e-12)
    assert 0 <= index <= 1


@given(texts, st.integers(1, 3))
@settings(max_examples=50, deadline=None)
def test_a_text_said_twice_is_as_near_as_itself(text, order):
    """Counts are per sentence, so twice the text is the same text; distinct-n halves."""
    counts = bag(text, order)
    assume(counts)
    twice = bag(text * 2, order)
    assert stats.jaccard(counts, len(text), twice, 2 * len(text)) == 1
    assert stats.distinct(twice) == pytest.approx(stats.distinct(counts) / 2)
    assert stats.known_share(counts, twice) == 1


def test_ms_jaccard_is_a_geometric_mean():
    """Unigrams: min 1+1+0+0+1, max 1+1+1+1+1 (per sentence); bigrams a-b shared of 5 different."""
    samples, real = split("a b c", "d e"), split("a b x", "d y")
    first, second = NgramShares(samples, (1, 2)), NgramShares(real, (1, 2))
    assert stats.ms_jaccard(first, second, (1,)) == pytest.approx(3 / 7)
    assert stats.ms_jaccard(first, second, (1, 2)) == pytest.approx(math.sqrt(3 / 7 * 1 / 5))
    assert stats.ms_jaccard(first, first, (1, 2)) == 1


def test_ms_jaccard_of_too_short_sentences_is_zero():
    short = NgramShares(split("a", "b"), (1, 2))
    assert stats.ms_jaccard(short, short, (1, 2)) == 0


def test_shares_of_ngrams():
    """a occurs three times of four; b does not stand in the reference."""
    assert stats.distinct(Counter(a=3, b=1)) == 0.5
    assert stats.known_share(Counter(a=3, b=1), {"a", "c"}) == 0.75


def test_repetition_is_within_sentences():
    """Bigrams: of 'a b a b' one in three repeats; 'x y' repeats none; 'z' has none."""
    text = split("a b a b", "x y", "x y", "z")
    found = stats.repetition(text, 2)
    values = np.array([1 / 3, 0, 0])
    assert found.value == pytest.approx(1 / 9)
    assert found.standard_error == pytest.approx(values.std(ddof=1) / math.sqrt(3))
    assert stats.repetition(split("z", ""), 2) is None


def test_copies_and_duplicates():
    text = split("a b", "a b", "c", "", "d")
    assert stats.duplicates(text) == pytest.approx(1 / 5)
    found = stats.copies(text, split("a b", "d", "", "e"))
    assert found.value == pytest.approx(3 / 5)
    assert found.standard_error == pytest.approx(math.sqrt(0.6 * 0.4 / 5))


def test_unknown_words_with_their_error():
    """The error is that of a ratio: over repetitions of the drawing it is the spread."""
    rng = np.random.default_rng(0)
    draw = [["z"] * int(rng.integers(0, 3)) + ["a"] * int(rng.integers(1, 5)) for _ in range(6000)]
    runs = [stats.unknown_words(draw[i : i + 60], {"a"}) for i in range(0, 6000, 60)]
    assert runs[0].value == sum(s.count("z") for s in draw[:60]) / sum(map(len, draw[:60]))
    spread = np.std([run.value for run in runs])
    assert np.mean([run.standard_error for run in runs]) == pytest.approx(spread, rel=0.25)
    assert stats.unknown_words([[], []], {"a"}) is None


@given(texts, texts)
@settings(max_examples=50, deadline=None)
def test_distance_of_lengths_is_a_total_variation(text, other):
    apart = stats.length_distance(text, other)
    events = range(8)
    own = np.array([sum(len(s) == n for s in text) / len(text) for n in events])
    others = np.array([sum(len(s) == n for s in other) / len(other) for n in events])
    assert apart == pytest.approx(np.maximum(own - others, 0).sum(), abs=1e-12)


def test_lengths():
    text = split("a b", "a b c d", "")
    assert stats.mean_length(text).value == 2
    assert stats.mean_length(text).standard_error == pytest.approx(2 / math.sqrt(3))
    assert stats.length_spread(text) == pytest.approx(math.sqrt(8 / 3))
    assert stats.length_distance(split("a"), split("a b")) == 1


@pytest.mark.parametrize(
    "compute", [stats.duplicates, stats.mean_length, lambda s: stats.copies(s, [["a"]])]
)
def test_no_sentences(compute):
    with pytest.raises(DataError, match="at least one sentence"):
        compute([])


def test_no_ngrams():
    with pytest.raises(DataError, match="shorter than the order"):
        stats.distinct(Counter())
