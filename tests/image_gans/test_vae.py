"""The VAE's bounds against exact likelihoods, on a linear-Gaussian world.

    z ~ N(0, I_d),   x = W z + s e,   e ~ N(0, I):   p(x) = N(0, W W^T + s^2 I)

With orthogonal columns of W, of squared norms n_j, the posterior is diagonal: variance s^2 / (n_j + s^2)
and mean w_j . x / (n_j + s^2). An encoder that gives just that makes every draw's log weight equal to
log p(x).
"""

import math

import pytest
import torch
from torch import Tensor, nn

from image_gans.methods.translation.vae import (
    VAEMethod,
    build,
    log_bernoulli,
    log_normal,
)
from seqgan_kit.core.game import Move
from seqgan_kit.core.gaussian_codes import divergence_from_prior, log_weights

S, PIXELS, CODES = 0.5, 12, 3
NORMS = torch.tensor([4.0, 1.0, 0.25], dtype=torch.float64)


def world() -> Tensor:
    """W [PIXELS,CODES] with orthogonal columns."""
    q, _ = torch.linalg.qr(torch.randn(PIXELS, CODES, generator=rng(), dtype=torch.float64))
    return q * NORMS.sqrt()


def rng() -> torch.Generator:
    return torch.Generator().manual_seed(0)


class Decoder(nn.Module):
    def __init__(self, w: Tensor):
        super().__init__()
        self.w = nn.Parameter(w)

    def forward(self, z: Tensor) -> Tensor:
        return (z @ self.w.T).view(len(z), 1, 3, 4)


class Encoder(nn.Module):
    """The exact posterior, shifted and widened by an error."""

    def __init__(self, w: Tensor, error: float):
        super().__init__()
        self.w, self.error = nn.Parameter(w), error

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        total = NORMS + S**2
        mean = x.flatten(1) @ self.w / total
        return mean + self.error, (S**2 / total).log().expand_as(mean) + self.error


def data(w: Tensor, n: int) -> Tensor:
    source = rng()
    z = torch.randn(n, CODES, generator=source, dtype=torch.float64)
    noise = torch.randn(n, PIXELS, generator=source, dtype=torch.float64)
    return (z @ w.T + S * noise).view(n, 1, 3, 4)


def exact(w: Tensor, x: Tensor) -> Tensor:
    covariance = w @ w.T + S**2 * torch.eye(PIXELS, dtype=torch.float64)
    law = torch.distributions.MultivariateNormal(
        torch.zeros(PIXELS, dtype=torch.float64), covariance
    )
    return law.log_prob(x.flatten(1))


def test_with_the_exact_posterior_every_draw_gives_log_p() -> None:
    w = world()
    game, x = build(Encoder(w, 0.0), Decoder(w), VAEMethod(deviation=S)), data(w, 50)
    elbo, bound = game.bounds(x, 1, rng())
    assert torch.allclose(elbo, exact(w, x), atol=1e-10)
    assert torch.allclose(bound, exact(w, x), atol=1e-10)


def test_with_another_posterior_the_bounds_are_in_order_and_the_loss_is_minus_the_elbo() -> None:
    """ELBO = log p - KL(q || posterior); more draws close the gap from below."""
    w, error = world(), 0.2
    game, x = build(Encoder(w, error), Decoder(w), VAEMethod(deviation=S)), data(w, 40)
    truth = exact(w, x).mean()
    elbo, bound = (values.mean() for values in game.bounds(x, 500, rng()))
    variance = S**2 / (NORMS + S**2)
    gap = 0.5 * (torch.exp(torch.tensor(error)) - 1 - error + error**2 / variance).sum()
    assert elbo.item() == pytest.approx((truth - gap).item(), abs=0.05)
    assert elbo < bound < truth + 0.02
    assert bound.item() == pytest.approx(truth.item(), abs=0.15)
    losses = [
        game.evidence_loss({"real": x}, Move("evidence", 0, 1, torch.Generator().manual_seed(n)))
        for n in range(200)
    ]
    mean = torch.stack([loss.total for loss in losses]).mean()
    assert mean.item() == pytest.approx(-elbo.item(), abs=0.05)


def test_the_parts_agree_with_torchs_distributions() -> None:
    x, mean = torch.randn(4, 2, 3), torch.randn(4, 2, 3)
    wanted = torch.distributions.Normal(mean, 0.7).log_prob(x).flatten(1).sum(1)
    assert torch.allclose(log_normal(x, mean, 0.7), wanted, atol=1e-5)
    m, v, z = torch.randn(5, 3), torch.randn(5, 3), torch.randn(5, 3)
    q, p = torch.distributions.Normal(m, (0.5 * v).exp()), torch.distributions.Normal(0.0, 1.0)
    assert torch.allclose(
        divergence_from_prior(m, v), torch.distributions.kl_divergence(q, p), atol=1e-5
    )
    ratio = (p.log_prob(z) - q.log_prob(z)).sum(1)
    assert torch.allclose(log_weights(torch.zeros(5), z, m, v), ratio, atol=1e-4)


def test_beta_weighs_the_divergence_alone() -> None:
    w = world()
    x, move = data(w, 8), Move("evidence", 0, 1, rng())
    loss = build(Encoder(w, 0.1), Decoder(w), VAEMethod(deviation=S, beta=4.0)).evidence_loss(
        {"real": x}, move
    )
    logs = loss.logs
    assert torch.allclose(loss.total, 4 * logs["code_divergence"] - logs["log_likelihood"])  # type: ignore[operator, arg-type]


def test_a_bernoulli_likelihood_is_a_probability_over_all_images() -> None:
    """Over all 16 black-and-white images of 4 pixels the probabilities add up to 1."""
    output = 2 * torch.rand(1, 1, 2, 2, generator=rng(), dtype=torch.float64) - 1
    bits = torch.arange(16)[:, None].bitwise_right_shift(torch.arange(4)) % 2
    images = (2.0 * bits - 1).view(16, 1, 2, 2)
    found = log_bernoulli(images, output.expand_as(images))
    assert found.exp().sum().item() == pytest.approx(1.0, abs=1e-9)
    white = (1 + output.flatten()) / 2
    assert found[-1].item() == pytest.approx(white.log().sum().item(), abs=1e-9)
    assert log_bernoulli(-torch.ones(1, 1, 2, 2), torch.ones(1, 1, 2, 2)).isfinite().all()


def test_the_method_chooses_the_likelihood() -> None:
    x, output = torch.ones(2, 1, 2, 2), torch.zeros(2, 1, 2, 2)
    game = build(nn.Identity(), nn.Identity(), VAEMethod(likelihood="bernoulli"))
    assert torch.allclose(game.log_likelihood(x, output), torch.full((2,), -4 * math.log(2)))
