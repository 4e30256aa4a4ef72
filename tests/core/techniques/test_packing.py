"""Packs: their samples, no mix of real and fake samples, and penalties on whole packs."""

import pytest
import torch
from torch import nn

from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.objectives import wasserstein
from seqgan_kit.core.penalties import R1, GradientPenalty
from seqgan_kit.core.techniques.packing import Packed, PackPenalty, pack, unpack
from seqgan_kit.errors import UsageError


@pytest.mark.parametrize("shape", [(6, 2), (6, 3, 4, 4)])
def test_neighbours_are_stacked_along_the_channels_and_come_back(shape):
    x = torch.arange(float(torch.tensor(shape).prod())).view(shape)
    packs = pack(x, 3)
    assert packs.shape == (2, 3 * shape[1], *shape[2:])
    assert torch.equal(packs[1], torch.cat([x[3], x[4], x[5]]))
    assert torch.equal(unpack(packs, 3), x)


def test_channels_last_pictures_are_packed_alike():
    x = torch.randn(4, 3, 5, 5)
    assert torch.equal(pack(x.contiguous(memory_format=torch.channels_last), 2), pack(x, 2))


def linear_judge(weights: torch.Tensor) -> Discriminator:
    """Score w . pack of flat samples."""
    score = nn.Linear(len(weights), 1, bias=False)
    with torch.no_grad():
        score.weight.copy_(weights[None])
    trunk = nn.Identity()
    trunk.rows_are_independent = True
    return Discriminator(Packed(trunk, 2), len(weights), score=score)


def test_a_batch_makes_half_as_many_scores_and_reals_never_meet_fakes(move):
    judge = linear_judge(torch.tensor([1.0, 0.0, 10.0, 0.0]))
    real, fake = torch.tensor([[1.0, 0], [2, 0], [3, 0], [4, 0]]), torch.full((4, 2), 7.0)
    assert judge(real).score.tolist() == [21, 43]

    class Fixed(nn.Module):
        def sample(self, n, *, rng):
            return fake[:n]

    game = AdversarialGame(Fixed(), judge, wasserstein())
    real_score, fake_score = game.scores(real, fake)  # in one pass
    assert real_score.tolist() == [21, 43]
    assert fake_score.tolist() == [77, 77]


def test_a_critic_of_slope_one_in_a_pack_has_no_penalty(rng):
    """w of norm 1 over the pack; sample by sample its slopes are 0.6 and 0.8, which would be penalised."""
    judge = linear_judge(torch.tensor([0.6, 0.0, 0.0, 0.8]))
    real, fake = torch.randn(8, 2), torch.randn(8, 2)
    plain = GradientPenalty(10.0)
    packed = PackPenalty(plain, 2)
    assert packed.name == plain.name
    assert packed(judge, real, fake, rng).item() == pytest.approx(0, abs=1e-9)
    assert plain(judge, real, fake, rng).item() == pytest.approx(10 * (0.16 + 0.04) / 2, rel=1e-4)
    assert PackPenalty(R1(2.0), 2)(judge, real, fake, rng).item() == pytest.approx(1.0)


def test_a_pack_is_mixed_with_one_share(rng):
    """D(x) = |pack|^2/2 has the mixed pack as its gradient: with reals 0 and fakes 1, share e, the norm is
    2 (1-e) for four entries, for one e per pack."""

    class Squares(nn.Module):
        def forward(self, x):
            return x.square().sum(1, keepdim=True) / 2

    judge = Discriminator(Packed(Squares(), 2), 1, score=nn.Identity())
    twin = torch.Generator().manual_seed(0)
    shares = torch.rand(3, 1, generator=twin)
    wanted = ((2 * (1 - shares) - 1) ** 2).mean().item()
    found = PackPenalty(GradientPenalty(1.0), 2)(judge, torch.zeros(6, 2), torch.ones(6, 2), rng)
    assert found.item() == pytest.approx(wanted, rel=1e-5)


def test_what_cannot_be_packed_is_refused():
    with pytest.raises(UsageError, match="batch of 5 does not divide into packs of 2"):
        pack(torch.zeros(5, 2), 2)
    with pytest.raises(UsageError, match="a pack has 1 samples"):
        Packed(nn.Identity(), 1)
    judge = Discriminator(Packed(nn.BatchNorm1d(4), 2), 4)
    with pytest.raises(UsageError, match="without batch normalisation"):
        PackPenalty(GradientPenalty(), 2).check(judge)
