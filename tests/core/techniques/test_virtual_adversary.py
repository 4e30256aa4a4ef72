"""The virtual adversary against the exact Hessian of the divergence, on a softmax model.

For logits W x, KL(p(x) || p(x + r)) = r^T H r / 2 + O(|r|^3) with H = W^T (diag(p) - p p^T) W.
"""

import math

import pytest
import torch

from seqgan_kit.core.techniques.virtual_adversary import (
    prediction_divergence,
    smoothness_loss,
    unit_rows,
    virtual_direction,
)

WEIGHTS = torch.randn(4, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
POINTS = torch.randn(5, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(4))


def linear(x):
    return x @ WEIGHTS.T


def hessians():
    p = linear(POINTS).softmax(1)
    inner = torch.diag_embed(p) - p[:, :, None] * p[:, None, :]
    return WEIGHTS.T @ inner @ WEIGHTS


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def test_the_divergence_by_hand():
    p, q = torch.tensor([[0.5, 0.5]]), torch.tensor([[0.25, 0.75]])
    wanted = 0.5 * math.log(2) + 0.5 * math.log(2 / 3)
    assert prediction_divergence(p.log(), q.log()).item() == pytest.approx(wanted)
    assert prediction_divergence(q.log(), q.log() + 7).item() == pytest.approx(0, abs=1e-6)


def test_power_iteration_finds_the_top_eigenvector_of_the_hessian():
    exact = torch.linalg.eigh(hessians()).eigenvectors[:, :, -1]
    found = virtual_direction(linear, POINTS, rng(), power_steps=200, difference=1e-6)
    assert (found * exact).sum(1).abs().min() > 1 - 1e-6


def test_one_step_is_a_product_of_the_hessian_with_the_random_start():
    start = unit_rows(torch.randn(POINTS.shape, generator=rng(), dtype=torch.float64))
    wanted = unit_rows((hessians() @ start[:, :, None])[:, :, 0])
    found = virtual_direction(linear, POINTS, rng(), power_steps=1, difference=1e-6)
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=0)


def test_the_direction_alters_the_prediction_more_than_random_ones():
    found = virtual_direction(linear, POINTS, rng(), power_steps=20)
    mine = smoothness_loss(linear, POINTS, 0.1 * found)
    for seed in range(1, 6):
        other = unit_rows(torch.randn(POINTS.shape, generator=rng(seed), dtype=torch.float64))
        assert (mine > smoothness_loss(linear, POINTS, 0.1 * other)).all()


def test_nothing_changes_behind_the_mask():
    mask = torch.ones_like(POINTS)
    mask[:, 2:4] = 0
    found = virtual_direction(linear, POINTS, rng(), mask=mask)
    assert (found[:, 2:4] == 0).all()
    torch.testing.assert_close(found.norm(dim=1), torch.ones(5, dtype=torch.float64))


def test_the_loss_learns_through_the_perturbed_prediction_alone():
    """d/dW KL(p || q(W (x + r))) = (q - p) (x + r)^T, with p held fixed."""
    weights = WEIGHTS.clone().requires_grad_()
    r = torch.full_like(POINTS, 0.3)
    smoothness_loss(lambda x: x @ weights.T, POINTS, r).sum().backward()
    p, q = linear(POINTS).softmax(1), linear(POINTS + r).softmax(1)
    torch.testing.assert_close(weights.grad, (q - p).T @ (POINTS + r))


def test_unit_rows_survive_tiny_values_and_keep_zeros():
    rows = torch.tensor([[3e-30, 4e-30], [0.0, 0.0]])
    assert torch.allclose(unit_rows(rows), torch.tensor([[0.6, 0.8], [0.0, 0.0]]))


def test_works_where_gradients_are_off():
    with torch.no_grad():
        assert (
            virtual_direction(linear, POINTS, rng())
            .norm(dim=1)
            .allclose(torch.ones(5, dtype=torch.float64))
        )


def two_moons(n, generator):
    angle = torch.rand(n, generator=generator) * math.pi
    y = torch.arange(n) % 2
    x = torch.stack([angle.cos(), angle.sin()], 1)
    x[y == 1] = torch.tensor([1.0, 0.5]) - x[y == 1]
    return x + 0.08 * torch.randn(n, 2, generator=generator), y


def accuracy_on_moons(weight):
    """Test accuracy of a small network from eight labels, and 200 points without labels if weight > 0."""
    x, y = two_moons(200, generator := rng(0))
    test, wanted = two_moons(500, generator)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layers = [torch.nn.Linear(2, 32), torch.nn.ReLU(), torch.nn.Linear(32, 2)]
    network = torch.nn.Sequential(*layers)
    optimizer = torch.optim.Adam(network.parameters(), 2e-2)
    for _ in range(200):
        loss = torch.nn.functional.cross_entropy(network(x[:8]), y[:8])
        if weight:
            r = 0.3 * virtual_direction(network, x, generator)
            loss = loss + weight * smoothness_loss(network, x, r).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return (network(test).argmax(1) == wanted).float().mean().item()


def test_unlabelled_points_teach_the_shape_of_the_classes():
    assert accuracy_on_moons(weight=1.0) > 0.97 > accuracy_on_moons(weight=0.0) + 0.05
