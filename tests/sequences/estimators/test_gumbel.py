"""Gumbel-softmax: the noise, the relaxation, the law of its likeliest tokens, the bias of its gradient."""

from __future__ import annotations

import math

import pytest
import small_worlds as small
import torch
from torch import Tensor, nn

from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Move
from seqgan_kit.core.objectives import expected_logit, hinge, non_saturating, relativistic
from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.estimators import gumbel
from seqgan_kit.sequences.estimators.gumbel import (
    GumbelSoftmax,
    gumbel_noise,
    relaxed_one_hot,
    sample_relaxed,
)
from seqgan_kit.sequences.estimators.temperatures import temperature_at
from seqgan_kit.sequences.generators.transformer import TransformerConfig, TransformerGenerator

FULL = small.WORLDS["every row full"][1]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_noise_is_gumbels(rng):
    """Its distribution function is exp(-exp(-x)); Kolmogorov and Smirnov's distance times the root of n is
    above 2 once in 1,500 times."""
    noise = gumbel_noise((20_000,), rng)
    ranks = (torch.arange(20_000) + 0.5) / 20_000
    distance = ((-(-noise.double().sort().values).exp()).exp() - ranks).abs().max()
    assert distance * 20_000**0.5 < 2
    assert noise.mean().item() == pytest.approx(0.5772, abs=5 * math.pi / 6**0.5 / 20_000**0.5)


def test_the_noise_is_finite_at_the_ends_of_the_uniform_numbers(rng, monkeypatch):
    largest = 1 - 2**-24
    monkeypatch.setattr(torch, "rand", lambda shape, **_: torch.tensor([0.0, largest]))
    noise = gumbel_noise((2,), rng)
    assert noise.isfinite().all()
    assert noise[0] < -4
    assert noise[1] > 16


def test_relaxation_of_two_tokens_is_a_logistic_function():
    """softmax((l + n)/tau)_0 = sigma((l_0 + n_0 - l_1 - n_1)/tau), slope y_0 y_1 / tau in l_0."""
    logits = torch.tensor([0.3, -0.5], requires_grad=True)
    noise, tau = torch.tensor([0.2, 1.1]), 0.4
    soft = relaxed_one_hot(logits, noise, tau, hard=False)
    first = torch.tensor((0.3 + 0.2 + 0.5 - 1.1) / tau).sigmoid()
    assert soft[0].item() == pytest.approx(first.item())
    (slope,) = torch.autograd.grad(soft[0], logits)
    assert slope[0].item() == pytest.approx((first * (1 - first) / tau).item())


def test_straight_through_is_exactly_one_hot_with_the_soft_gradient(rng):
    logits = (10 * torch.randn(400, 50, generator=rng)).double().requires_grad_()
    noise, weights = gumbel_noise((400, 50), rng), torch.randn(400, 50, generator=rng)
    for temperature in (5.0, 0.7, 0.01):
        soft = relaxed_one_hot(logits, noise, temperature, hard=False)
        hard = relaxed_one_hot(logits, noise, temperature, hard=True)
        wanted = nn.functional.one_hot((logits + noise).argmax(1), 50).double()
        assert torch.equal(hard, wanted)
        slopes = [torch.autograd.grad((y * weights).sum(), logits)[0] for y in (soft, hard)]
        torch.testing.assert_close(*slopes)


@pytest.mark.parametrize("world", small.WORLDS)
@pytest.mark.parametrize(("hard", "feed"), [(True, "sample"), (False, "argmax"), (True, "argmax")])
def test_the_likeliest_tokens_have_the_generators_law(tiny_generator, world, hard, feed):
    assert law_excess(tiny_generator, world, hard, feed) < 5


def law_excess(
    tiny_generator, world: str, hard: bool, feed: str, temperature: float = 0.7
) -> float:
    """Pearson's chi-square of 40,000 rows against the exact probabilities of all sequences, in standard
    deviations above its mean."""
    vocabulary, options = small.WORLDS[world]
    generator = tiny_generator(vocabulary, small.LENGTH, initial_std=1.0, **options)
    sequences = small.enumerate_sequences(generator)
    expected = 40_000 * generator.sequence_log_prob(sequences).detach().double().exp()
    with torch.no_grad():
        rows = sample_relaxed(generator, 40_000, temperature, rng=seeded(), hard=hard, feed=feed)
    same = (rows.argmax(2).unsqueeze(1) == sequences).all(2)
    assert same.any(1).all(), "a sequence that the generator cannot write"
    counts = same.double().sum(0)
    statistic, freedom = ((counts - expected) ** 2 / expected).sum().item(), len(sequences) - 1
    return float((statistic - freedom) / (2 * freedom) ** 0.5)


def test_noise_on_probabilities_is_found_out(tiny_generator, monkeypatch):
    plain = gumbel.relaxed_one_hot
    monkeypatch.setattr(
        gumbel, "relaxed_one_hot", lambda logits, *rest: plain(logits.softmax(-1), *rest)
    )
    assert law_excess(tiny_generator, "every row full", True, "sample") > 50


