"""Distances: closed forms, one value an image, gradients."""

import pytest
import torch

from image_gans import distances
from image_gans.distances import DISTANCES


@pytest.mark.parametrize("name", DISTANCES)
def test_each_is_zero_for_equal_images_grows_with_damage_and_has_a_gradient(name: str) -> None:
    x = torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(1))
    y, z = (x + 0.1 * noise).requires_grad_(), x + 0.4 * noise
    distance = DISTANCES[name]
    assert distance(x, x).tolist() == pytest.approx([0, 0, 0], abs=1e-6)
    assert (distance(x, z) > distance(x, y)).all()
    distance(x, y).sum().backward()
    assert y.grad is not None
    assert y.grad.flatten(1).any(1).all()


def test_closed_forms() -> None:
    x, y = torch.zeros(2, 1, 2, 2), torch.tensor([1.0, -3.0]).view(2, 1, 1, 1).expand(2, 1, 2, 2)
    assert distances.absolute(x, y).tolist() == [1, 3]
    assert distances.squared(x, y).tolist() == [1, 9]
    assert distances.over_features(lambda images: 2 * images, x, y).tolist() == [4, 36]
    ramp = torch.arange(4.0).view(1, 1, 1, 4).expand(1, 1, 3, 4)
    assert distances.total_variation(ramp).tolist() == [1.0]
