"""The pathwise estimator and the adversarial game around it, on players small enough for calculations by
hand."""

import pytest
import torch
from torch import nn

from seqgan_kit.core import objectives
from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Move
from seqgan_kit.core.penalties import R1


class Shift(nn.Module):
    """z -> z + shift, z ~ N(0, 1)."""

    def __init__(self, shift: float):
        super().__init__()
        self.shift = nn.Parameter(torch.tensor([shift]))

    def sample(self, n: int, *, rng: torch.Generator) -> torch.Tensor:
        return torch.randn(n, 1, generator=rng) + self.shift


def line(slope: float, offset: float = 0.0) -> Discriminator:
    score = nn.Linear(1, 1)
    with torch.no_grad():
        score.weight.fill_(slope)
        score.bias.fill_(offset)
    return Discriminator(nn.Identity(), 1, score=score)


def test_pathwise_gradient_is_the_chain_rule(move):
    """G(z) = z + m and D(x) = a x: the critic's loss -a(z + m) has derivative -a in m, for every z."""
    game = AdversarialGame(Shift(0.5), line(3.0), objectives.wasserstein())
    loss = game.generator_loss({"real": torch.zeros(7, 1)}, move)
    (gradient,) = torch.autograd.grad(loss.total, game.players["generator"].shift)
    assert gradient.item() == pytest.approx(-3.0)


def test_pathwise_gradient_of_an_expectation(move):
    """D(x) = -x^2: d/dm E[(z + m)^2] = 2 m, to the sampling error 2 / sqrt(n)."""
    square = Discriminator(_Square(), 1, score=nn.Identity())
    game = AdversarialGame(Shift(0.5), square, objectives.wasserstein())
    loss = game.generator_loss({"real": torch.zeros(40_000, 1)}, move)
    (gradient,) = torch.autograd.grad(loss.total, game.players["generator"].shift)
    assert gradient.item() == pytest.approx(1.0, abs=5 * 2 / 200)


class _Square(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return -(x**2)


def test_fakes_for_the_discriminator_carry_no_gradient(rng):
    game = AdversarialGame(Shift(0.5), line(1.0), objectives.hinge())
    fakes = game.estimator.fakes(game, {}, 4, Move("p", 0, 1, rng))
    assert fakes.shape == (4, 1)
    assert not fakes.requires_grad


def test_a_relativistic_generator_is_shown_the_reals(move):
    """RaSGAN's G loss at scores real 1 and fake 0 (all alike): -log sigma(0-1) - log(1 - sigma(1-0)), twice
    softplus(1)."""
    game = AdversarialGame(
        _Zeros(), line(1.0), objectives.relativistic(objectives.non_saturating())
    )
    loss = game.generator_loss({"real": torch.ones(4, 1)}, move).total
    assert loss.item() == pytest.approx(2 * torch.nn.functional.softplus(torch.tensor(1.0)).item())


class _Zeros(nn.Module):
    def sample(self, n: int, *, rng: torch.Generator) -> torch.Tensor:
        return torch.zeros(n, 1)


def test_discriminator_loss_adds_the_halves_and_the_penalties(move):
    """Reals at 2, fakes at 0, D(x) = 3x - 1: -5 + (-1) + weight/2 * 9."""
    game = AdversarialGame(
        _Zeros(), line(3.0, -1.0), objectives.wasserstein(), penalties=[R1(weight=2.0)]
    )
    loss = game.discriminator_loss({"real": torch.full((5, 1), 2.0)}, move)
    assert loss.total.item() == pytest.approx(-5 - 1 + 9)
    assert loss.logs["r1"].item() == pytest.approx(9)
    assert loss.logs["discriminator_loss"].item() == pytest.approx(-6)
    assert loss.logs["score_gap"].item() == pytest.approx(6)
    assert "discriminator_accuracy" not in loss.logs, "a critic's score has no zero to judge by"


def test_reals_and_fakes_are_never_in_one_batch(move):
    """With batch norm, the statistics of a mixed batch would depend on both real and fake samples."""
    seen: list[torch.Tensor] = []
    game = AdversarialGame(_Zeros(), line(1.0), objectives.non_saturating())
    game.players["discriminator"].register_forward_hook(lambda _, args, out: seen.append(args[0]))
    game.discriminator_loss({"real": torch.ones(6, 1)}, move)
    assert sorted(batch.unique().tolist() for batch in seen) == [[0.0], [1.0]]
    assert [len(batch) for batch in seen] == [6, 6]