def test_soft_inputs_follow_another_law(tiny_generator):
    """Reading soft tokens the generator is not the one that writes in the end: the test above has teeth."""
    assert law_excess(tiny_generator, "every row full", False, "sample", 3.0) > 15


@pytest.mark.parametrize("feed", ["sample", "argmax"])
@pytest.mark.parametrize("hard", [False, True])
def test_rows_are_distributions_and_exactly_pad_after_their_end(tiny_generator, rng, hard, feed):
    generator = tiny_generator(6, 6)
    rows = sample_relaxed(generator, 300, 0.8, rng=rng, hard=hard, feed=feed)
    torch.testing.assert_close(rows.sum(2), torch.ones(300, 6))
    tokens = rows.argmax(2)
    before = generator.token_mask(tokens)
    assert 0.1 < before.float().mean() < 0.9, "some rows end early"
    assert (rows[before][:, [0, 1]] == 0).all(), "no weight on PAD and BOS before the end"
    pad = nn.functional.one_hot(torch.tensor(0), 6).float()
    assert torch.equal(rows[~before], pad.expand((~before).sum(), 6))
    slopes = torch.autograd.grad(
        (rows * (~before).unsqueeze(2) * torch.randn(6)).sum(), list(generator.parameters())
    )
    assert all((slope == 0).all() for slope in slopes), "PAD is not a choice"
    assert torch.equal(tokens, generator_tokens(generator, tokens)), "rows as real ones"


def generator_tokens(generator, tokens: Tensor) -> Tensor:
    """The rows with all after their first EOS set to PAD."""
    return torch.where(generator.token_mask(tokens), tokens, generator.pad)


def test_feeding_the_likeliest_tokens_is_teacher_forcing_on_them(tiny_generator):
    """The relaxed rows, and all their gradients, are those of the generator reading its own tokens as ids."""
    generator = tiny_generator(5, 4, **FULL | {"bos": 1}).double()
    rows = sample_relaxed(generator, 50, 0.6, rng=seeded(), feed="argmax")
    rng = seeded()
    noise = torch.stack([gumbel_noise((50, 5), rng) for _ in range(4)], dim=1)
    forced = relaxed_one_hot(generator.logits(rows.argmax(2)), noise, 0.6, hard=False)
    torch.testing.assert_close(rows, forced)
    weights, parameters = torch.randn(50, 4, 5).double(), list(generator.parameters())
    slopes = [torch.autograd.grad((y * weights).sum(), parameters) for y in (rows, forced)]
    for ours, wanted in zip(*slopes, strict=True):
        torch.testing.assert_close(ours, wanted, rtol=1e-10, atol=1e-12)


def test_feeding_the_sample_carries_gradients_through_the_inputs(tiny_generator):
    """A score of the last position moves the embeddings; read as ids, by another gradient."""
    generator = tiny_generator(5, 4, **FULL)
    slopes = []
    for feed in ("sample", "argmax"):
        rows = sample_relaxed(generator, 50, 0.6, rng=seeded(), hard=True, feed=feed)
        slopes.append(torch.autograd.grad(rows[:, -1, 2].sum(), generator.output.weight)[0])
    assert not torch.allclose(*slopes)


class Judge(nn.Module):
    """A score that is linear in every position's token, with a product of neighbours."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("weights", torch.randn(3, 3))
        self.register_buffer("pairs", torch.randn(2, 3, 3))

    def forward(self, rows: Tensor) -> Tensor:
        single = torch.einsum("btv,tv->b", rows, self.weights)
        return single + torch.einsum("btv,btw,tvw->b", rows[:, :-1], rows[:, 1:], self.pairs)


def test_the_bias_shrinks_with_the_temperature(tiny_generator):
    """Of the soft gradient of E[score], against the exact one by enumeration. The bias's squared length is
    that of the mean's error, less what sampling alone adds to it."""
    generator = tiny_generator(3, 3, embedding=2, hidden=3, **FULL)
    judge = Judge()
    sequences = small.enumerate_sequences(generator)
    scores = judge(nn.functional.one_hot(sequences, 3).float())
    expected = (generator.sequence_log_prob(sequences).exp() * scores).sum()
    truth = -small.flat_gradient(expected, generator)
    game = AdversarialGame(
        generator, Discriminator(judge, 1, score=nn.Identity()), expected_logit()
    )
    squared = {}
    for temperature in (1.0, 0.5, 0.25):
        estimator, rng = GumbelSoftmax(temperature, temperature), seeded()
        parts = torch.stack(
            [
                small.flat_gradient(
                    estimator.generator_loss(
                        game, {"real": torch.zeros(4000, 1)}, Move("adversarial", 0, 1, rng)
                    ).total,
                    generator,
                )
                for _ in range(40)
            ]
        )
        noise = (parts.var(0) / len(parts)).sum()
        off = (parts.mean(0) - truth).square().sum() - noise
        squared[temperature] = (off / truth.square().sum()).item()
    # Measured: 0.284, 0.042 and 0.004, with standard errors below 0.001.
    assert squared[1.0] > 4 * squared[0.5] > 0
    assert squared[0.5] > 4 * squared[0.25]
    assert squared[0.25] < 0.01


