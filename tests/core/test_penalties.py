"""Gradient penalties of critics with known gradients, and known errors of other implementations."""

import pytest
import torch
from torch import nn

from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.objectives import wasserstein
from seqgan_kit.core.penalties import (
    R1,
    R2,
    GradientPenalty,
    clip_weights,
    gradient_norms,
    interpolate,
)
from seqgan_kit.errors import UsageError

pytestmark = pytest.mark.numerics

SHAPES = [(1, 4), (5, 4), (3, 2, 6), (2, 3, 4, 4), (7, 1)]


def linear_critic(weight: torch.Tensor) -> Discriminator:
    """x -> <w, x> for x of w's shape."""
    score = nn.Linear(weight.numel(), 1)
    with torch.no_grad():
        score.weight.copy_(weight.flatten())
    return Discriminator(nn.Flatten(), weight.numel(), score=score)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_critic_of_slope_one_pays_nothing(shape, rng):
    """<w, x> with |w| = 1 has gradient norm 1 at every point, whatever the batch size and the rank."""
    weight = torch.randn(shape[1:], generator=rng)
    critic = linear_critic(weight / weight.norm())
    real, fake = torch.randn(shape, generator=rng), torch.randn(shape, generator=rng)
    assert GradientPenalty()(critic, real, fake, rng).item() == pytest.approx(0, abs=1e-10)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_penalties_of_a_linear_critic_in_closed_form(shape, rng):
    """Gradient penalty weight*(|w| - target)^2 and R1 weight/2*|w|^2, at any batch size."""
    weight = torch.randn(shape[1:], generator=rng)
    critic, size = linear_critic(weight), weight.norm().item()
    real, fake = torch.randn(shape, generator=rng), torch.randn(shape, generator=rng)
    penalty = GradientPenalty(weight=3.0, target=0.5)(critic, real, fake, rng)
    assert penalty.item() == pytest.approx(3 * (size - 0.5) ** 2, rel=1e-4)
    assert R1(weight=4.0)(critic, real, fake, rng).item() == pytest.approx(2 * size**2, rel=1e-4)


def test_the_norm_is_taken_sample_by_sample():
    """f(x) = |x|^2 / 2 has gradient x. Samples of norm 3 and 4 have norms 3 and 4; one norm over the batch
    would be 5, and the norm of the mean gradient another number."""
    x = torch.tensor([[3.0, 0.0], [0.0, 4.0]])
    norms = gradient_norms(lambda x: (x**2).sum(1) / 2, x)
    assert norms.tolist() == [3.0, 4.0]


def test_r2_is_r1_of_the_fakes(rng):
    """f(x) = |x|^2 / 2 has gradient x: weight/2 * mean |x|^2 of the fakes."""

    class Bowl(nn.Module):
        def forward(self, x):
            return (x**2).sum(1, keepdim=True) / 2

    critic = Discriminator(Bowl(), 1, score=nn.Identity())
    real, fake = torch.full((3, 2), 7.0), torch.tensor([[3.0, 0.0], [0.0, 4.0], [0.0, 0.0]])
    assert R2(weight=6.0)(critic, real, fake, rng).item() == pytest.approx(3 * 25 / 3)
    with pytest.raises(UsageError, match="r2 needs a discriminator without batch norm"):
        R2().check(nn.Sequential(nn.BatchNorm1d(2)))


def test_r1_looks_at_reals_alone(rng):
    critic = Discriminator(_Half(), 1, score=nn.Identity())
    real, fake = torch.tensor([[3.0, 0.0], [0.0, 4.0]]), torch.full((2, 2), 1e6)
    assert R1(weight=2.0)(critic, real, fake, rng).item() == pytest.approx((9 + 16) / 2)


class _Half(nn.Module):
    """x -> |x|^2 / 2."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x.flatten(1) ** 2).sum(1, keepdim=True) / 2


def test_one_epsilon_for_each_sample(rng):
    """Between 0 and 1 a sample's interpolated entries are its epsilon: equal within it, different between."""
    points = interpolate(torch.ones(64, 3, 2, 2), torch.zeros(64, 3, 2, 2), rng).flatten(1)
    assert torch.equal(points, points[:, :1].expand_as(points))
    epsilons = points[:, 0]
    assert epsilons.unique().numel() == 64
    assert epsilons.min() >= 0
    assert epsilons.max() <= 1
    assert epsilons.mean().item() == pytest.approx(0.5, abs=4 * (1 / 12) ** 0.5 / 8)


def test_the_penalty_sits_between_real_and_fake(rng):
    """With gradient x and all reals at 2, all fakes at 4 (one dimension): E(norm) over U[2,4] is 3, and
    E(norm - 1)^2 = 13/3."""
    critic = Discriminator(_Half(), 1, score=nn.Identity())
    real, fake = torch.full((20_000, 1), 2.0), torch.full((20_000, 1), 4.0)
    value = GradientPenalty(weight=1.0)(critic, real, fake, rng).item()
    assert value == pytest.approx(13 / 3, abs=0.05)


def test_penalties_reach_the_critics_weights(rng):
    """d/dw weight*(|w| - 1)^2 = 2*weight*(|w| - 1)*w/|w|."""
    critic = linear_critic(torch.tensor([3.0, 4.0]))
    penalty = GradientPenalty(weight=1.0)(critic, torch.randn(5, 2), torch.randn(5, 2), rng)
    (gradient,) = torch.autograd.grad(penalty, critic.score.weight)
    torch.testing.assert_close(gradient, torch.tensor([[2 * 4 * 0.6, 2 * 4 * 0.8]]))


