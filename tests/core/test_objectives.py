"""Objectives against closed forms, naive computations and their gradients far out."""

import math

import pytest
import torch

from seqgan_kit.core import objectives as o
from seqgan_kit.core.judging import accuracy
from seqgan_kit.errors import UsageError

CROSS_ENTROPY = [
    o.minimax, o.non_saturating, o.max_likelihood, o.expected_probability, o.expected_logit,
    o.boundary_seeking,
]  # fmt: skip
EVERY = [
    *(build() for build in CROSS_ENTROPY),
    o.least_squares(), o.least_squares(-1, 1, 0), o.wasserstein(), o.hinge(),
    o.total_variation(), o.relativistic(o.non_saturating()), o.relativistic(o.least_squares(-1, 1, 1)),
    o.relativistic(o.hinge()),
]  # fmt: skip


def scores(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def gradient(loss, at: float) -> float:
    x = scores(at).requires_grad_()
    return torch.autograd.grad(loss(x).sum(), x)[0].item()


@pytest.mark.parametrize("objective", EVERY, ids=lambda objective: objective.name)
def test_every_loss_has_one_value_a_sample(objective):
    real, fake = torch.randn(6), torch.randn(6)
    real_terms, fake_terms = objective.discriminator(real, fake)
    assert real_terms.shape == fake_terms.shape == (6,)
    assert objective.generator(fake, real).shape == (6,)


@pytest.mark.parametrize("build", CROSS_ENTROPY)
def test_an_undecided_discriminator_pays_log_4(build):
    """D = 1/2 everywhere costs -log(1/2) - log(1 - 1/2) = log 4 (Goodfellow et al. 2014, theorem 1)."""
    real, fake = build().discriminator(scores(0), scores(0))
    assert (real + fake).item() == pytest.approx(math.log(4))


@pytest.mark.parametrize("build", CROSS_ENTROPY)
def test_the_best_discriminator_is_the_ratio_of_densities(build):
    """At a point of densities p and g, the loss p*real(s) + g*fake(s) is least at sigma(s) = p/(p+g); in
    total it is then log 4 - 2 JSD(p, g) (theorem 1)."""
    p, g = scores(0.7, 0.2, 0.1), scores(0.1, 0.3, 0.6)
    best = (p / g).log().requires_grad_()
    real, fake = build().discriminator(best, best)
    total = (p * real + g * fake).sum()
    (slope,) = torch.autograd.grad(total, best)
    torch.testing.assert_close(slope, torch.zeros(3, dtype=torch.float64))
    middle = (p + g) / 2
    divergence = ((p * (p / middle).log()).sum() + (g * (g / middle).log()).sum()) / 2
    assert total.item() == pytest.approx((math.log(4) - 2 * divergence).item())


def test_smoothing_lowers_the_real_target_alone():
    """With one-sided smoothing s the best D at a point is (1-s) p / (p + g), and the fake half is as it was
    (Salimans et al. 2016, section 3.4)."""
    s, p, g = 0.1, 0.6, 0.3
    best = (1 - s) * p / (p + g)
    at = scores(math.log(best / (1 - best))).requires_grad_()
    real, fake = o.non_saturating(s).discriminator(at, at)
    (slope,) = torch.autograd.grad((p * real + g * fake).sum(), at)
    assert slope.item() == pytest.approx(0, abs=1e-12)
    plain = o.non_saturating().discriminator(at, at)
    torch.testing.assert_close(fake, plain[1])
    assert not torch.equal(real, plain[0])


@pytest.mark.parametrize("smoothing", [-0.1, 1.0])
def test_smoothing_outside_its_range_is_refused(smoothing):
    with pytest.raises(UsageError, match=r"use at least 0 and below 1"):
        o.minimax(smoothing)


def test_the_generators_halves_are_the_textbook_functions_of_d():
    s = scores(-2.0, 0.3, 1.7)
    d = s.sigmoid()
    torch.testing.assert_close(o.minimax().generator(s, None), (1 - d).log())
    torch.testing.assert_close(o.non_saturating().generator(s, None), -d.log())
    torch.testing.assert_close(o.max_likelihood().generator(s, None), -d / (1 - d))
    torch.testing.assert_close(o.expected_probability().generator(s, None), -d)
    torch.testing.assert_close(o.expected_logit().generator(s, None), -(d / (1 - d)).log())
    half_square = 0.5 * (d.log() - (1 - d).log()) ** 2
    torch.testing.assert_close(o.boundary_seeking().generator(s, None), half_square)


def test_expected_logit_is_reverse_kl_at_the_best_discriminator():
    """With D = p/(p+g) the logit is log p/g, so G's expected loss is sum g log g/p = KL(G || data)."""
    p, g = scores(0.7, 0.2, 0.1), scores(0.1, 0.3, 0.6)
    loss = (g * o.expected_logit().generator((p / g).log(), None)).sum()
    assert loss.item() == pytest.approx((g * (g / p).log()).sum().item())


def test_max_likelihood_is_forward_kl_in_gradient_at_the_best_discriminator():
    """E_g[-exp(logit D) grad log g] = -E_g[p/g grad log g] = -E_p[grad log g] = grad KL(data || G), D held
    fixed (Goodfellow 2014)."""
    p, logits = scores(0.7, 0.2, 0.1), scores(0.1, 1.0, -0.4).requires_grad_()
    g = logits.softmax(0)
    loss = (g * o.max_likelihood().generator((p / g).log().detach(), None)).sum()
    (ours,) = torch.autograd.grad(loss, logits, retain_graph=True)
    (wanted,) = torch.autograd.grad((p * (p / g).log()).sum(), logits)
    torch.testing.assert_close(ours, wanted)


def test_boundary_seeking_rests_where_the_discriminator_is_undecided():
    """F^2/2 pulls a fake that D takes for real back, too: slope F, 0 on the boundary."""
    loss = o.boundary_seeking().generator
    assert [gradient(lambda x: loss(x, None), at) for at in (-3.0, 0.0, 2.0)] == [-3, 0, 2]


@pytest.mark.parametrize("far", [-100.0, 100.0])
@pytest.mark.parametrize("objective", EVERY, ids=lambda objective: objective.name)
def test_losses_and_gradients_stay_finite_far_out(objective, far):
    real = torch.tensor([far, 0.0], requires_grad=True)
    fake = torch.tensor([-far, far], requires_grad=True)
    terms = [*objective.discriminator(real, fake), objective.generator(fake, real)]
    for term in terms:
        grads = torch.autograd.grad(term.sum(), (real, fake), retain_graph=True, allow_unused=True)
        assert term.isfinite().all()
        assert all(g.isfinite().all() for g in grads if g is not None)


def test_gradients_do_not_vanish_where_the_loss_is_large():
    """log(sigmoid(x) + eps) is flat at -80; softplus has slope 1 there."""
    loss = o.non_saturating()
    assert gradient(lambda x: loss.generator(x.float(), None), -80) == pytest.approx(-1)
    assert gradient(lambda x: loss.discriminator(x.float(), x.float())[0], -80) == pytest.approx(-1)
    assert gradient(lambda x: loss.discriminator(x.float(), x.float())[1], 80) == pytest.approx(1)
    eps = 1e-8
    assert gradient(lambda x: -(x.float().sigmoid() + eps).log(), -80) == pytest.approx(0, abs=1e-6)


OUTWARD = {
    "minimax": (0, -1), "non_saturating": (-1, 0), "max_likelihood": (0, -math.exp(20)),
    "expected_probability": (0, 0), "expected_logit": (-1, -1), "boundary_seeking": (-100, 100),
    "least_squares": (-101, 99), "wasserstein": (-1, -1), "hinge": (-1, -1),
    "relativistic_non_saturating": (-1, 0), "relativistic_least_squares": (-101, 99),
    "relativistic_hinge": (-1, 0),
}  # fmt: skip


@pytest.mark.parametrize("name", OUTWARD)
def test_slopes_of_the_generators_half_at_logits_of_100(name):
    """At -100 and 100, in float32, against the derivatives by hand; the other side's scores are 0.

    minimax -sigma(s), non-saturating sigma(s) - 1, maximum likelihood -e^s up to 20, D's probability
    -sigma(s) sigma(-s), boundary seeking s, least squares s - 1; of a relativistic G the half in which
    fakes should look like reals.
    """
    inner = name.removeprefix("relativistic_")
    objective = {"wasserstein": o.wasserstein, "hinge": o.hinge}.get(inner) or getattr(o, inner)
    objective = objective()
    if name.startswith("relativistic_"):
        objective = o.relativistic(objective)
    for at, wanted in zip((-100.0, 100.0), OUTWARD[name], strict=True):
        fake, real = torch.tensor([at], requires_grad=True), torch.zeros(1)
        loss = objective.generator(fake, real)
        if name.startswith("relativistic_"):
            loss = objective.generator(fake, real) - _other_half(objective, inner, fake, real)
        (slope,) = torch.autograd.grad(loss.sum(), fake)
        assert slope.dtype == torch.float32
        assert slope.item() == pytest.approx(wanted, rel=1e-5, abs=1e-30)


def _other_half(objective, inner, fake, real):
    """Return a relativistic G's loss for real samples that look fake."""
    return getattr(o, inner)().discriminator(fake - real.mean(), real - fake.mean())[1]


def test_the_discriminators_slopes_at_logits_of_100():
    """-1 and 1 where it is wrong, 0 where it is right (a critic: always; least squares: the error)."""
    for objective, wanted in (
        *((build(), (-1, 0, 0, 1)) for build in CROSS_ENTROPY),
        (o.hinge(), (-1, 0, 0, 1)),
        (o.wasserstein(), (-1, -1, 1, 1)),
        (o.least_squares(), (-101, 99, -100, 100)),
    ):
        far = torch.tensor([-100.0, 100.0], requires_grad=True)
        slopes = [
            torch.autograd.grad(half.sum(), far) for half in objective.discriminator(far, far)
        ]
        found = torch.cat([s for (s,) in slopes]).tolist()
        assert found == pytest.approx(wanted, abs=1e-30), objective.name


def test_max_likelihood_goes_on_straight_without_a_kink():
    """Up to 20 it is -e^s; beyond it keeps the slope that it has there, which Adam can square."""
    loss = o.max_likelihood().generator
    near = scores(-3, 5, 19.9).requires_grad_()
    torch.testing.assert_close(loss(near, None), -near.exp())
    (slope,) = torch.autograd.grad(loss(near, None).sum(), near)
    torch.testing.assert_close(slope, -near.exp())
    beyond = loss(scores(20, 23), None) / math.exp(20)
    torch.testing.assert_close(beyond, scores(-1, -4))
    assert torch.tensor(math.exp(20)).square().isfinite()


def test_minimax_saturates_as_it_should():
    """The slope of log(1 - D) is -D: nothing where D is sure of a fake, -1 where it is fooled."""
    assert gradient(lambda x: o.minimax().generator(x, None), -80) == pytest.approx(0, abs=1e-30)
    assert gradient(lambda x: o.minimax().generator(x, None), 80) == pytest.approx(-1)


@pytest.mark.parametrize(("a", "b", "c"), [(0, 1, 1), (-1, 1, 0), (1, 0, 0.5)])
def test_least_squares_targets(a, b, c):
    """(b - D)^2/2 + (a - D)^2/2 and (c - D)^2/2 (Mao et al. 2017, eq. 2), with D's best at
    (b p + a g)/(p + g) (eq. 5)."""
    objective = o.least_squares(a, b, c)
    assert objective.discriminator(scores(b), scores(a)) == (0, 0)
    assert objective.generator(scores(c), None).item() == 0
    assert objective.generator(scores(c + 3.0), None).item() == 4.5
    p, g = 0.7, 0.2
    best = scores((b * p + a * g) / (p + g)).requires_grad_()
    real, fake = objective.discriminator(best, best)
    assert torch.autograd.grad((p * real + g * fake).sum(), best)[0].item() == pytest.approx(0)
    assert objective.decision == ((a + b) / 2 if b > a else None)


def test_pearson_targets_give_the_chi_square_divergence():
    """With b - c = 1 and b - a = 2, and G's half taken on reals too, 2 C(G) = chi^2(p + g || 2 g)
    (Mao et al. 2017, theorem 1)."""
    p, g = scores(0.7, 0.2, 0.1), scores(0.1, 0.3, 0.6)
    objective = o.least_squares(-1, 1, 0)
    best = (p - g) / (p + g)
    loss = ((p + g) * objective.generator(best, None)).sum()
    chi = (((p + g) - 2 * g) ** 2 / (p + g)).sum()
    assert (2 * loss).item() == pytest.approx(chi.item())


def test_wasserstein_and_hinge():
    real, fake = scores(-2, 0.5, 3), scores(-3, -0.5, 2)
    terms = o.wasserstein().discriminator(real, fake)
    assert [t.tolist() for t in terms] == [[2, -0.5, -3], [-3, -0.5, 2]]
    assert o.wasserstein().generator(fake, None).tolist() == [3, 0.5, -2]
    assert o.wasserstein().decision is None
    terms = o.hinge().discriminator(real, fake)
    assert [t.tolist() for t in terms] == [[3, 0.5, 0], [0, 0.5, 3]]
    assert o.hinge().generator(fake, None).tolist() == [3, 0.5, -2]


def test_total_variation_at_the_best_discriminator():
    """With D = +-inf by the sign of p - g, D's loss is -sum |p - g|, minus twice the distance."""
    p, g = scores(0.7, 0.2, 0.1), scores(0.1, 0.3, 0.6)
    best = (p - g).sign() * 50
    real, fake = o.total_variation().discriminator(best, best)
    assert (p * real + g * fake).sum().item() == pytest.approx(-(p - g).abs().sum().item())
    torch.testing.assert_close(
        o.total_variation().generator(scores(0.3), None), -scores(0.3).tanh()
    )


def test_relativistic_average_against_loops():
    """RaSGAN (Jolicoeur-Martineau 2018, section 4.2): D's halves -log sigma(C(r) - mean C(f)) and
    -log(1 - sigma(C(f) - mean C(r))); G's the same with real and fake exchanged."""
    real, fake = scores(1.2, -0.3, 0.8), scores(-1.0, 0.4, 0.1)

    def naive(first, second):
        up = [-math.log(1 / (1 + math.exp(-(x - sum(second) / 3)))) for x in first]
        down = [-math.log(1 - 1 / (1 + math.exp(-(x - sum(first) / 3)))) for x in second]
        return up, down

    objective = o.relativistic(o.non_saturating())
    ours = objective.discriminator(real, fake)
    for term, wanted in zip(ours, naive(real.tolist(), fake.tolist()), strict=True):
        assert term.tolist() == pytest.approx(wanted)
    up, down = naive(fake.tolist(), real.tolist())
    wanted = [a + b for a, b in zip(up, down, strict=True)]
    assert objective.generator(fake, real).tolist() == pytest.approx(wanted)
    assert objective.needs_real


def test_relativistic_least_squares_and_hinge_are_the_papers():
    """RaLSGAN (C(r) - mean C(f) - 1)^2 + (C(f) - mean C(r) + 1)^2, halved; RaHingeGAN with max(0, 1 -+ .)."""
    real, fake = scores(1.2, -0.3, 0.8), scores(-1.0, 0.4, 0.1)
    up, down = o.relativistic(o.least_squares(-1, 1, 1)).discriminator(real, fake)
    torch.testing.assert_close(up, (real - fake.mean() - 1) ** 2 / 2)
    torch.testing.assert_close(down, (fake - real.mean() + 1) ** 2 / 2)
    hinge = o.relativistic(o.hinge()).generator(fake, real)
    wanted = (1 - fake + real.mean()).clamp(min=0) + (1 + real - fake.mean()).clamp(min=0)
    torch.testing.assert_close(hinge, wanted)


def test_a_relativistic_generator_needs_reals():
    with pytest.raises(UsageError, match="needs the real scores"):
        o.relativistic(o.hinge()).generator(scores(0), None)


def test_relativistic_pairs_against_the_papers_equations():
    """L_D = -E log sigma(D(r) - D(f)), L_G = -E log sigma(D(f) - D(r)), each real with its own fake (Nie et
    al. 2019; RSGAN, Jolicoeur-Martineau 2018, section 4.1)."""
    real, fake = scores(1.2, -0.3, 0.8), scores(-1.0, 0.4, 0.1)
    pairs = list(zip(real.tolist(), fake.tolist(), strict=True))
    objective = o.relativistic_pairs(o.non_saturating())
    real_half, fake_half = objective.discriminator(real, fake)
    wanted = [-math.log(1 / (1 + math.exp(f - r))) for r, f in pairs]
    assert (real_half + fake_half).tolist() == pytest.approx(wanted)
    torch.testing.assert_close(real_half, fake_half)
    wanted = [-math.log(1 / (1 + math.exp(r - f))) for r, f in pairs]
    assert objective.generator(fake, real).tolist() == pytest.approx(wanted)
    assert objective.needs_real
    assert not torch.allclose(real_half.sum(), objective.discriminator(real, fake.flip(0))[0].sum())


def test_relativistic_pairs_of_other_losses():
    """Hinge max(0, 1 - (r - f)), least squares (r - f - 1)^2 / 2; two alike cost log 2 by cross-entropy."""
    real, fake = scores(1.2, -0.3, 0.8), scores(-1.0, 0.4, 0.1)
    hinge = sum(o.relativistic_pairs(o.hinge()).discriminator(real, fake))
    torch.testing.assert_close(hinge, (1 - real + fake).clamp(min=0))
    squares = o.relativistic_pairs(o.least_squares(0, 1, 1))
    torch.testing.assert_close(sum(squares.discriminator(real, fake)), (real - fake - 1) ** 2 / 2)
    torch.testing.assert_close(squares.generator(fake, real), (fake - real - 1) ** 2 / 2)
    even = o.relativistic_pairs(o.non_saturating()).discriminator(scores(3), scores(3))
    assert sum(even).item() == pytest.approx(math.log(2))


def test_relativistic_pairs_do_not_depend_on_a_common_shift():
    real, fake = scores(1.2, -0.3, 0.8), scores(-1.0, 0.4, 0.1)
    objective = o.relativistic_pairs(o.non_saturating())
    moved = objective.discriminator(real + 50, fake + 50)
    torch.testing.assert_close(moved[0], objective.discriminator(real, fake)[0])


def test_relativistic_pairs_need_partners():
    objective = o.relativistic_pairs(o.hinge())
    with pytest.raises(UsageError, match="as many reals as fakes; got 3 and 1"):
        objective.discriminator(scores(1, 2, 3), scores(1))
    with pytest.raises(UsageError, match="needs the real scores"):
        objective.generator(scores(0), None)


def test_accuracy_weighs_reals_and_fakes_alike():
    real, fake = scores(1, -1, 2, 3), scores(-1, 1)
    assert accuracy(real, fake).item() == pytest.approx((3 / 4 + 1 / 2) / 2)
    assert accuracy(real, fake, decision=2.5).item() == pytest.approx((1 / 4 + 1) / 2)
