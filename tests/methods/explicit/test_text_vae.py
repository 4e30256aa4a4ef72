"""The sentence VAE on a world of 27 rows with a code of one dimension, where integrals are sums over a grid.

p(y) = integral of N(z; 0, 1) p(y|z) dz,   KL(q || p) and E_q[log p(y|z)] likewise
"""

import itertools
import math

import pytest
import torch
from torch import Tensor

from seqgan_kit.core.game import Move
from seqgan_kit.core.gaussian_codes import evidence_bounds
from seqgan_kit.methods.explicit import text_vae
from seqgan_kit.methods.explicit.text_vae import TextVAEMethod, annealed, dropped_words
from seqgan_kit.sequences.generators.latent_lstm import LatentLSTM, LatentLSTMConfig, build_latent

ROWS = torch.tensor(list(itertools.product(range(3), repeat=3)))
GRID = torch.linspace(-8, 8, 801)
STEP = float(GRID[1] - GRID[0])
PRIOR = torch.distributions.Normal(0.0, 1.0).log_prob(GRID)


def model(code_at: str = "every_step") -> LatentLSTM:
    torch.manual_seed(3)
    config = LatentLSTMConfig(4, 5, 1, code_at=code_at)  # type: ignore[arg-type]
    made = LatentLSTM(config, 3, 3, bos=0, eos=None, pad=None)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.mul_(2)
    return made.eval()


def after_codes(made: LatentLSTM) -> Tensor:
    """log p(y|z) [27,G] on the grid."""
    rows = ROWS.repeat_interleave(len(GRID), 0)
    codes = GRID.repeat(len(ROWS)).unsqueeze(1)
    return made.log_likelihood(rows, codes).view(len(ROWS), -1)


def exact(made: LatentLSTM) -> Tensor:
    """log p(y) [27]."""
    return (after_codes(made) + PRIOR).logsumexp(1) + math.log(STEP)


def exact_elbo(made: LatentLSTM) -> tuple[Tensor, Tensor]:
    """E_q[log p(y|z)] and KL(q || p), each [27]."""
    mean, log_variance = made.posterior(ROWS)
    posterior = torch.distributions.Normal(mean, (0.5 * log_variance).exp()).log_prob(GRID)
    density = posterior.exp() * STEP
    return (density * after_codes(made)).sum(1), (density * (posterior - PRIOR)).sum(1)


@pytest.mark.parametrize("code_at", ["start", "every_step"])
def test_sentences_have_probability_one_and_samples_follow_it(code_at, rng):
    made = model(code_at)
    truth = exact(made).detach()
    assert truth.exp().sum().item() == pytest.approx(1, abs=1e-4)
    drawn = made.sample(20_000, rng=rng)
    seen = torch.bincount(drawn @ torch.tensor([9, 3, 1]), minlength=27) / 20_000
    spread = (truth.exp() * (1 - truth.exp()) / 20_000).sqrt()
    assert ((seen - truth.exp()).abs() / spread).max() < 4.5
    codes_matter = after_codes(made).exp().std(1).max()
    assert codes_matter > 0.01


def test_the_bounds_lie_below_the_likelihood_and_meet_it(rng):
    made = model()
    likelihood, divergence = exact_elbo(made)
    elbo, weighted = (part.view(200, 27) for part in made.bounds(ROWS.repeat(200, 1), 10, rng))
    z = (elbo.mean(0) - (likelihood - divergence)).abs() / (elbo.std(0) / 200**0.5)
    assert z.max() < 4.5
    assert (elbo.mean(0) < weighted.mean(0)).all()
    assert (weighted.mean(0) < exact(made) + 0.02).all()
    one = made.bounds(ROWS.repeat(2000, 1), 1, rng)[1].view(2000, 27)
    torch.testing.assert_close(evidence_bounds(one)[1], exact(made).detach(), rtol=0, atol=0.1)


