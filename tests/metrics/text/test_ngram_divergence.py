"""Jensen-Shannon divergence of n-grams: closed forms, an independent sum, and the floor of real text."""

from __future__ import annotations

import math
import random
import time
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgan_kit.errors import DataError, UsageError
from seqgan_kit.metrics.text.ngram_divergence import (
    NgramShares,
    js_divergence,
    js_divergences,
)

CORPUS = st.lists(st.text("abc", min_size=1, max_size=8), min_size=1, max_size=6)


def entropy(shares: np.ndarray) -> float:
    shares = shares[shares > 0]
    return float(-(shares * np.log2(shares)).sum())


def by_entropies(first: list[str], second: list[str], order: int) -> float | None:
    """JS = H((p+q)/2) - (H(p) + H(q)) / 2, over dense vectors of substrings."""
    cut = [
        Counter(s[i : i + order] for s in corpus for i in range(len(s) - order + 1))
        for corpus in (first, second)
    ]
    if not all(cut):
        return None
    every = sorted(set(cut[0]) | set(cut[1]))
    p, q = (np.array([c[g] for g in every]) / sum(c.values()) for c in cut)
    return entropy((p + q) / 2) - (entropy(p) + entropy(q)) / 2


@given(CORPUS, CORPUS)
def test_it_is_the_entropy_of_the_mixture_less_the_mean_entropy(first, second):
    found = js_divergences(first, second)
    for order in (1, 2, 3, 4):
        expected = by_entropies(first, second, order)
        if expected is None:
            assert order not in found  # not run, so absent: never 0
        else:
            assert found[order] == pytest.approx(expected, abs=1e-12)
            assert 0.0 <= found[order] <= 1.0


@given(CORPUS, CORPUS)
def test_it_is_symmetric_and_blind_to_repetition_and_order(first, second):
    found = js_divergences(first, second)
    assert js_divergences(second, first) == pytest.approx(found, abs=1e-12)
    assert js_divergences(first[::-1] * 3, second * 2) == pytest.approx(found, abs=1e-12)


@given(CORPUS)
def test_equal_corpora_have_none_and_disjoint_ones_a_whole_bit(corpus):
    """Exactly, not nearly: 0 also against three copies of itself, 1 against other letters."""
    assert set(js_divergences(corpus, corpus * 3).values()) == {0.0}
    other = [line.upper() for line in corpus]
    assert set(js_divergences(corpus, other).values()) == {1.0}


def test_a_coin_against_a_certainty():
    """p = (1/2, 1/2), q = (1, 0), m = (3/4, 1/4):
    (log2(2/3)/2 + log2(2)/2 + log2(4/3)) / 2 = 0.311278."""
    expected = (math.log2(2 / 3) / 2 + 1 / 2 + math.log2(4 / 3)) / 2
    assert expected == pytest.approx(0.311278, abs=1e-6)
    assert js_divergences(["ab"], ["a"])[1] == pytest.approx(expected)
    assert js_divergence({("a",): 5, ("b",): 5}, {("a",): 1}) == pytest.approx(expected)


def test_n_grams_do_not_reach_over_the_end_of_a_sentence():
    assert js_divergences(["ab", "cd"], ["ab", "cd"])[2] == 0.0
    assert js_divergences(["abcd"], ["ab", "cd"])[2] == pytest.approx(
        by_entropies(["abcd"], ["ab", "cd"], 2)
    )
    assert js_divergences(["abcd"], ["ab", "cd"]).keys() == {1, 2}


def test_tokens_may_be_ids_or_words():
    words = [["a", "cat"], ["a", "dog"]], [["a", "cat"]]
    ids = [[0, 17], [0, 4]], [[0, 17]]
    assert js_divergences(*words) == js_divergences(*ids)


def test_a_counted_corpus_is_the_corpus_and_is_quick():
    rng = random.Random(0)
    lines = ["".join(rng.choices("etaoin shrdlu", range(13, 0, -1), k=32)) for _ in range(4000)]
    corpus, held_out = NgramShares(lines[1280:]), lines[:640]
    assert js_divergences(held_out, corpus) == js_divergences(held_out, lines[1280:])
    began = time.process_time()
    floor = js_divergences(held_out, corpus)
    assert time.process_time() - began < 2.0
    # The floor of one text: near 0 for letters, and ever higher for longer n-grams.
    assert floor[1] < 1e-3
    assert floor[1] < floor[2] < floor[3] < floor[4] < 1
    garbled = [line.replace("e", "z") for line in lines[640:1280]]
    assert all(js_divergences(garbled, corpus)[n] > floor[n] + 0.05 for n in (1, 2, 3, 4))


def test_what_cannot_be_compared():
    with pytest.raises(DataError, match="at least one sentence; none was given"):
        js_divergences([], ["a"])
    with pytest.raises(DataError, match="needs counts on both sides"):
        js_divergence({}, {("a",): 1})
    with pytest.raises(UsageError, match=r"whole numbers from 1 on, got \[0\]"):
        js_divergences(["a"], ["a"], (0,))
    with pytest.raises(UsageError, match=r"order 3 was asked of n-grams counted for \[1, 2\]"):
        js_divergences(["abc"], NgramShares(["abc"], (1, 2)), (1, 3))
