"""Instance noise: its size over the phase, for both players' turns, and none outside training."""

import pytest
import torch
from torch import nn

from seqgan_kit.core.adversarial import AdversarialGame, Pathwise
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Move
from seqgan_kit.core.objectives import non_saturating
from seqgan_kit.core.techniques.instance_noise import NoisyInput, WithInstanceNoise
from seqgan_kit.errors import UsageError


class Seen(nn.Module):
    """A trunk that records its inputs."""

    def __init__(self):
        super().__init__()
        self.shown = []

    def forward(self, x):
        self.shown.append(x.detach())
        return x.flatten(1)


class Zeros(nn.Module):
    def __init__(self):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(()))

    def sample(self, n, *, rng):
        return torch.zeros(n, 50) + self.bias


@pytest.fixture
def game():
    seen = Seen()
    judge = Discriminator(layer := NoisyInput(seen), 50)
    game = AdversarialGame(
        Zeros(), judge, non_saturating(), WithInstanceNoise(Pathwise(), layer, 0.8)
    )
    return game, seen


@pytest.mark.parametrize(("round_number", "deviation"), [(0, 0.8), (50, 0.4), (100, 0.0)])
def test_the_noise_falls_linearly_to_exactly_nothing(game, round_number, deviation):
    game, seen = game
    move = Move("adversarial", round_number, 101, torch.Generator().manual_seed(0))
    loss = game.discriminator_loss({"real": torch.zeros(40, 50)}, move)
    assert len(seen.shown) == 2
    for shown in seen.shown:  # reals and fakes alike: both are 0 without it
        assert shown.std().item() == pytest.approx(deviation, rel=0.05)
    assert not torch.equal(*seen.shown) or deviation == 0
    loss = game.generator_loss({"real": torch.zeros(40, 50)}, move)
    assert loss.logs["instance_noise"] == pytest.approx(deviation)
    assert seen.shown[-1].std().item() == pytest.approx(deviation, rel=0.05)
    loss.total.backward()
    assert game.players["generator"].bias.grad is not None


def test_the_same_randomness_gives_the_same_noise(game):
    game, seen = game
    for _ in range(2):
        move = Move("adversarial", 0, 2, torch.Generator().manual_seed(7))
        game.discriminator_loss({"real": torch.zeros(4, 50)}, move)
    assert torch.equal(seen.shown[0], seen.shown[2])


def test_there_is_none_in_evaluation_mode(game, move):
    game, seen = game
    game.discriminator_loss({"real": torch.zeros(4, 50)}, Move("adversarial", 0, 2, move.rng))
    game.eval()
    game.discriminate(torch.ones(4, 50))
    assert torch.equal(seen.shown[-1], torch.ones(4, 50))


def test_a_negative_deviation_is_refused():
    with pytest.raises(UsageError, match="instance noise is -1"):
        WithInstanceNoise(Pathwise(), NoisyInput(nn.Identity()), -1.0)
