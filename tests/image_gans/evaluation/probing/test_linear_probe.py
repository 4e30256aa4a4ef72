"""The probe is at the minimum of its convex loss, also where there are more features than rows."""

import pytest
import torch

from image_gans.evaluation.probing.linear_probe import fit_probe, fit_probes


def rows(n, f, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(n, f, generator=rng), torch.randint(0, 3, (n,), generator=rng)


def slope(probe, x, y, penalty):
    """Gradient of the loss by (W, b): (p - onehot)^T x / N + lambda W."""
    standard = (x.double() - probe.mean) / probe.scale
    error = probe.logits(x).softmax(1) - torch.nn.functional.one_hot(y, 3)
    by_weight = error.T @ standard / len(x) + penalty * probe.weight
    return torch.cat([by_weight.flatten(), error.mean(0)])


@pytest.mark.parametrize(("n", "f"), [(40, 5), (12, 50)])
@pytest.mark.parametrize("penalty", [0.01, 1.0])
def test_the_gradient_vanishes_at_the_solution(n, f, penalty):
    x, y = rows(n, f)
    (probe,) = fit_probes(x, y, 3, (penalty,))
    assert slope(probe, x, y, penalty).abs().max() < 1e-5


def test_a_constant_feature_does_no_harm():
    x, y = rows(20, 4)
    x[:, 2] = 7.0
    (probe,) = fit_probes(x, y, 3, (0.1,))
    assert probe.weight[:, 2].abs().max() < 1e-9
    assert probe.logits(x).isfinite().all()


def test_features_may_have_any_scale_and_offset():
    x, y = rows(30, 4)
    (one,), (other,) = (fit_probes(z, y, 3, (0.1,)) for z in (x, 1000 * x - 50))
    torch.testing.assert_close(one.logits(x), other.logits(1000 * x - 50), atol=1e-3, rtol=0)


def test_the_penalty_that_is_right_on_held_out_rows_is_chosen():
    """Of labels that one feature decides, a huge penalty would learn nothing."""
    rng = torch.Generator().manual_seed(1)
    x = torch.randn(300, 30, generator=rng)
    y = (x[:, 3] > 0.3).long() + (x[:, 3] > -0.3).long()
    probe = fit_probe(x, y, 3, rng, penalties=(1e-3, 1e6))
    assert probe.penalty == 1e-3
    assert probe.right(x, y).double().mean() > 0.9


def test_a_single_row_of_each_class_can_be_fitted():
    x, y = torch.eye(3), torch.arange(3)
    assert fit_probe(x, y, 3, torch.Generator()).right(x, y).all()
