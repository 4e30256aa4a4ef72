"""Feature matching against its closed form, and that D keeps its own loss."""

import pytest
import torch
from torch import nn

from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.objectives import non_saturating
from seqgan_kit.core.techniques.feature_matching import FeatureMatching, feature_distance


def test_the_distance_of_means_by_hand():
    real, fake = torch.tensor([[1.0, 2], [3, 4]]), torch.tensor([[0.0, 0], [0, 3], [3, 0]])
    assert feature_distance(real, fake).item() == 1**2 + 2**2
    assert feature_distance(real, real.flip(0)).item() == 0


class Shift(nn.Module):
    """G: the latents moved by a learned vector."""

    def __init__(self):
        super().__init__()
        self.by = nn.Parameter(torch.tensor([1.0, -1.0]))

    def sample(self, n, *, rng):
        return torch.zeros(n, 2) + self.by


def test_g_descends_the_distance_of_features_and_not_the_score(move):
    """f(x) = 2x, reals all 0: the loss is 4 |by|^2 and its gradient 8 by, whatever the score's weights."""
    trunk = nn.Linear(2, 2, bias=False)
    nn.init.eye_(trunk.weight).data.mul_(2)
    game = AdversarialGame(Shift(), Discriminator(trunk, 2), non_saturating(), FeatureMatching())
    loss = game.generator_loss({"real": torch.zeros(4, 2)}, move).total
    assert loss.item() == pytest.approx(8.0)
    loss.backward()
    assert game.players["generator"].by.grad.tolist() == pytest.approx([8.0, -8.0])
    assert game.players["discriminator"].score.weight.grad is None
    plain = AdversarialGame(Shift(), game.players["discriminator"], non_saturating())
    batch = {"real": torch.ones(4, 2)}
    assert torch.equal(
        game.discriminator_loss(batch, move).total, plain.discriminator_loss(batch, move).total
    )
