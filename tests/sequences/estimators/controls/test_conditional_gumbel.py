"""Noise given its token: it chooses the token, has the law of Gumbel noise, and autograd's derivative."""

from __future__ import annotations

import torch
from torch import Tensor

from seqgan_kit.sequences.estimators.controls.conditional_gumbel import (
    conditional_noise,
    noise_slopes,
)
from seqgan_kit.sequences.estimators.gumbel import gumbel_noise

LOG_PROBS = torch.tensor([0.05, 0.6, 0.05, 0.3]).log()


def drawn(rows: int, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Log-probabilities [rows,V], tokens drawn from them, and standard Gumbel variables."""
    tokens = torch.multinomial(LOG_PROBS.exp(), rows, replacement=True, generator=rng)
    return LOG_PROBS.expand(rows, 4), tokens, gumbel_noise((rows, 4), rng)


def kolmogorov(values: Tensor) -> float:
    """The distance from a standard Gumbel law times the root of n: above 2 once in 1,500 times."""
    ranks = (torch.arange(len(values)) + 0.5) / len(values)
    distance = ((-(-values.double().sort().values).exp()).exp() - ranks).abs().max()
    return distance.item() * len(values) ** 0.5


def test_the_noise_chooses_the_token(rng):
    log_probs, tokens, gumbels = drawn(5000, rng)
    keys = log_probs + conditional_noise(log_probs, tokens, gumbels)
    assert torch.equal(keys.argmax(1), tokens)
    assert len(tokens.unique()) == 4


def test_with_tokens_drawn_first_the_noise_is_gumbels(rng):
    """Each coordinate, the largest key, and the sum of two, by the law of independent draws' difference:
    n_0 - n_1 is logistic, so -log(log(1 + exp(n_1 - n_0))) is Gumbel's again."""
    noise = conditional_noise(*drawn(20_000, rng))
    for column in noise.unbind(1):
        assert kolmogorov(column) < 2
    assert kolmogorov((LOG_PROBS + noise).amax(1)) < 2
    for first, second in ((0, 1), (1, 3), (3, 2)):
        logistic = noise[:, first] - noise[:, second]
        assert kolmogorov(-(torch.nn.functional.softplus(-logistic)).log()) < 2


def test_noise_of_other_tokens_is_found_out(rng):
    log_probs, tokens, gumbels = drawn(20_000, rng)
    noise = conditional_noise(log_probs, tokens.roll(1), gumbels)
    assert kolmogorov(noise[:, 1]) < 2, "the tokens' law is the same"
    noise = conditional_noise(log_probs, torch.ones_like(tokens), gumbels)
    assert kolmogorov(noise[:, 1]) > 8


def test_the_slopes_are_those_of_autograd(rng):
    log_probs, tokens, gumbels = (
        x.double() if x.is_floating_point() else x for x in drawn(50, rng)
    )
    variable = log_probs.clone().requires_grad_()
    noise = conditional_noise(variable, tokens, gumbels)
    (slopes,) = torch.autograd.grad(noise.sum(), variable)
    torch.testing.assert_close(noise_slopes(log_probs, tokens, gumbels), slopes)
    assert ((slopes <= 0) & (slopes >= -1)).all()


def test_impossible_tokens_have_finite_noise():
    """-1e9 is the logit of what is never written."""
    log_probs = torch.tensor([[-1e9, 0.0, -1e9]])
    found = [
        f(log_probs, torch.tensor([1]), torch.zeros(1, 3))
        for f in (conditional_noise, noise_slopes)
    ]
    assert found[0].isfinite().all()
    assert found[1].tolist() == [[0, -1, 0]]
