"""What the measurements compare: the plain ways mean the same as the library's, the figures what they say."""

import math

import pytest
import torch

from seqgan_kit.bench.generator_timing import GeneratorSetting, plain_nll
from seqgan_kit.bench.gradient_variance import total_variance
from seqgan_kit.bench.plain_rollout import plain_features, plain_samples
from seqgan_kit.bench.seqgan_players import SeqGANSetting
from seqgan_kit.bench.seqgan_timing import matrix_flops
from seqgan_kit.bench.side_by_side import time_in_turns
from seqgan_kit.sequences.discriminators.textcnn import TextCNN, TextCNNConfig
from seqgan_kit.sequences.maximum_likelihood import negative_log_likelihood


def test_both_likelihoods_are_the_same_number():
    generator = GeneratorSetting(vocabulary=30, length=6, hidden=5).build()
    tokens = torch.randint(30, (8, 6), generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(
        plain_nll(generator, tokens), negative_log_likelihood(generator, tokens)
    )


def test_plain_samples_follow_the_generators_distribution():
    """Mean log-probability of 4,000 samples against that of the library's, within 4.5 standard errors."""
    generator = GeneratorSetting(vocabulary=9, length=5, hidden=5).build()
    for parameter in generator.parameters():
        parameter.data.mul_(10)  # far from uniform
    rng, n = torch.Generator().manual_seed(0), 4000
    samples = (plain_samples(generator, n, rng=rng), generator.sample(n, rng=rng))
    with torch.no_grad():
        plain, fast = (generator.sequence_log_prob(tokens) for tokens in samples)
    error = math.sqrt((plain.var() + fast.var()) / n)
    assert plain.std() > 0.5
    assert abs(plain.mean() - fast.mean()) < 4.5 * error


def test_plain_features_are_the_trunks():
    torch.manual_seed(0)
    trunk = TextCNN(TextCNNConfig(embedding=4, filters=((1, 3), (3, 5))), 20, 6, pad=None).eval()
    tokens = torch.randint(20, (7, 6))
    with torch.no_grad():
        torch.testing.assert_close(plain_features(trunk, tokens), trunk(tokens))


def test_floor_counts_the_products_that_are_left():
    """batch 1, T=3, N=2, V=10, hidden 32, F=5: products with the vocabulary [rows,32] x [32,10].

    Sampling 3 rows, the update 3 x 3, prefixes of 1 and 2 tokens one each, and the 2 completions of the
    first prefix one more each: 16 rows. The highway sees 4 completions and the sequence: 5 rows of 5 x 10.
    """
    setting = SeqGANSetting(batch=1, length=3, vocabulary=10, rollouts=2)
    assert matrix_flops(setting, 5) == 2 * (16 * 32 * 10 + 5 * 5 * 10)


def test_total_variance_adds_up_over_parameters():
    """Normal estimates with variances 1 and 4: 5, within 4.5 of the standard errors that are stated.

    The squared distances' own variance is 2 (1 + 16), so the standard error is sqrt(34 / K).
    """
    rng, count = torch.Generator().manual_seed(0), 5000
    estimates = torch.randn(count, 2, generator=rng) * torch.tensor([1.0, 2.0]) + 100
    variance, error = total_variance(estimates)
    assert variance == pytest.approx(estimates.double().var(0).sum().item(), rel=1e-4)
    assert error == pytest.approx(math.sqrt(34 / count), rel=0.1)
    assert abs(variance - 5) < 4.5 * error


def test_turns_alternate_and_a_warm_up_does_not_count():
    done: list[str] = []
    seconds = time_in_turns({"a": lambda: done.append("a"), "b": lambda: done.append("b")}, 2)
    assert done == ["a", "b"] * 3
    assert [len(times) for times in seconds.values()] == [2, 2]
