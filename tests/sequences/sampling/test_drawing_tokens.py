"""Samplers draw from exactly the distribution that the logits state; thresholds are in deviations."""

import itertools
import math

import pytest
import torch

from seqgan_kit.errors import TrainingError, UsageError
from seqgan_kit.sequences.generators.lstm import LSTMConfig, LSTMGenerator
from seqgan_kit.sequences.sampling.drawing_tokens import filter_logits, sample_tokens
from seqgan_kit.sequences.sampling.inverse_cdf import next_token_drawer, tokens_from_uniforms

PAD, BOS, EOS = 0, 1, 2
DRAWS = 200_000


def make(vocabulary=5, length=3, *, ends=True, std=1.0):
    tokens = {"bos": BOS, "eos": EOS, "pad": PAD} if ends else {"bos": 0, "eos": None, "pad": None}
    config = LSTMConfig(embedding=4, hidden=6, initial_std=std)
    rng = torch.Generator().manual_seed(0)
    return LSTMGenerator(config, vocabulary, length, **tokens, rng=rng)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def chi_square_z(counts, probabilities):
    """Pearson's statistic as a standard normal deviate (Wilson & Hilferty 1931).

    Classes expected less than ten times are pooled, as the approximation demands.
    """
    assert (counts[probabilities == 0] == 0).all(), "a token of probability 0 was drawn"
    expected = probabilities.double() * counts.sum()
    rare = expected < 10
    observed = torch.cat([counts[~rare].double(), counts[rare].double().sum()[None]])
    expected = torch.cat([expected[~rare], expected[rare].sum()[None]])
    kept = expected > 0
    statistic = ((observed - expected)[kept] ** 2 / expected[kept]).sum().item()
    free = int(kept.sum()) - 1
    return ((statistic / free) ** (1 / 3) - (1 - 2 / (9 * free))) / math.sqrt(2 / (9 * free))


def test_the_chi_square_test_notices_a_slightly_wrong_distribution():
    right = torch.full((10,), 0.1)
    wrong = torch.tensor([0.105, 0.095] + [0.1] * 8)
    counts = torch.multinomial(wrong, DRAWS, replacement=True, generator=seeded()).bincount()
    assert abs(chi_square_z(counts, wrong)) < 4
    assert chi_square_z(counts, right) > 4


@pytest.mark.parametrize("vocabulary", [1, 2, 3, 7, 50, 97, 1000, 5000])
@pytest.mark.parametrize("scale", [0.0, 2.0, 30.0])
def test_draws_follow_the_softmax(vocabulary, scale):
    logits = torch.randn(1, vocabulary, generator=seeded(vocabulary)) * scale
    uniforms = torch.rand(1, DRAWS, generator=seeded(1), dtype=torch.float64)
    counts = tokens_from_uniforms(logits, uniforms)[0].bincount(minlength=vocabulary)
    if vocabulary > 1:
        assert abs(chi_square_z(counts, logits[0].double().softmax(0))) < 4


@pytest.mark.parametrize("shift", [0.0, 500.0, -500.0])
def test_one_draw_per_row_follows_the_softmax_wherever_the_logits_lie(shift):
    """The drawer exponentiates in place without a maximum unless the row needs one; all rows alike."""
    generator = make(23, 4, ends=False)
    drawer = next_token_drawer(generator.stepper())
    hidden = torch.randn(1, 6, generator=seeded(3)).expand(DRAWS, -1)
    with torch.no_grad():
        generator.output.bias += shift * (torch.arange(23) % 2)
        drawer = next_token_drawer(generator.stepper())
        logits = generator.project(hidden[:1])[0]
        uniforms = torch.rand(DRAWS, 1, generator=seeded(2), dtype=torch.float64)
        counts = drawer(hidden, uniforms).flatten().bincount(minlength=23)
    assert abs(chi_square_z(counts, logits.double().softmax(0))) < 4


def test_every_token_owns_an_interval_as_long_as_its_probability():
    """On a fine even grid of uniform numbers the counts are the probabilities, up to one grid step each."""
    logits = torch.randn(3, 41, generator=seeded()) * 3
    grid = (torch.arange(100_000, dtype=torch.float64) + 0.5) / 100_000
    tokens = tokens_from_uniforms(logits, grid.expand(3, -1))
    for row, drawn in zip(logits, tokens, strict=True):
        shares = drawn.bincount(minlength=41) / 100_000
        torch.testing.assert_close(shares, row.softmax(0), atol=3e-5, rtol=0)


def test_impossible_tokens_are_never_drawn_even_at_the_ends():
    logits = torch.full((2, 60), -math.inf)
    logits[0, [7, 31]] = torch.tensor([0.0, -40.0])
    logits[1, 59] = -90.0
    uniforms = torch.tensor([0.0, 0.3, 1 - 2**-53], dtype=torch.float64).expand(2, -1)
    tokens = tokens_from_uniforms(logits, uniforms)
    assert set(tokens[0].tolist()) <= {7, 31}
    assert tokens[1].tolist() == [59, 59, 59]


