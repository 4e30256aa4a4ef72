"""n-gram counting against counting by hand."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from seqgan_kit.metrics.ngrams import count_ngrams, ngrams, occurrences

SENTENCES = st.lists(st.sampled_from("abc"), max_size=9)


def test_ngrams_slide_over_the_sentence() -> None:
    assert ngrams(["a", "b", "c"], 2) == [("a", "b"), ("b", "c")]


def test_a_sentence_shorter_than_the_order_has_no_ngrams() -> None:
    assert ngrams(["a", "b"], 3) == []
    assert ngrams([], 1) == []


def test_count_ngrams_sums_over_sentences_and_not_across_their_borders() -> None:
    counts = count_ngrams([["a", "b", "a", "b"], ["b", "a"]], 2)
    assert counts == {("a", "b"): 2, ("b", "a"): 2}


@given(SENTENCES, SENTENCES)
def test_shared_occurrences_are_the_clipped_count(left: list[str], right: list[str]) -> None:
    """|occ(a) & occ(b)| = sum_g min(count_a(g), count_b(g)): a multiset intersection."""
    for order, (ours, theirs) in enumerate(
        zip(occurrences(left, 4), occurrences(right, 4), strict=True), start=1
    ):
        multiset = Counter(ngrams(left, order)) & Counter(ngrams(right, order))
        assert len(set(ours) & set(theirs)) == multiset.total()


@given(SENTENCES)
def test_occurrences_are_all_different_and_as_many_as_ngrams(tokens: list[str]) -> None:
    for order, items in enumerate(occurrences(tokens, 5), start=1):
        assert len(items) == len(set(items)) == max(0, len(tokens) - order + 1)