def test_a_flat_critic_gives_no_nan(rng):
    """The norm has no derivative at a gradient of 0; the penalty must not become nan there."""
    critic = linear_critic(torch.zeros(3))
    penalty = GradientPenalty(weight=1.0)(critic, torch.randn(4, 3), torch.randn(4, 3), rng)
    (gradient,) = torch.autograd.grad(penalty, critic.score.weight)
    assert penalty.item() == 1.0
    assert gradient.isfinite().all()


def test_penalties_are_float32_under_autocast(rng):
    """In bfloat16, 1.01 is 1.0078: the penalty of a critic of slope 1.01 would come out 40 per cent off."""
    critic = linear_critic(torch.tensor([1.01]))
    real, fake = torch.randn(8, 1), torch.randn(8, 1)
    with torch.autocast("cpu", torch.bfloat16):
        penalties = [p(critic, real, fake, rng) for p in (GradientPenalty(1e4), R1(2.0))]
        half = [p(critic, real.bfloat16(), fake.bfloat16(), rng) for p in (GradientPenalty(1e4),)]
    assert all(p.dtype == torch.float32 for p in [*penalties, *half])
    assert penalties[0].item() == pytest.approx(1.0, rel=1e-3)
    assert penalties[1].item() == pytest.approx(1.01**2, rel=1e-5)


@pytest.mark.parametrize("norm", [nn.BatchNorm1d(4), nn.SyncBatchNorm(4)])
@pytest.mark.parametrize("penalty", [GradientPenalty(), R1()])
def test_batch_norm_in_a_penalised_critic_is_refused(norm, penalty):
    critic = Discriminator(nn.Sequential(nn.Linear(3, 4), norm), 4)
    with pytest.raises(UsageError, match="needs a discriminator without batch normalisation"):
        AdversarialGame(nn.Identity(), critic, wasserstein(), penalties=[penalty])


@pytest.mark.parametrize("norm", [nn.LayerNorm(4), nn.GroupNorm(2, 4), nn.InstanceNorm1d(4)])
def test_norms_within_a_sample_are_allowed(norm):
    GradientPenalty().check(Discriminator(nn.Sequential(nn.Linear(3, 4), norm), 4))


class _LastState(nn.Module):
    def __init__(self, kind: type[nn.RNNBase]):
        super().__init__()
        self.rnn = kind(3, 4, num_layers=2, batch_first=True, bidirectional=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.rnn(x)[0][:, -1]


class _Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)
        self.into = nn.Linear(3, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.into(x)
        return self.attention(x, x, x, need_weights=False)[0].mean(1)


class _FusedAttention(_Attention):
    """Straight through torch's fused kernel, as a transformer of our own would."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.into(x)[:, None]
        return nn.functional.scaled_dot_product_attention(x, x, x)[:, 0].mean(1)


@pytest.mark.parametrize(
    ("trunk", "features"),
    [
        (lambda: _LastState(nn.LSTM), 8),
        (lambda: _LastState(nn.GRU), 8),
        (lambda: _LastState(nn.RNN), 8),
        (_Attention, 4),
        (_FusedAttention, 4),
    ],
    ids=["lstm", "gru", "rnn", "attention", "fused attention"],
)
def test_second_derivatives_of_recurrent_and_attending_critics(trunk, features, rng):
    """The penalty's gradient against a central difference along one direction, in the weights."""
    critic = Discriminator(trunk(), features)
    real, fake = torch.randn(3, 5, 3, generator=rng), torch.randn(3, 5, 3, generator=rng)
    weights = [p for p in critic.parameters() if p.requires_grad]

    def penalty() -> torch.Tensor:
        return GradientPenalty(1.0)(critic, real, fake, torch.Generator().manual_seed(3))

    gradients = torch.autograd.grad(penalty(), weights, allow_unused=True)
    size = sum(g.square().sum() for g in gradients if g is not None).sqrt()
    step, ends = 1e-2, []
    for sign in (1, -2):
        with torch.no_grad():
            for weight, g in zip(weights, gradients, strict=True):
                if g is not None:
                    weight.add_(g / size, alpha=sign * step)
        ends.append(penalty().item())
    assert size > 0
    assert (ends[0] - ends[1]) / (2 * step) == pytest.approx(size.item(), rel=0.02)


def test_fused_attention_has_no_second_derivative_of_its_own():
    """The reason why the penalties force the plain kernel; if this test fails, the workaround is
    obsolete."""
    critic, x = _FusedAttention(), torch.randn(2, 5, 3, requires_grad=True)
    (gradient,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="not implemented"):
        gradient.square().sum().backward()


def test_clip_weights_clamps_every_parameter_in_place():
    module = nn.Sequential(nn.Linear(3, 3), nn.LayerNorm(3))
    before = [p.clone() for p in module.parameters()]
    same = [p.data_ptr() for p in module.parameters()]
    clip_weights(module, 0.01)
    for old, new, place in zip(before, module.parameters(), same, strict=True):
        torch.testing.assert_close(new.detach(), old.clamp(-0.01, 0.01).detach())
        assert new.data_ptr() == place
        assert new.requires_grad