COURSES = [
    "geometric", "linear", "inverse_linear", "inverse_log", "inverse_quadratic", "inverse_root"
]  # fmt: skip


@pytest.mark.parametrize("course", COURSES)
@pytest.mark.parametrize(("start", "end"), [(1.0, 0.01), (3.0, 0.7), (0.1, 0.9)])
@pytest.mark.parametrize("rounds", [1, 2, 7, 300])
def test_the_temperature_reaches_its_stated_end_in_the_last_round(course, start, end, rounds):
    estimator = GumbelSoftmax(start, end, course)
    course_of = [
        estimator.temperature(Move("adversarial", n, rounds, seeded())) for n in range(rounds)
    ]
    assert course_of[-1] == end
    if rounds > 1:
        assert course_of[0] == start
    assert sorted(course_of, reverse=start > end) == course_of


def test_the_geometric_course_is_relgans():
    """1/tau = beta_max^(n/N) with n/N the share of the phase behind us."""
    for share in (0.0, 0.25, 0.5, 1.0):
        assert 1 / temperature_at(share, 1.0, 0.01, "geometric") == pytest.approx(100**share)
    assert temperature_at(0.25, 2.0, 1.0, "linear") == 1.75


def test_the_authors_of_relgan_stop_before_beta_max():
    """weilinie/RelGAN: temper ** (i / N), N = 5000, of which 2,000 rounds are run on Image COCO."""
    estimator = GumbelSoftmax(1.0, 0.01, feed="argmax", rounds=5000)
    for number in (0, 1, 1999, 5000, 6000):
        beta = 1 / estimator.temperature(Move("adversarial", number, 2000, seeded()))
        assert beta == pytest.approx(100 ** min(1.0, number / 5000))
    with pytest.raises(UsageError, match="number of annealing rounds is -1; use 0 or more"):
        GumbelSoftmax(rounds=-1)


def test_the_discriminator_gets_the_same_kind_of_samples(
    tiny_generator, tiny_text_discriminator, move
):
    game = AdversarialGame(
        tiny_generator(), tiny_text_discriminator(), non_saturating(), GumbelSoftmax(hard=True)
    )
    batch = {"real": torch.randint(3, 7, (8, 5))}
    fakes = game.estimator.fakes(game, batch, 8, move)
    assert fakes.shape == (8, 5, 7)
    assert not fakes.requires_grad
    assert set(fakes.unique().tolist()) == {0.0, 1.0}
    assert game.discriminator_loss(batch, move).total.isfinite()


def test_dropout_is_off_while_samples_are_drawn(tiny_text_discriminator):
    """Also in steps of generators that drop in them: the law is that of the samples that are written."""
    config = TransformerConfig(width=8, layers=1, heads=1, dropout=0.5)
    generator = TransformerGenerator(config, 7, 5, bos=1, eos=2, pad=0).train()
    game = AdversarialGame(generator, tiny_text_discriminator(), non_saturating())
    first, second = (
        GumbelSoftmax().draw(game, 6, Move("adversarial", 0, 2, seeded())) for _ in range(2)
    )
    assert torch.equal(first, second)
    assert all(part.training for part in generator.modules())


def test_the_generator_loss_is_the_objectives(tiny_generator, tiny_text_discriminator):
    """Also of one that looks at the real scores; every parameter of G gets a gradient."""
    objective = relativistic(hinge())
    game = AdversarialGame(tiny_generator(), tiny_text_discriminator(), objective).eval()
    estimator = GumbelSoftmax(0.7, 0.5)
    batch = {"real": torch.randint(3, 7, (8, 5))}
    loss = estimator.generator_loss(game, batch, Move("adversarial", 0, 9, seeded()))
    rows = sample_relaxed(game.players["generator"], 8, 0.7, rng=seeded())
    scores = [game.discriminate(x).score for x in (rows, batch["real"])]
    torch.testing.assert_close(loss.total, objective.generator(*scores).mean())
    assert loss.logs["temperature"] == 0.7
    assert loss.logs["largest_share"].item() == pytest.approx(rows.amax(2).mean().item())
    loss.total.backward()
    gradients = [parameter.grad for parameter in game.players["generator"].parameters()]
    assert all(gradient.abs().sum() > 0 for gradient in gradients)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"start": 0.0}, "the start temperature is 0"),
        ({"end": -1.0}, "the end temperature is -1"),
        ({"end": math.inf}, "the end temperature is inf"),
        ({"course": "linearly"}, "Did you mean 'linear'"),
        ({"feed": "arg"}, "argmax"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(UsageError, match=message):
        GumbelSoftmax(**settings)
