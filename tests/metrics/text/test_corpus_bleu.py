"""Corpus BLEU against sacrebleu called on its own, and against a small sum by hand."""

import math

import numpy as np
import pytest
import sacrebleu
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.significance import PairedTest

from seqgan_kit.errors import DataError, UsageError
from seqgan_kit.metrics.statistics.bootstrap import bootstrap_interval, paired_difference
from seqgan_kit.metrics.text.corpus_bleu import (
    TOKENIZERS,
    corpus_bleu,
    line_counts,
    score_of_counts,
)

LINES = [
    "The cat isn't here, now.",
    "猫在这里 a dog ran off",
    "Ünïcode — “quotes”! x",
    "it rains again",
]
FIRST = [
    "The cat is not here, now.",
    "猫在那里 a dog ran away",
    "Unicode — “quotes”? x",
    "it rains",
]
OTHER = ["A cat isn't here.", "the dog ran off", "Ünïcode - quotes! x y", "again it rains again"]
TEXT = st.text(alphabet="ab c.,猫é", max_size=12)


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
@pytest.mark.parametrize("lowercase", [False, True])
@pytest.mark.parametrize("streams", [[FIRST], [FIRST, OTHER]])
def test_equal_to_sacrebleu(tokenizer: str, lowercase: bool, streams: list[list[str]]) -> None:
    found = corpus_bleu(LINES, streams, tokenizer=tokenizer, lowercase=lowercase)
    expected = sacrebleu.corpus_bleu(LINES, streams, tokenize=tokenizer, lowercase=lowercase)
    assert found.value == expected.score
    assert list(found.precisions) == expected.precisions
    assert found.brevity_penalty == expected.bp
    assert (found.hypothesis_tokens, found.reference_tokens) == (expected.sys_len, expected.ref_len)
    case, refs = "lc" if lowercase else "mixed", len(streams)
    assert found.signature == (
        f"BLEU|nrefs:{refs}|case:{case}|eff:no|tok:{tokenizer}|smooth:exp"
        f"|version:{sacrebleu.__version__}"
    )


def test_worked_out_by_hand() -> None:
    """a b c d and a b against a b x d and a b c: p1 = 5/6, p2 = 2/4, one token too short."""
    found = corpus_bleu(["a b c d", "a b"], [["a b x d", "a b c"]], 2, tokenizer="none")
    assert found.value == pytest.approx(100 * math.exp(1 - 7 / 6) * math.sqrt(5 / 6 * 2 / 4))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(TEXT, TEXT, TEXT), min_size=1, max_size=5), st.integers(1, 5))
def test_summed_counts_give_the_corpus_score(lines: list[tuple[str, ...]], order: int) -> None:
    hypotheses, *streams = (list(texts) for texts in zip(*lines, strict=True))
    counts = line_counts(hypotheses, streams, order)
    assert counts.shape == (len(lines), 2 + 2 * order)
    whole = sacrebleu.BLEU(max_ngram_order=order).corpus_score(hypotheses, streams)
    scores = score_of_counts(order)(np.stack([counts.sum(axis=0), 0 * counts[0]]))
    assert scores.tolist() == [whole.score, 0.0]


def noisy_copies(seed: int, lines: int, share: float) -> list[str]:
    """Lines 0 to 9 repeated, with a share of the words replaced."""
    rng = np.random.default_rng(seed)
    words = np.arange(lines)[:, None] % 10 + np.arange(12)
    return [" ".join(map(str, row)) for row in np.where(rng.random(words.shape) < share, 99, words)]


def test_interval_and_p_value_are_those_of_sacrebleus_own_tests() -> None:
    references = noisy_copies(0, 150, 0.0)
    first, second = noisy_copies(1, 150, 0.30), noisy_copies(2, 150, 0.27)
    counts = [line_counts(lines, [references]) for lines in (first, second)]
    score, rng = score_of_counts(), np.random.default_rng(0)
    ours = bootstrap_interval(counts[1], rng, statistic=score)
    difference = paired_difference(*counts, rng, statistic=score, resamples=2000)
    systems = [("first", first), ("second", second)]
    metrics = {"BLEU": sacrebleu.BLEU()}
    results = {}
    for kind in ("ar", "bs"):
        test = PairedTest(systems, metrics, [references], test_type=kind, n_samples=2000)
        results[kind] = test()[1]["BLEU"][1]
    assert ours.value == results["ar"].score
    assert difference.value == pytest.approx(ours.value - score(counts[0].sum(axis=0)[None])[0])
    assert 0.02 < difference.p_value < 0.8
    assert difference.p_value == pytest.approx(results["ar"].p_value, abs=0.04)
    half = (ours.high - ours.low) / 2
    assert half == pytest.approx(results["bs"].ci, rel=0.15)


def test_unequal_lengths_are_refused_although_sacrebleu_cuts_them() -> None:
    assert sacrebleu.corpus_bleu(LINES, [FIRST[:2]]).sys_len < 20
    with pytest.raises(DataError, match="reference list 2 has 2 lines and there are 4 hypotheses"):
        corpus_bleu(LINES, [FIRST, OTHER[:2]])


def test_transposed_references_are_refused_although_sacrebleu_takes_them() -> None:
    transposed = [list(line) for line in zip(FIRST, OTHER, strict=True)]
    assert sacrebleu.corpus_bleu(LINES, transposed).score > 0
    with pytest.raises(DataError, match=r"transposed: 4 lists of 2 .* list\(zip\(\*references"):
        corpus_bleu(LINES, transposed)


def test_as_many_references_as_lines_are_read_the_way_that_fits() -> None:
    streams = [FIRST[:2], OTHER[:2]]
    corpus_bleu(LINES[:2], streams, 2)
    with pytest.raises(DataError, match="look transposed: 2 lists of 2 for 2 hypotheses"):
        corpus_bleu(LINES[:2], [list(line) for line in zip(*streams, strict=True)], 2)


def test_misuse_says_what_to_do() -> None:
    with pytest.raises(DataError, match="at least one hypothesis"):
        corpus_bleu([], [[]])
    with pytest.raises(DataError, match="at least one list of references"):
        corpus_bleu(LINES, [])
    with pytest.raises(UsageError, match=r"one per set of references: \[references\]"):
        corpus_bleu(LINES, FIRST)
    with pytest.raises(UsageError, match="a list of lines and a list of lists"):
        corpus_bleu("a b", [["a b"]])
    with pytest.raises(UsageError, match="Did you mean 'intl'"):
        corpus_bleu(LINES, [FIRST], tokenizer="int")
    with pytest.raises(UsageError, match="of 1 or more, got 0"):
        corpus_bleu(LINES, [FIRST], 0)
