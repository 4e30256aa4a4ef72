"""n-gram counting against counting by hand."""

from seqgan_kit.metrics.text.ngrams import count_ngrams, ngrams


def test_ngrams_slide_over_the_sentence() -> None:
    assert ngrams(["a", "b", "c"], 2) == [("a", "b"), ("b", "c")]


def test_a_sentence_shorter_than_the_order_has_no_ngrams() -> None:
    assert ngrams(["a", "b"], 3) == []
    assert ngrams([], 1) == []


def test_count_ngrams_sums_over_sentences_and_not_across_their_borders() -> None:
    counts = count_ngrams([["a", "b", "a", "b"], ["b", "a"]], 2)
    assert counts == {("a", "b"): 2, ("b", "a"): 2}
