"""FGSM and PGD against closed forms on linear classifiers of two classes.

With logits (0, w x) and class 0 the loss grows with w x, so the worst perturbation of norm epsilon is
epsilon sign(w) for L-infinity and epsilon w / |w| for L2, as long as pixels stay in range.
"""

import pytest
import torch

from image_gans.attacks.gradient_attacks import fgsm, loss_gradient, pgd
from image_gans.attacks.perturbations import lengths, projected, random_perturbation

SHAPE = (3, 2, 4, 4)
W = torch.randn(2 * 4 * 4, generator=torch.Generator().manual_seed(1)) + 0.01
X = torch.rand(SHAPE, generator=torch.Generator().manual_seed(2)) - 0.5
ZEROS = torch.zeros(3, dtype=torch.long)


def linear(x):
    score = x.flatten(1) @ W
    return torch.stack([torch.zeros_like(score), score], 1)


def rng():
    return torch.Generator().manual_seed(5)


def worst(epsilon, norm):
    along = W.sign() if norm == "linf" else W / W.norm()
    return X + epsilon * along.view(1, *SHAPE[1:])


def test_the_gradient_by_hand():
    """d/dx -log softmax_0 = sigma(w x) w."""
    wanted = (X.flatten(1) @ W).sigmoid().view(-1, 1) * W
    torch.testing.assert_close(loss_gradient(linear, X, ZEROS).flatten(1), wanted)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_fgsm_is_the_optimum(norm):
    torch.testing.assert_close(fgsm(linear, X, ZEROS, 0.2, norm), worst(0.2, norm))


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("start", [None, 5])
def test_pgd_reaches_the_optimum(norm, start):
    generator = None if start is None else torch.Generator().manual_seed(start)
    options = {"epsilon": 0.2, "step": 0.5, "steps": 60, "norm": norm, "rng": generator}
    found = pgd(linear, X, ZEROS, **options)
    torch.testing.assert_close(found, worst(0.2, norm), atol=2e-4, rtol=0)


def test_the_other_class_goes_the_other_way():
    ones = torch.ones(3, dtype=torch.long)
    torch.testing.assert_close(fgsm(linear, X, ones, 0.2), 2 * X - worst(0.2, "linf"))


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("epsilon", [0.05, 0.7, 5.0])
def test_norms_and_the_range_of_pixels_are_kept(norm, epsilon):
    x = (2 * X).clamp(-1, 1)
    found = pgd(linear, x, ZEROS, epsilon=epsilon, step=epsilon, steps=4, norm=norm, rng=rng())
    for attacked in (found, fgsm(linear, x, ZEROS, epsilon, norm)):
        assert attacked.abs().max() <= 1
        assert lengths(attacked - x, norm).max() <= epsilon * (1 + 1e-5)


def test_projection_is_the_nearest_point_and_leaves_inner_points():
    far = torch.tensor([[3.0, 4.0], [0.3, -0.4]])
    assert projected(far, 1.0, "l2").allclose(torch.tensor([[0.6, 0.8], [0.3, -0.4]]))
    assert projected(far, 1.0, "linf").allclose(torch.tensor([[1.0, 1.0], [0.3, -0.4]]))


@pytest.mark.parametrize(("norm", "mean"), [("linf", 2 / 3), ("l2", 2 / 3)])
def test_random_starts_fill_the_ball_evenly(norm, mean):
    """Of points uniform in a ball of the plane, of radius 1, the mean norm is 2/3 in either norm."""
    drawn = random_perturbation(torch.zeros(20_000, 2), 1.0, norm, rng())
    assert lengths(drawn, norm).max() <= 1
    assert lengths(drawn, norm).mean().item() == pytest.approx(mean, abs=0.01)
    assert drawn.mean(0).abs().max() < 0.02


def test_a_start_is_random_and_repeatable():
    options = {"epsilon": 0.2, "step": 0.01, "steps": 1}
    first = pgd(linear, X, ZEROS, **options, rng=rng())
    assert torch.equal(first, pgd(linear, X, ZEROS, **options, rng=rng()))
    assert not torch.equal(first, pgd(linear, X, ZEROS, **options))


def test_the_classifier_gets_no_gradients():
    weight = W.clone().requires_grad_()

    def logits(x):
        score = x.flatten(1) @ weight
        return torch.stack([torch.zeros_like(score), score], 1)

    with torch.no_grad():
        pgd(logits, X, ZEROS, epsilon=0.1, step=0.1, steps=2)
    assert weight.grad is None
