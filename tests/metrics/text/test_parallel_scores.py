"""Standard errors of corpus scores against closed forms and an independent bootstrap."""

import math

import numpy as np
import pytest

from seqgan_kit.metrics.statistics.bootstrap import bootstrap_interval
from seqgan_kit.metrics.text.corpus_bleu import line_counts, score_of_counts
from seqgan_kit.metrics.text.parallel_scores import SCORES, parallel_scores

REFERENCE = "the cat is asleep now"


def answers(n: int) -> list[str]:
    """Return n lines, each with 0 to 3 words that the reference does not have."""
    wrong = np.random.default_rng(3).integers(0, 4, n)
    return [" ".join([*REFERENCE.split()[: 5 - k], *["x"] * k]) for k in wrong]


def test_the_error_of_ter_is_that_of_a_mean_if_all_references_are_of_one_length():
    lines = answers(400)
    edits = np.array([100 * line.count("x") / 5 for line in lines])
    found = parallel_scores(lines, [[REFERENCE]] * 400)["ter"]
    assert found.value == pytest.approx(edits.mean())
    assert found.standard_error == pytest.approx(edits.std() / math.sqrt(400), rel=0.1)


def test_the_error_of_bleu_is_that_of_another_bootstrap():
    lines = answers(400)
    found = parallel_scores(lines, [[REFERENCE]] * 400)["corpus_bleu"]
    counts = line_counts(lines, [[REFERENCE] * 400])
    other = bootstrap_interval(counts, np.random.default_rng(0), statistic=score_of_counts())
    assert found.value == pytest.approx(other.value)
    assert found.standard_error == pytest.approx((other.high - other.low) / 3.92, rel=0.15)


@pytest.mark.parametrize(("lines", "resamples"), [(1, 1000), (5, 0)])
def test_without_resamples_there_is_no_error(lines, resamples):
    found = parallel_scores(answers(lines), [[REFERENCE]] * lines, resamples=resamples)
    assert list(found) == list(SCORES)
    assert all(math.isnan(score.standard_error) for score in found.values())