def test_logits_that_are_not_finite_are_reported():
    with pytest.raises(TrainingError, match="logits are not finite"):
        tokens_from_uniforms(torch.full((1, 5), math.nan), torch.rand(1, 1).double())


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_temperature_divides_the_logits(temperature):
    logits = torch.randn(12, generator=seeded())
    drawn = sample_tokens(logits.expand(DRAWS, -1), seeded(1), temperature)
    expected = (logits / temperature).double().softmax(0)
    assert abs(chi_square_z(drawn.bincount(minlength=12), expected)) < 4


def test_top_k_keeps_the_k_likeliest():
    logits = torch.tensor([[0.0, 3.0, 1.0, 2.0], [5.0, 5.0, 5.0, 6.0]])
    assert filter_logits(logits, top_k=2)[0].isfinite().tolist() == [False, True, False, True]
    assert filter_logits(logits, top_k=2)[1].isfinite().sum() == 2  # ties do not let more through
    assert torch.equal(filter_logits(logits, top_k=9), logits)
    drawn = sample_tokens(logits[:1].expand(DRAWS, -1), seeded(), top_k=2)
    expected = torch.tensor([0, math.e**3, 0, math.e**2])
    assert abs(chi_square_z(drawn.bincount(minlength=4), expected / expected.sum())) < 4


@pytest.mark.parametrize(
    ("top_p", "kept"), [(0.1, {2}), (0.4, {2}), (0.41, {2, 0}), (0.7, {2, 0}), (0.9, {2, 0, 3})]
)
def test_top_p_keeps_the_smallest_set_that_reaches_p(top_p, kept):
    """Probabilities .3 .1 .4 .2: in order 2 (.4), 0 (.7), 3 (.9), 1."""
    logits = torch.tensor([0.3, 0.1, 0.4, 0.2], dtype=torch.float64).log()
    allowed = filter_logits(logits, top_p=top_p - 1e-9).isfinite().nonzero().flatten()
    assert set(allowed.tolist()) == kept


def test_filters_work_on_any_leading_shape():
    logits = torch.randn(2, 3, 9)
    together = filter_logits(logits, top_k=4, top_p=0.8)
    assert torch.equal(together[1, 2], filter_logits(logits[1, 2], top_k=4, top_p=0.8))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": 0.0}, "temperature is 0.0; it must be above 0.*use top_k=1"),
        ({"temperature": -1.0}, "temperature is -1.0; it must be above 0"),
        ({"temperature": math.nan}, "temperature is nan"),
        ({"top_k": 0}, "top_k is 0; it must be at least 1"),
        ({"top_p": 0.0}, "top_p is 0.0; it must be above 0"),
        ({"top_p": 1.5}, "top_p is 1.5; it must be above 0"),
    ],
)
def test_options_that_mean_nothing_are_refused(options, message):
    with pytest.raises(UsageError, match=message):
        sample_tokens(torch.zeros(1, 4), seeded(), **options)
    with pytest.raises(UsageError, match=message):
        make().sample(2, rng=seeded(), **options)


@pytest.mark.parametrize(("vocabulary", "ends"), [(3, False), (5, True)])
def test_sampled_sequences_have_their_exact_frequencies(vocabulary, ends):
    generator = make(vocabulary, 3, ends=ends)
    rows = torch.tensor(list(itertools.product(range(vocabulary), repeat=3)))
    with torch.no_grad():
        probabilities = generator.sequence_log_prob(rows).double().exp()
    drawn = generator.sample(DRAWS, rng=seeded(5), chunk_rows=50_000)
    code = (drawn * torch.tensor([vocabulary**2, vocabulary, 1])).sum(1)
    assert abs(chi_square_z(code.bincount(minlength=len(rows)), probabilities)) < 4


def test_temperature_and_top_k_reach_every_step_of_a_sequence():
    generator = make(9, 8)
    greedy = generator.sample(3, rng=seeded(), top_k=1)
    assert torch.equal(greedy, generator.sample(3, rng=seeded(9), temperature=1e-4))
    logits = generator.logits(greedy)
    assert torch.equal(logits.argmax(-1), greedy)


def test_sampling_is_reproducible_and_chunks_do_not_matter():
    generator = make(40, 12)
    whole = generator.sample(100, rng=seeded(4))
    assert torch.equal(whole, generator.sample(100, rng=seeded(4), chunk_rows=7))
    assert not torch.equal(whole, generator.sample(100, rng=seeded(5)))
    rng = seeded(4)
    assert torch.equal(
        whole, torch.cat([generator.sample(30, rng=rng), generator.sample(70, rng=rng)])
    )


def test_sampling_keeps_modes_gradients_and_the_global_random_state():
    generator = make(40, 12).train()
    generator.lstm.eval()
    before = torch.get_rng_state()
    generator.sample(10, rng=seeded())
    assert generator.training
    assert not generator.lstm.training
    assert torch.equal(before, torch.get_rng_state())
    assert all(parameter.grad is None for parameter in generator.parameters())


def test_sampling_nothing_is_refused():
    with pytest.raises(UsageError, match="cannot sample 0 sequences"):
        make().sample(0, rng=seeded())
