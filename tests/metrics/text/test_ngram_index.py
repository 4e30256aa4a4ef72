"""n-grams as numbers against counting tuples."""

import tracemalloc
from collections import Counter

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from seqgan_kit.metrics.text.ngram_index import NgramCounts, NgramIndex, index_ngrams
from seqgan_kit.metrics.text.ngrams import ngrams

Sentence = list[str]
TEXTS = st.lists(st.lists(st.sampled_from("abcd"), max_size=9), max_size=5)
MAX_ORDER = 4


def by_tuples(sentences: list[Sentence], order: int) -> list[Counter[tuple[str, ...]]]:
    return [Counter(ngrams(sentence, order)) for sentence in sentences]


def numbers_of(index: NgramIndex, sentence: Sentence, order: int) -> dict[tuple[str, ...], int]:
    """Every n-gram of a sentence and its number: each is looked up as a sentence of its own."""
    parts = [list(gram) for gram in set(ngrams(sentence, order))]
    counts = index.counts(parts)[order - 1]
    return {tuple(parts[s]): int(g) for g, s in zip(counts.ngram, counts.sentence, strict=True)}


def as_counters(counts: NgramCounts, sentences: int) -> list[Counter[int]]:
    found: list[Counter[int]] = [Counter() for _ in range(sentences)]
    for gram, sentence, count in zip(counts.ngram, counts.sentence, counts.count, strict=True):
        found[sentence][int(gram)] += int(count)
    return found


@settings(deadline=None)
@given(TEXTS, TEXTS)
@example([], [["a"]])
@example([[], []], [[]])
@example([["a", "b"], ["b", "a"]], [["a", "a"], ["x", "a", "b"], ["b", "x", "a", "b"]])
def test_counts_are_those_of_tuples(text: list[Sentence], other: list[Sentence]) -> None:
    index, counts = index_ngrams(text, MAX_ORDER)
    for order in range(1, MAX_ORDER + 1):
        known = {gram for sentence in text for gram in ngrams(sentence, order)}
        numbers: dict[tuple[str, ...], int] = {}
        for sentence in text:
            numbers |= numbers_of(index, sentence, order)
        assert sorted(numbers.values()) == list(range(index.size(order))) == list(range(len(known)))
        for sentences, found in ((text, counts), (other, index.counts(other))):
            expected = [
                Counter({numbers[g]: n for g, n in counter.items() if g in known})
                for counter in by_tuples(sentences, order)
            ]
            assert as_counters(found[order - 1], len(sentences)) == expected


@settings(deadline=None)
@given(TEXTS, st.integers(1, 3))
def test_largest_counts_by_rank(text: list[Sentence], rank: int) -> None:
    index, counts = index_ngrams(text, 2)
    for order, found in enumerate(counts, start=1):
        counters = as_counters(found, len(text))
        expected = [
            ([0, 0, 0, *sorted(counter[gram] for counter in counters)])[-rank]
            for gram in range(index.size(order))
        ]
        assert found.largest(index.size(order), rank).tolist() == expected


def test_clipped_counts_by_hand() -> None:
    """Sentence 0 has n-gram 0 three times and 1 once, sentence 2 has 1 twice; the limits are 2 and 1."""
    counts = NgramCounts(np.array([0, 1, 1]), np.array([0, 0, 2]), np.array([3, 1, 2]))
    assert counts.clipped(np.array([2, 1]), sentences=3).tolist() == [3, 0, 1]


@pytest.mark.parametrize("leave_out", [1, 2])
def test_an_unknown_token_is_part_of_no_known_ngram(leave_out: int) -> None:
    """Numbers of known n-grams and of unknown tokens must not add up to another n-gram's key."""
    index, _ = index_ngrams([list("abc"), list("cba"), list("bca")], 3)
    sentence = list("abcabc")
    sentence[leave_out] = "x"
    assert index.counts([sentence])[1].count.sum() == 3
    assert index.counts([sentence])[2].count.sum() == 1


def test_memory_is_linear_in_the_text() -> None:
    """Eight times the sentences take about eight times the memory, not sixty-four."""
    rng = np.random.default_rng(0)
    peaks = []
    for size in (500, 4000):
        text = rng.integers(0, 300, (size, 12)).tolist()
        tracemalloc.start()
        index_ngrams(text, 5)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 10 * peaks[0]
