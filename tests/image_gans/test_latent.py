"""Ways through latent space, against geometry."""

import math

import pytest
import torch

from image_gans.latent import linear, spherical, strip
from seqgan_kit.errors import UsageError


def rows(seed: int, n: int = 4, d: int = 30) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


SHARES = torch.linspace(0, 1, 9, dtype=torch.float64)


def test_linear_is_the_weighted_mean_with_exact_ends():
    a, b = rows(1), rows(2)
    way = linear(a, b, SHARES)
    assert way.shape == (9, 4, 30)
    assert torch.equal(way[0], a)
    assert torch.equal(way[-1], b)
    torch.testing.assert_close(way[2], 0.75 * a + 0.25 * b)


def test_spherical_on_the_quarter_circle_is_cosine_and_sine():
    a, b = torch.tensor([[2.0, 0.0, 0.0]]), torch.tensor([[0.0, 2.0, 0.0]])
    way = spherical(a, b, SHARES)[:, 0]
    angles = SHARES * math.pi / 2
    expected = 2 * torch.stack([angles.cos(), angles.sin(), 0 * angles], 1)
    torch.testing.assert_close(way.double(), expected, atol=1e-6, rtol=0)


def test_spherical_stays_on_the_sphere_in_equal_angles_with_exact_ends():
    a, b = rows(3), rows(4)
    a, b = 5 * a / a.norm(dim=1, keepdim=True), 5 * b / b.norm(dim=1, keepdim=True)
    way = spherical(a, b, SHARES)
    assert torch.equal(way[0], a)
    assert torch.equal(way[-1], b)
    torch.testing.assert_close(way.norm(dim=-1), torch.full((9, 4), 5.0))
    cosines = (way[1:].double() * way[:-1].double()).sum(-1) / 25
    total = torch.acos((a.double() * b.double()).sum(-1) / 25)
    torch.testing.assert_close(torch.acos(cosines), (total / 8).expand(8, 4), atol=1e-5, rtol=0)


def test_spherical_length_goes_evenly_from_one_to_the_other():
    way = spherical(rows(5), rows(6) * 3, SHARES)
    lengths = torch.lerp(
        rows(5).norm(dim=1).double(), 3 * rows(6).norm(dim=1).double(), SHARES[:, None]
    )
    torch.testing.assert_close(way.norm(dim=-1).double(), lengths, atol=1e-5, rtol=1e-6)


@pytest.mark.parametrize("closeness", [0.0, 1e-7, 1e-4])
def test_spherical_between_equal_and_nearly_equal_vectors_stays_there(closeness):
    a = rows(7)
    way = spherical(a, a + closeness, SHARES)
    torch.testing.assert_close(way, a.expand(9, 4, 30), atol=2 * closeness + 1e-6, rtol=0)


@pytest.mark.parametrize("away", [0.0, 1e-7])
def test_spherical_between_opposite_vectors_keeps_to_the_sphere(away):
    a = rows(8, n=3, d=5)
    b = -a + away * rows(9, n=3, d=5)
    way = spherical(a, b, SHARES)
    assert torch.equal(way[0], a)
    assert torch.equal(way[-1], b)
    lengths = a.norm(dim=1).expand(9, 3)
    torch.testing.assert_close(way.norm(dim=-1), lengths, atol=1e-4, rtol=0)
    middle = (way[4] * a).sum(-1)
    torch.testing.assert_close(middle, torch.zeros(3), atol=1e-4, rtol=0)


def test_spherical_from_and_to_the_zero_vector_is_straight():
    a, zero = rows(10), torch.zeros(4, 30)
    torch.testing.assert_close(spherical(zero, a, SHARES), linear(zero, a, SHARES))
    torch.testing.assert_close(spherical(a, zero, SHARES), linear(a, zero, SHARES))
    assert torch.equal(spherical(zero, zero, SHARES), torch.zeros(9, 4, 30))


def test_a_strip_has_a_way_in_each_row_with_both_ends():
    a, b = rows(11, n=2, d=4), rows(12, n=2, d=4)
    pictures = strip(lambda z: z.view(-1, 1, 2, 2), a, b, steps=5)
    assert pictures.shape == (10, 1, 2, 2)
    assert torch.equal(pictures[[0, 5]].flatten(1), a)
    assert torch.equal(pictures[[4, 9]].flatten(1), b)
    straight = strip(lambda z: z.view(-1, 1, 2, 2), a, b, steps=3, way=linear)
    torch.testing.assert_close(straight[[1, 4]].flatten(1), (a + b) / 2)


def test_a_strip_of_one_step_is_refused():
    with pytest.raises(UsageError, match="at least 2"):
        strip(lambda z: z, rows(1), rows(2), steps=1)