def test_the_loss_is_minus_the_elbo_with_beta(rng):
    made = model()
    game = text_vae.build(made, made.decoder, TextVAEMethod(kept_words=1.0), unknown=2)
    likelihood, divergence = (part.mean() for part in exact_elbo(made))
    for number, beta in ((0, 0.0), (5, 0.5), (20, 1.0)):
        move = Move("evidence", number, 21, rng)
        losses = torch.stack(
            [game.evidence_loss({"real": ROWS}, move).total.detach() for _ in range(100)]
        )
        wanted = beta * divergence - likelihood
        assert abs(losses.mean() - wanted) / (losses.std() / 10) < 4
    assert game.evidence_loss({"real": ROWS}, Move("e", 20, 21, rng)).logs["beta"] == 1.0


def test_divergence_below_the_free_nats_is_not_saved(rng):
    made = model()
    _, divergence = (part.mean().item() for part in exact_elbo(made))
    for free in (divergence / 2, 2 * divergence):
        method = TextVAEMethod(kept_words=1.0, free_nats=free, annealing="none")
        game = text_vae.build(made, made.decoder, method, unknown=2)
        loss = game.evidence_loss({"real": ROWS}, Move("evidence", 0, 1, rng))
        wanted = max(free, divergence) - loss.logs["reconstruction"].item()
        assert loss.total.item() == pytest.approx(wanted, rel=1e-3)


def test_dropped_words_are_read_as_unknown_and_scored_as_they_are(rng):
    made = model()
    assert (dropped_words(ROWS, 0.0, 2, rng) == 2).all()
    assert torch.equal(dropped_words(ROWS, 1.0, 2, rng), ROWS)
    shares = (dropped_words(torch.zeros(2000, 5, dtype=torch.int64), 0.7, 2, rng) == 0).double()
    assert shares.mean().item() == pytest.approx(0.7, abs=0.02)
    codes, shown = torch.randn(27, 1), torch.full_like(ROWS, 2)
    decoder = made.decoder.reading(codes, shown)
    without_input = made.decoder.reading(codes).logits(made.decoder.numbered(shown)).log_softmax(-1)
    wanted = without_input.gather(2, ROWS.unsqueeze(2)).squeeze(2)
    torch.testing.assert_close(decoder.log_probs(decoder.numbered(ROWS)), wanted)


@pytest.mark.parametrize("way", ["sigmoid", "linear"])
def test_annealing_begins_at_0_and_ends_at_exactly_1(way):
    rise = [annealed(step / 100, 0.5, way) for step in range(101)]
    assert rise[0] == pytest.approx(0, abs=1e-12)
    assert rise[25] == pytest.approx(0.5)
    assert rise[50:] == [1.0] * 51
    assert rise == sorted(rise)
    assert annealed(0.0, 0.5, "none") == annealed(0.0, 0.0, way) == 1.0


def test_steps_are_the_network_that_reads_whole_rows(rng):
    """And the posterior reads nothing after EOS."""
    config = LatentLSTMConfig(4, 5, 2, code_at="every_step")
    made, baseline = build_latent(config, 7, 5, bos=1, eos=2, pad=0)
    made.eval()
    rows = made.sample(30, rng=rng)
    assert rows.shape == (30, 5)
    codes = torch.randn(30, 2)
    decoder = made.decoder.reading(codes)
    state, last, total = (
        decoder.start(torch.arange(30).unsqueeze(1)),
        torch.ones(30, dtype=torch.int64),
        0,
    )
    for column in rows.t():
        logits, state = decoder.step(last, state)
        total = total + logits.log_softmax(1).gather(1, column.unsqueeze(1)).squeeze(1)
        last = column
    torch.testing.assert_close(made.log_likelihood(rows, codes), total.detach())
    padded = torch.tensor([[3, 4, 2, 0, 0], [3, 4, 2, 5, 6]])
    mean, _ = made.posterior(padded)
    assert torch.equal(mean[0], mean[1])
    best = made.decoded(codes[:1])
    assert torch.equal(
        best[0, :1], decoder.reading(codes).logits(decoder.numbered(rows))[0, :1].argmax(1)
    )
    assert baseline.output.weight.shape == made.output.weight.shape
